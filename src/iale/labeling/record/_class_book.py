"""The classes of a project: what they are called now, and what they were called before.

A name means one class for ever. Whoever labels with an earlier name, because a page was offline or a file is old, means
the class that had it. So labels need no rewriting when a class is renamed, and what was done can be undone at any time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from iale.data._names import same_name
from iale.errors import DataError
from iale.labeling.record._journal import Event, Kind
from iale.labeling.record._names import class_name

ACTS: tuple[Kind, ...] = ("rename", "merge", "remove", "describe")
"""Kinds of events that change a class; each can be undone."""


@dataclass(frozen=True)
class About:
    """What people wrote about a class.

    Attributes:
        text: how to tell it, in Markdown.
        color: as "#rrggbb"; empty for none.
        shortcut: the key that was chosen for it; empty for none.
    """

    text: str = ""
    color: str = ""
    shortcut: str = ""


class ClassBook:
    """What the events of a journal say about classes.

    Attributes:
        names: of the classes that there are now, in the order in which they were added.
    """

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._acts: list[Event] = []
        self._undone: set[int] = set()
        self._first: list[str] = list(names)  # the first name of every class that ever was: this is what tells it
        self._class_of = {name: name for name in self._first}  # every name that ever was, and whose it is
        self._alike = {same_name(name): name for name in reversed(self._first)}
        self._build()

    def apply(self, event: Event) -> bool:
        """Takes an event into account; returns whether labels are called differently now."""
        if event.kind == "class" and event.label is not None:
            if event.label not in self._class_of:  # not `find`: an earlier version let two alike be made
                self._first.append(event.label)
                self._learn(event.label, event.label)
        elif event.kind == "undo" and event.of is not None:
            self._undone.add(event.of)
        elif event.kind == "rename" and event.label is not None and event.into is not None:
            self._learn(event.into, self.find(event.label) or event.label)
        before = self._now
        self._acts.append(event)
        self._build()
        return before != self._now

    def find(self, name: str) -> str | None:
        """The class that a name means, by its first name; also one that was removed. None if there never was one.

        What people cannot tell apart (case, blanks, invisible characters, two codes of one letter) is one name, unless
        an earlier version let two such classes be made.
        """
        return self._class_of.get(name) or self._class_of.get(self._alike.get(same_name(name), ""))

    def now(self, name: str) -> str | None:
        """What the class that a name means is called now; None if there is none, or if it was removed."""
        return self._now.get(self.find(name) or "")

    def about(self, name: str) -> About:
        """What people wrote about a class; for an empty name, about the project."""
        return self._about.get(name, About())

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the classes now, in the order in which they were added."""
        return self._names

    @property
    def renames(self) -> Mapping[str, str | None]:
        """The names that are not used any more, and those that their classes have now; None for a removed class."""
        return self._renames

    def meant(self, labels: Iterable[str]) -> tuple[dict[str, str], list[str]]:
        """The names that classes have now for the names in ``labels``, and the classes that must be added for them.

        Raises DataError for a name that cannot be one, and for one of a class that was removed.
        """
        names: dict[str, str] = {}
        new: dict[str, str] = {}
        for label in dict.fromkeys(labels):
            name = class_name(label)
            now = self.now(name)
            if now is None and self.find(name) is not None:
                raise DataError(f"the class {name[:40]!r} was removed: add it again, or leave its labels out.")
            names[label] = now or new.setdefault(same_name(name), name)
        return names, list(new.values())

    @property
    def changes(self) -> int:
        """How many acts there were so far."""
        return len(self._acts)

    def acts(self) -> list[Event]:
        """What was done to classes and can be undone, the latest first."""
        return [act for act in reversed(self._acts) if act.kind in ACTS and act.number not in self._undone]

    def added(self, event: Event) -> bool:
        """Whether an event added a class, and nobody has taken that back, or changed the class since."""
        if event.kind != "class" or event.number in self._undone:
            return False
        first = self.find(event.label or "")
        acts = (act for act in self._acts if act.kind in ACTS and act.number not in self._undone)
        later = (act for act in acts if act.number > event.number)
        return all(first not in (self.find(act.label or ""), self.find(act.into or "")) for act in later)

    def _learn(self, name: str, first: str) -> None:
        self._class_of.setdefault(name, first)
        self._alike.setdefault(same_name(name), name)

    def _build(self) -> None:
        """Plays all acts that were not undone; a class that was added, and taken back, is a removed one."""
        names = {first: first for first in self._first}
        into: dict[str, str] = {}
        removed: set[str] = set()
        about: dict[str, About] = {}
        for act in self._acts:
            first = self.find(act.label or "") or ""
            if act.number in self._undone:
                if act.kind == "class":  # it was not there before, or removed
                    removed.add(first)
                continue
            if act.kind == "class":
                removed.discard(first)
            elif act.kind == "rename" and act.into is not None:
                names[first] = act.into
            elif act.kind == "merge" and act.into is not None:
                into[first] = self.find(act.into) or act.into
            elif act.kind == "remove":
                removed.add(first)
            elif act.kind == "describe":
                about[first] = _changed(about.get(first, About()), act.about or {})
        end = {first: _follow(first, into.get) for first in names}
        self._now = {first: names[last] for first, last in end.items() if last in names and last not in removed}
        self._names = tuple(names[first] for first in self._first if first not in into and first not in removed)
        self._renames = {
            name: self._now.get(first) for name, first in self._class_of.items() if self._now.get(first) != name
        }
        self._about = {names.get(first, ""): each for first, each in about.items()}


def _follow(first: str, step: Callable[[str], str | None]) -> str:
    """Where merges lead; a damaged journal may lead round in a circle."""
    seen = {first}
    while (after := step(first)) is not None and after not in seen:
        first = after
        seen.add(first)
    return first


def _changed(before: About, values: Mapping[str, str]) -> About:
    known = {name: str(values[name]) for name in ("text", "color", "shortcut") if name in values}
    return About(**{**vars(before), **known})
