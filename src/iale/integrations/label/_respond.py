"""How answers are written: JSON that any name of a file fits into, and endpoints that work in threads."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from iale.integrations.label._body import Body

Get = Callable[[Request], Response]
Post = Callable[[Body], Response]


def routes_of(gets: dict[str, Get], posts: dict[str, Post]) -> list[Route]:
    """Routes from addresses to functions of a request or of its body."""
    return [
        *(Route(path, answer, methods=["GET"]) for path, answer in gets.items()),
        *(Route(path, with_body(answer), methods=["POST"]) for path, answer in posts.items()),
    ]


def with_body(answer: Post) -> Callable[[Request], Awaitable[Response]]:
    """An endpoint that parses the request and answers in a thread, because the disk may take its time."""

    async def endpoint(request: Request) -> Response:
        return await run_in_threadpool(answer, Body(await request.body()))

    return endpoint


def printable(text: str) -> str:
    """Text that JSON can carry: the names of files may contain bytes that are not text."""
    return text.encode("utf-8", "replace").decode()


def as_json(**values: object) -> Response:
    """A JSON object."""
    return JSONResponse(values)


def whole(text: str | None) -> int:
    """A number in an address; 0 for anything else."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 12 else 0
