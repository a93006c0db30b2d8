"""Acts on classes. Each is one line in the journal, and changes no line that is there."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import replace

from iale.errors import DataError
from iale.labeling.project import Project
from iale.labeling.record._answers import Answers
from iale.labeling.record._journal import Act, Event
from iale.labeling.record._names import LONGEST_NAME, brief, class_name, clean

LONGEST_TEXT = 10_000  # characters of what is written about a class
_FIELDS = ("text", "color", "shortcut")


def rename_class(project: Project, person: str, name: str, new: str, *, key: str = "") -> Event | None:
    """Calls a class otherwise; None if it is called so already.

    Raises DataError if there is no such class, or if another one has, or had, the new name: then merge the two.
    """
    new = class_name(new)

    def act(answers: Answers) -> Act | None:
        book, before = answers.classes, _there(answers, name)
        if new == before:
            return None
        owner = book.find(new)
        if owner is not None and owner != book.find(before):
            now = book.now(new)
            is_now = "is a class that was removed" if now is None else f"means the class {now!r}: merge the two"
            raise DataError(f"{new!r} {is_now}, or choose another name.")
        return Act(kind="rename", person=person, label=before, into=new)

    return _record(project, key, Act(kind="rename", person=person, label=name, into=new), act)


def merge_class(project: Project, person: str, name: str, into: str, *, key: str = "") -> Event | None:
    """Lets the labels of a class count as labels of another; raises DataError if one of them is not there."""

    def act(answers: Answers) -> Act:
        before, after = _there(answers, name), _there(answers, into)
        if before == after:
            raise DataError(f"{before!r} cannot be merged with itself: choose another class.")
        return Act(kind="merge", person=person, label=before, into=after)

    return _record(project, key, Act(kind="merge", person=person, label=name, into=into), act)


def remove_class(project: Project, person: str, name: str, *, key: str = "") -> Event | None:
    """Removes a class. Its labels are set aside, and their samples are asked for again; undo brings them back."""
    asked = Act(kind="remove", person=person, label=name)
    return _record(project, key, asked, lambda answers: replace(asked, label=_there(answers, name)))


def describe_class(
    project: Project, person: str, name: str, about: Mapping[str, str], *, key: str = ""
) -> Event | None:
    """Writes about a class, or, with an empty name, about the project.

    ``about`` holds some of "text" (Markdown), "color" ("#rrggbb" or none) and "shortcut" (a letter, a digit or none).
    Raises DataError for something else.
    """
    values = {field: _checked(field, about[field]) for field in _FIELDS if field in about}

    def act(answers: Answers) -> Act | None:
        label = _there(answers, name) if name else ""
        now = vars(answers.classes.about(label))
        changed = {field: value for field, value in values.items() if now[field] != value}
        return Act(kind="describe", person=person, label=label or None, about=changed) if changed else None

    return _record(project, key, Act(kind="describe", person=person, label=name or None, about=values), act)


def undo_class_act(project: Project, person: str, number: int, *, key: str = "") -> Event | None:
    """Takes back what was done to a class in event ``number``; None if that was taken back already."""

    def act(answers: Answers) -> Act | None:
        acts = {event.number: event for event in answers.classes.acts()}
        return Act(kind="undo", person=person, label=acts[number].label, of=number) if number in acts else None

    return _record(project, key, Act(kind="undo", person=person, of=number), act)


def take_back_class(project: Project, person: str, added: str, *, key: str = "") -> Event | None:
    """Takes back that a person added a class; None if that was not recorded, or was taken back already.

    ``added`` is the key with which it was sent. Raises DataError if the class was used or changed since: then it is
    removed as any other.
    """
    with project.reader.ledger.reading() as there:
        event = there.keys.get((clean(person, "a person's name"), brief(added) or ""))

    def act(answers: Answers) -> Act | None:
        if event is None or event.kind != "class" or event.label is None or answers.classes.now(event.label) is None:
            return None
        if not answers.classes.added(event) or answers.carried_by(event.label):
            raise DataError(f"{event.label[:LONGEST_NAME]!r} was used or changed since: remove it among the classes.")
        return Act(kind="undo", person=person, label=event.label, of=event.number)

    return _record(project, key, Act(kind="undo", person=person, of=event.number if event else 0), act)


def _record(project: Project, key: str, asked: Act, make: Callable[[Answers], Act | None]) -> Event | None:
    """Records what ``make`` returns, once for each key: then what was ``asked`` for must be the same."""
    person, short = clean(asked.person, "a person's name"), brief(key) or ""
    ledger = project.reader.ledger
    with ledger.writing() as answers:
        if known := answers.sent(person, short, asked):
            return known
        act = make(answers)
        return None if act is None else ledger.extend([replace(act, person=person, key=short or None)])[0]


def _there(answers: Answers, name: str) -> str:
    now = answers.classes.now(name)
    if now is None:
        raise DataError(f"{name[:LONGEST_NAME]!r} is not a class of this project: choose one that is there.")
    return now


def _checked(field: str, value: str) -> str:
    if field == "color" and not re.fullmatch("(#[0-9a-fA-F]{6})?", value):
        raise DataError(f"a color must be six digits like #1e834c, or nothing, not {value[:20]!r}.")
    if field == "shortcut":
        value = unicodedata.normalize("NFC", value).casefold()
        if value and (len(value) != 1 or unicodedata.category(value)[0] not in "LN"):
            raise DataError(f"a key must be one letter or digit, or nothing, not {value[:20]!r}.")
    if len(value) > LONGEST_TEXT:
        raise DataError(f"a text about a class may have at most {LONGEST_TEXT:,} characters, not {len(value):,}.")
    if field == "text" and any(unicodedata.category(c) in ("Cc", "Cs") and c not in "\n\t" for c in value):
        raise DataError("a text about a class must not contain control characters: leave them out.")
    return value.lower() if field == "color" else value
