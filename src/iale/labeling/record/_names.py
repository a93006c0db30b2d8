"""Names and notes that people type: checked, or shortened."""

from __future__ import annotations

import unicodedata

from iale.errors import DataError

LONGEST_NAME = 100  # characters of the name of a class or a person
_LONGEST_NOTE = 200
_UNWANTED = ("Cc", "Cs", "Zl", "Zp")  # joiners (Cf) stay: many scripts need them


def clean(text: str, what: str) -> str:
    """``text`` without spaces around it; raises DataError if it is empty, too long or has control characters."""
    text = text.strip()
    if not 1 <= len(text) <= LONGEST_NAME or any(unicodedata.category(c) in _UNWANTED for c in text):
        raise DataError(f"{what} must have 1 to {LONGEST_NAME} printable characters, not {text[:20]!r}.")
    return text


def brief(text: str) -> str | None:
    """The beginning of a text from outside, with spaces for unprintable characters; None for an empty one."""
    plain = "".join(" " if unicodedata.category(c) in _UNWANTED else c for c in text[:_LONGEST_NOTE]).strip()
    return plain or None
