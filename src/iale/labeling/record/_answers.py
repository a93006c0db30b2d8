"""What the events of a journal add up to: who says what about each sample, and who holds which."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from iale.labeling.record._journal import Event, Reason


@dataclass(frozen=True)
class Lease:
    """A sample that was handed out and is not answered yet."""

    person: str
    tab: str
    reason: Reason
    until: float  # when others may get it, in seconds since 1970


class Answers:
    """The state after a sequence of events.

    The decision on a sample is the last answer (label or skip) that was not undone. A second opinion measures how well
    people agree, so it decides only if it is the only answer. An answer that continues another takes its place.
    """

    def __init__(self) -> None:
        self.added: list[str] = []  # names of the classes that were added, in order
        self.decisions: dict[str, Event] = {}  # of every answered sample, the latest change last
        self.leases: dict[str, Lease] = {}  # by the id of the sample; some may have ended
        self.tested: set[str] = set()  # samples that were handed out as part of the test share
        self.keys: dict[tuple[str, str], Event] = {}  # by the person and the key of the request
        self._events: defaultdict[str, list[Event]] = defaultdict(list)
        self._acts: defaultdict[str, list[Event]] = defaultdict(list)
        self._undone: set[int] = set()
        self._continued: set[int] = set()  # answers that go on in later ones
        self._at: dict[int, str] = {}  # samples of all answers
        self._seconds: set[str] = set()

    def apply(self, event: Event) -> None:
        """Takes the next event into account."""
        if event.key:
            self.keys.setdefault((event.person, event.key), event)
        if event.kind == "class" and event.label is not None:
            self.added.append(event.label)
        elif event.kind == "lease":
            self._lease(event)
        elif event.sample is not None:
            if event.kind == "undo" and event.of is not None:
                self._undone.add(event.of)
            else:
                self._answer(event, event.sample)
            self._events[event.sample].append(event)
            self._decide(event.sample)

    def _answer(self, event: Event, sample: str) -> None:
        if event.of is not None and event.of in self._at:
            self._undone.add(event.of)
            self._continued.add(event.of)
            self._decide(self._at[event.of])
            if event.reason == "test":
                self.tested.add(sample)
        before = self.decisions.get(sample)
        # A label from a file is nobody's act. One that a person put in its place has the same reason, but is an act.
        if event.reason != "imported" or (before is not None and before.reason != "second"):
            self._acts[event.person].append(event)
        self._at[event.number] = sample
        self.leases.pop(sample, None)
        if event.reason == "second":
            self._seconds.add(sample)

    def _lease(self, event: Event) -> None:
        for sample, reason in (event.samples or {}).items():
            if not event.until:  # the tab gave it back
                self.leases.pop(sample, None)
                continue
            self.leases[sample] = Lease(event.person, event.tab or "", reason, event.until)
            if reason == "test":
                self.tested.add(sample)

    def _decide(self, sample: str) -> None:
        self.decisions.pop(sample, None)
        answers = self.answers(sample)
        if answers:
            first_hand = (event for event in reversed(answers) if event.reason != "second")
            self.decisions[sample] = next(first_hand, answers[0])

    def leased(self, sample: str, now: float) -> bool:
        """Whether someone holds a sample."""
        lease = self.leases.get(sample)
        return lease is not None and lease.until >= now

    def leases_of(self, person: str, tab: str) -> dict[str, Lease]:
        """What a tab holds, and what it held that nobody else got since."""
        return {s: lease for s, lease in self.leases.items() if (lease.person, lease.tab) == (person, tab)}

    def reason(self, person: str, sample: str) -> Reason:
        """Why a person answers: as the lease says, or for the reason of the answer that is corrected.

        A correction of a test sample stays in the test share: otherwise whoever corrects would choose what is tested.
        """
        lease = self.leases.get(sample)
        if lease is not None and lease.person == person:
            return lease.reason
        decision = self.decisions.get(sample)
        if decision is not None and decision.reason not in (None, "second"):
            return decision.reason
        return "test" if sample in self.tested else "chosen"

    def answers(self, sample: str) -> list[Event]:
        """Labels and skips of a sample that were not undone."""
        return [e for e in self._events.get(sample, ()) if e.kind != "undo" and e.number not in self._undone]

    def history(self, sample: str) -> list[Event]:
        """All labels, skips and undos of a sample; an answer that goes on is there once."""
        return [event for event in self._events.get(sample, ()) if event.number not in self._continued]

    def last_act(self, person: str, sample: str | None = None, key: str = "") -> Event | None:
        """The last answer of a person (to ``sample``) that was not undone; imported labels do not count.

        With a ``key`` it is the one that was sent with it, and no other.
        """
        meant = None if not key else self.keys.get((person, key))
        for event in reversed(self._acts.get(person, ())):
            fits = event is meant if key else sample in (None, event.sample)
            if fits and event.number not in self._undone:
                return event
        return None

    def opinion(self, person: str, sample: str) -> Event | None:
        """What a person says about a sample: the last answer that was not undone."""
        return next((event for event in reversed(self.answers(sample)) if event.person == person), None)

    def pairs(self) -> Iterator[tuple[Event, Event]]:
        """Independent answers of two people to one sample each: the first answer and the second opinion."""
        for sample in sorted(self._seconds):
            answers = self.answers(sample)
            second = next((event for event in answers if event.reason == "second"), None)
            if second is None:
                continue
            first = next((e for e in answers if e.person != second.person and e.number < second.number), None)
            if first is not None:
                yield first, second

    def people(self) -> dict[str, int]:
        """How many samples carry each person's label."""
        return dict(Counter(event.person for event in self.decisions.values() if event.kind == "label"))
