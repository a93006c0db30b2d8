"""What the events of a journal add up to: who says what about each sample, and who holds which."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from iale.labeling.record._class_book import ClassBook
from iale.labeling.record._journal import Act, Event, Reason
from iale.labeling.record._same_act import KeyUsed, same_act


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
    Labels have the names that their classes have now; one of a class that was removed keeps its name (`classed`).
    """

    def __init__(self, classes: Iterable[str] = ()) -> None:
        self.classes = ClassBook(classes)
        self.notes: defaultdict[str, dict[str, Event]] = defaultdict(dict)  # by sample and person: what holds now
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
        self._confirmed: defaultdict[str, list[Event]] = defaultdict(list)
        self._said: dict[int, str] = {}  # the labels as they are in the journal, by the number of the event

    def apply(self, event: Event) -> None:
        """Takes the next event into account."""
        if event.key:
            self.keys.setdefault((event.person, event.key), event)
        if event.kind == "lease":
            self._lease(event)
        elif event.sample is None:  # it is about a class
            if self.classes.apply(event):
                self._rename()
        elif event.kind in ("confirm", "note"):
            event = self._named(event)
            self._events[event.sample or ""].append(event)
            if event.kind == "note":
                self._note(event, event.sample or "")
            else:
                self._confirmed[event.sample or ""].append(event)
                self._acts[event.person].append(event)
        else:
            event = self._named(event)
            if event.kind == "undo" and event.of is not None:
                self._undone.add(event.of)
            else:
                self._answer(event, event.sample or "")
            self._events[event.sample or ""].append(event)
            self._decide(event.sample or "")

    def _named(self, event: Event) -> Event:
        """An event with the name that its class has now."""
        if event.label is None:
            return event
        said = self._said.setdefault(event.number, self._said.get(event.of or 0, event.label))
        label = self.classes.now(said) or said
        return event if label == event.label else replace(event, label=label)

    def _rename(self) -> None:
        """Classes are called differently now, and so are the labels of all answers."""
        now = {e.number: self._named(e) for events in self._events.values() for e in events}
        for lists in (self._events, self._acts, self._confirmed):
            for key, events in lists.items():
                lists[key] = [now[event.number] for event in events]
        self.decisions = {sample: now[event.number] for sample, event in self.decisions.items()}

    def _note(self, event: Event, sample: str) -> None:
        if event.note or event.flag:
            self.notes[sample][event.person] = event
        else:
            self.notes[sample].pop(event.person, None)

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
        if decision is not None and decision.reason not in (None, "second", "adjudicated"):
            return decision.reason
        return "test" if sample in self.tested else "chosen"

    def answers(self, sample: str) -> list[Event]:
        """Labels and skips of a sample that were not undone."""
        said = (e for e in self._events.get(sample, ()) if e.kind in ("label", "skip"))
        return [event for event in said if event.number not in self._undone]

    def classed(self, event: Event) -> bool:
        """Whether the class of an answer is there; it may have been removed."""
        return event.label is None or self.classes.now(event.label) is not None

    def carried_by(self, name: str) -> bool:
        """Whether anybody's answer that was not undone carries a class, called by any name that it has or had."""
        now = self.classes.now(name)
        samples = list(self._events)
        return now is not None and any(e.label == now for sample in samples for e in self.answers(sample))

    def tests(self, event: Event) -> bool:
        """Whether an answer belongs to the test share: also one that decides between two others there."""
        return event.reason == "test" or (event.reason == "adjudicated" and event.sample in self.tested)

    def disputed(self, sample: str) -> bool:
        """Whether a second opinion differs from what holds, and nobody has decided between them since."""
        decision, answers = self.decisions.get(sample), self.answers(sample)
        now = {event.person: event.label for event in answers}  # whoever corrects an opinion may agree by now
        if decision is None or decision.label is None or len(set(now.values())) == 1:
            return False
        settled = max((event.number for event in answers if event.reason == "adjudicated"), default=0)
        return any(
            e.reason == "second" and e.label not in (None, decision.label) and e.number > settled for e in answers
        )

    def confirmed(self, sample: str) -> Event | None:
        """Who looked at the label that holds, and left it."""
        decision = self.decisions.get(sample)
        for event in reversed(self._confirmed.get(sample, ())):
            later = decision is not None and event.number > decision.number and event.label == decision.label
            if later and event.number not in self._undone:
                return event
        return None

    def history(self, sample: str) -> list[Event]:
        """All labels, skips and undos of a sample; an answer that goes on is there once."""
        return [event for event in self._events.get(sample, ()) if event.number not in self._continued]

    def sent(self, person: str, key: str | None, *acts: Act) -> Event | None:
        """What a person has recorded with a key, or None; raises KeyUsed if that is none of ``acts``."""
        known = self.keys.get((person, key or ""))
        if known is not None and not any(same_act(self.classes, known, act) for act in acts):
            raise KeyUsed
        return known

    def last_act(self, person: str, sample: str | None = None, key: str = "") -> Event | None:
        """The last answer of a person (to ``sample``) that was not undone; imported labels do not count.

        With a ``key`` it is the one that was sent with it, and no other.
        """
        meant = None if not key else self.keys.get((person, key))
        for event in reversed(self._acts.get(person, ())):
            fits = event.number == (meant and meant.number) if key else sample in (None, event.sample)
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
        return dict(Counter(event.person for event in self.decisions.values() if event.label and self.classed(event)))
