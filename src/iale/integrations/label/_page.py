"""The files that make the page, and the limits of the server that the page has to know."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from iale.integrations.label._pictures import THUMB
from iale.labeling.classes._editing import LONGEST_TEXT
from iale.labeling.record._names import LONGEST_NAME
from iale.labeling.reviewing._deciding import LONGEST_NOTE

LISTED = 60  # labeled samples in one answer of ``/api/labeled``
MOST_HELD = 64  # samples that one tab may hold
_LIMITS = {
    "name": LONGEST_NAME,
    "note": LONGEST_NOTE,
    "text": LONGEST_TEXT,
    "held": MOST_HELD,
    "listed": LISTED,
    "thumbnail": THUMB,
}
_TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}


def page_routes() -> list[Route]:
    """Routes to the files of the folder ``static``, with ``index.html`` at ``/``, and to the limits at ``/api/limits``.

    The files are read once, here, so that no address that a browser sends ever becomes a path.
    """
    routes = [Route("/api/limits", lambda request: JSONResponse(_LIMITS), methods=["GET"])]
    for file in files(__package__).joinpath("static").iterdir():
        kind = next((kind for suffix, kind in _TYPES.items() if file.name.endswith(suffix)), None)
        if kind is not None:  # an editor may have left a copy there
            path = "/" if file.name == "index.html" else f"/{file.name}"
            routes.append(Route(path, _static(file.read_bytes(), kind), methods=["GET"]))
    return routes


def _static(data: bytes, kind: str) -> Callable[[Request], Response]:
    return lambda request: Response(data, media_type=kind)  # a new one each time: the guard writes to its headers
