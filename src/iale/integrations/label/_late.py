"""What people are told if one answers a sample that another has answered meanwhile."""

from __future__ import annotations

from iale.integrations.label._body import clean
from iale.labeling.queue._late import Late, is_late, late_opinions
from iale.labeling.reader import ProjectReader
from iale.labeling.record._journal import Event

Told = dict[str, object]
"""One late answer: whose it is, for which sample, what it says, and what the person who is told had said."""

_MOST = 20  # late answers in one status


def told_to_the_late(project: ProjectReader, event: Event) -> Told | None:
    """What the one who came late is told; None if the answer did not come late."""
    if not is_late(event):
        return None
    first = next((first for first, second in project.answered_twice() if second.number == event.number), None)
    return None if first is None else _told(project, first, event)


def told_to_the_first(project: ProjectReader, person: str, since: int) -> list[Told]:
    """What the other one is told: the latest late answers since the event with the number ``since``."""
    found: list[Late] = late_opinions(project, person, since)
    return [_told(project, pair.second, pair.first) for pair in found[-_MOST:]]


def _told(project: ProjectReader, other: Event, own: Event) -> Told:
    name = clean(project.name(own.sample or ""))
    number = max(other.number, own.number)
    return {"number": number, "name": name, "person": other.person, "label": other.label, "own": own.label}
