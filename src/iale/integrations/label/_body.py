"""The JSON object that a request carries: parsed once. Every field is checked when it is taken out (DataError)."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Awaitable, Callable, Sequence

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from iale.errors import DataError
from iale.integrations.label._roles import OWNER, WHO, Who

_MOST_TEXT = 200  # characters of a name


class Body:
    """What a request asks for, and who asks; raises HTTPException if it is not a JSON object."""

    def __init__(self, data: bytes, who: Who = OWNER) -> None:
        self.who = who
        try:
            values = json.loads(data)
        except (ValueError, RecursionError):  # deep nesting exhausts the parser's stack
            values = None
        if not isinstance(values, dict):
            raise HTTPException(400, "the request is not a JSON object.")
        self._values: dict[str, object] = values

    def __contains__(self, name: str) -> bool:
        """Whether a field is given, and not null."""
        return self._values.get(name) is not None

    def text(self, name: str, *, most: int = _MOST_TEXT, empty: bool = False, lines: bool = False) -> str:
        """A text that is not too long, blank (unless ``empty``) or unprintable; with ``lines``, it may have several."""
        value = self._values.get(name, "")
        if not isinstance(value, str) or len(value) > most or not (empty or value.strip()):
            raise DataError(f"{name} must be a text of 1 to {most} characters.")
        plain = value.replace("\n", "").replace("\t", "") if lines else value
        if any(unicodedata.category(letter) in ("Cc", "Cs") for letter in plain):
            raise DataError(f"{name} must not contain control characters.")
        return value

    def number(self, name: str) -> int:
        """A whole number."""
        value = self._values.get(name)
        if not isinstance(value, int):
            raise DataError(f"{name} must be a whole number.")
        return value

    def flag(self, name: str) -> bool:
        """True or false; false if it is not given."""
        value = self._values.get(name, False)
        if not isinstance(value, bool):
            raise DataError(f"{name} must be true or false.")
        return value

    def texts(self, name: str) -> Sequence[str]:
        """A list of texts, empty if it is not given."""
        value = self._values.get(name, [])
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise DataError(f"{name} must be a list of texts.")
        return value


def with_body(answer: Callable[[Body], Response]) -> Callable[[Request], Awaitable[Response]]:
    """An endpoint that parses the request and answers in a thread, because the disk may take its time."""

    async def endpoint(request: Request) -> Response:
        return await run_in_threadpool(answer, Body(await request.body(), request.scope.get(WHO, OWNER)))

    return endpoint


def clean(text: str) -> str:
    """Text that JSON can carry: the names of files may contain bytes that are not text."""
    return text.encode("utf-8", "replace").decode()
