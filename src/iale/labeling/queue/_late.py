"""Answers that came late: somebody else had answered meanwhile. They are second opinions, and both people are told."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from iale.labeling.record._answers import Answers
from iale.labeling.record._journal import Event

_LATE = "came after the answer of "  # begins the note of such an answer


@dataclass(frozen=True)
class Late:
    """Two answers to one sample, of which the first one decides."""

    first: Event
    second: Event


class _Twice(Protocol):
    def answered_twice(self) -> Iterable[tuple[Event, Event]]: ...


def overtaken(answers: Answers, person: str, sample: str, holds: Callable[[Event], bool]) -> Event | None:
    """The answer that somebody else gave to a sample since it was handed to a person.

    An answer takes the lease with it, so whoever still has one was not overtaken. A file is nobody.
    """
    lease, decision = answers.leases.get(sample), answers.decisions.get(sample)
    if decision is None or decision.person == person or (lease is not None and lease.person == person):
        return None
    return decision if answers.last_act(decision.person, sample) is not None and holds(decision) else None


def came_after(other: Event) -> str:
    """The note of an answer that came after another."""
    return f"{_LATE}{other.person}"


def is_late(event: Event) -> bool:
    """Whether an answer came late."""
    return event.reason == "second" and (event.note or "").startswith(_LATE)


def late_opinions(project: _Twice, person: str, since: int = 0) -> list[Late]:
    """The late answers to what a person had answered, from the event after ``since`` on, in order."""
    pairs = (Late(first, second) for first, second in project.answered_twice())
    wanted = (pair for pair in pairs if is_late(pair.second) and pair.first.person == person)
    return sorted((pair for pair in wanted if pair.second.number > since), key=lambda pair: pair.second.number)
