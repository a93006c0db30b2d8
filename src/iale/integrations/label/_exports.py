"""What the page offers for download."""

from __future__ import annotations

from collections.abc import Callable

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from iale.integrations.label._body import clean
from iale.integrations.label._respond import routes_of
from iale.labeling.export import coco_json, data_card, labels_csv, labels_jsonl
from iale.labeling.project import Project

_EXPORTS: dict[str, tuple[Callable[[Project], str], str]] = {
    "labels.csv": (labels_csv, "text/csv"),
    "labels.jsonl": (labels_jsonl, "application/jsonl"),
    "coco.json": (coco_json, "application/json"),
    "card.md": (data_card, "text/markdown"),
}


def export_routes(project: Project) -> list[Route]:
    """The route ``/export/{name}``, which answers with a file to be saved."""

    def export(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in _EXPORTS:
            raise HTTPException(404, f"there is no such export: choose {' or '.join(_EXPORTS)}.")
        write, kind = _EXPORTS[name]
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return Response(clean(write(project)), media_type=kind, headers=headers)

    return routes_of({"/export/{name}": export}, {})
