"""Names and notes that people type: checked, or shortened."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from iale.data._names import same_name
from iale.errors import ConfigError, DataError

LONGEST_NAME = 100  # characters of the name of a class or a person
_LONGEST_NOTE = 200
_UNWANTED = ("Cc", "Cs", "Zl", "Zp")  # joiners (Cf) stay: many scripts need them


def clean(text: str, what: str) -> str:
    """``text`` without spaces around it; raises DataError if it is empty, too long or has control characters."""
    if not isinstance(text, str):
        raise DataError(f"{what} is a text, not {text!r:.40}: give it in quotes.")
    text = text.strip()
    if not 1 <= len(text) <= LONGEST_NAME or any(unicodedata.category(c) in _UNWANTED for c in text):
        raise DataError(f"{what} must have 1 to {LONGEST_NAME} printable characters, not {text[:20]!r}.")
    return text


def class_name(text: str) -> str:
    """The name of a class as it is kept: one code for each letter, single blanks, no characters without a width.

    Nor any that turn the direction of writing, which would make a name look like another one.
    """
    # Joiners stay: scripts need them.
    text = re.sub("[\u200b\u2060\ufeff\u202a-\u202e]", "", unicodedata.normalize("NFC", text))
    return clean(re.sub(r"[^\S\n\r\v\f\x1c-\x1e\x85\u2028\u2029]+", " ", text), "the name of a class")


def distinct(names: Iterable[str]) -> tuple[str, ...]:
    """The names of a new project's classes as they are kept; raises ConfigError if two cannot be told apart."""
    found: dict[str, str] = {}
    for name in map(class_name, names):
        if (other := found.setdefault(same_name(name), name)) is not name:
            raise ConfigError(
                f"the classes {other!r} and {name!r} have one name to people: name one of them otherwise."
            )
    return tuple(found.values())


def brief(text: str) -> str | None:
    """The beginning of a text from outside, with spaces for unprintable characters; None for an empty one."""
    plain = "".join(" " if unicodedata.category(c) in _UNWANTED else c for c in text[:_LONGEST_NOTE]).strip()
    return plain or None
