"""What a misspelled name was probably meant to be."""

from __future__ import annotations

import contextlib
import difflib
from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path

_LOOKED_AT = 1000  # files beside one that is not there: a folder may hold a million


def did_you_mean(name: str, known: Iterable[str], show: Callable[[str], str] = repr) -> str:
    """A question about the closest known name, with a blank after it; empty if none is close."""
    close = difflib.get_close_matches(name, list(known), n=1)
    return f"did you mean {show(close[0])}? " if close else ""


def neighbors(path: Path) -> list[str]:
    """What lies beside a path that is not there, as it would be written; empty if that cannot be told."""
    with contextlib.suppress(OSError):
        return [str(path.parent / found.name) for found in islice(path.parent.iterdir(), _LOOKED_AT)]
    return []


def meant(path: Path) -> str:
    """The same question about a path that is not there."""
    return did_you_mean(str(path), neighbors(path), str)
