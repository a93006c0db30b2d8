"""How answers are written, and how functions become routes."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from iale.integrations.label._body import Body, clean, with_body
from iale.labeling.reader import Readable
from iale.labeling.reviewing._rows import EXCERPT, text_of

Get = Callable[[Request], Response]
Post = Callable[[Body], Response]


def routes_of(gets: Mapping[str, Get], posts: Mapping[str, Post]) -> list[Route]:
    """Routes from addresses to functions of a request or of its body."""
    return [
        *(Route(path, answer, methods=["GET"]) for path, answer in gets.items()),
        *(Route(path, with_body(answer), methods=["POST"]) for path, answer in posts.items()),
    ]


def as_json(**values: object) -> Response:
    """A JSON object."""
    return JSONResponse(values)


def whole(text: str | None) -> int:
    """A number in an address; 0 for anything else."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 12 else 0


def known(project: Readable, sample: str) -> str:
    """The id of a sample; raises HTTPException if there is none."""
    if project.reader.items.ids.find(sample) is None:
        raise HTTPException(404, "there is no such sample.")
    return sample


def excerpt(project: Readable, sample: str) -> str:
    """The beginning of a text, or of the cells of a row; empty for an image and for what cannot be read."""
    return clean(text_of(project.reader, sample))[:EXCERPT]
