"""What a misspelled name was probably meant to be."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable


def did_you_mean(name: str, known: Iterable[str], show: Callable[[str], str] = repr) -> str:
    """A question about the closest known name, with a blank after it; empty if none is close."""
    close = difflib.get_close_matches(name, list(known), n=1)
    return f"did you mean {show(close[0])}? " if close else ""
