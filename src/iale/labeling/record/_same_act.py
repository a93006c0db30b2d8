"""Whether a request is the one that was recorded with its key: the same one may come twice, and then counts once."""

from __future__ import annotations

from collections.abc import Mapping

from iale.errors import DataError
from iale.labeling.record._class_book import ClassBook
from iale.labeling.record._journal import Act, Event

ANY_SAMPLE = ""
"""In a request to undo: whichever was answered last."""


class KeyUsed(DataError):
    """A key was used for another act; the new one would be answered as if it had been recorded, and be lost."""

    def __init__(self) -> None:
        super().__init__("this key was used for something else: choose a new one for every request.")


def same_act(book: ClassBook, known: Event, act: Act) -> bool:
    """Whether an event is what a request asks for; of an act to undo, ``of`` may be left open."""
    sample = known.sample is not None if act.sample == ANY_SAMPLE else known.sample == act.sample
    if known.kind != act.kind or not sample or act.of not in (None, known.of):
        return False
    if act.kind == "undo":
        return True
    if not _same_class(book, known.label, act.label):
        return False
    if act.kind == "note":
        return (known.note, known.flag) == (act.note, act.flag)
    if act.kind == "describe":
        return _same_words(book, known, act.about or {})
    return _same_class(book, known.into, act.into) if act.kind == "merge" else known.into == act.into


def _same_class(book: ClassBook, one: str | None, other: str | None) -> bool:
    """Whether two names are one class; the journal has the name that it had then."""
    if one is None or other is None:
        return one == other
    return one == other or any(found(one) is not None and found(one) == found(other) for found in (book.find, book.now))


def _same_words(book: ClassBook, known: Event, about: Mapping[str, str]) -> bool:
    """The journal has what changed; whatever else was asked for had been written before, and is there."""
    there = {**vars(book.about(book.now(known.label or "") or "")), **(known.about or {})}
    return (known.about or {}).keys() <= about.keys() and all(there[field] == about[field] for field in about)
