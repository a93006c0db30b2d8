"""Requests to an ASGI application without a socket, exactly as they are written: any name, any path, any header."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote


@dataclass(frozen=True)
class Answer:
    """What came back.

    Attributes:
        status: the code.
        headers: by lower-case name; the last one of each name.
        body: the bytes.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


def request(
    app: Any, method: str, address: str, headers: Mapping[str, str], body: bytes | Iterable[bytes] = b""
) -> Answer:
    """One request and its answer.

    Args:
        app: the application.
        method: in capitals.
        address: path and query, as a browser writes them.
        headers: of the request.
        body: bytes, or pieces of them; of those no more are taken than the application reads.
    """
    path, _, query = address.partition("?")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 8414),
    }
    pieces = iter([body] if isinstance(body, bytes) else body)
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        piece = next(pieces, None)
        return {"type": "http.request", "body": piece or b"", "more_body": piece is not None}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    asyncio.run(_call(app, scope, receive, send))
    start = sent[0]
    found = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in start["headers"]}
    return Answer(start["status"], found, b"".join(message.get("body", b"") for message in sent[1:]))


async def _call(app: Any, *arguments: Any) -> None:
    try:
        await app(*arguments)
    except Exception:  # an application that failed has answered 500 before it raises
        return
