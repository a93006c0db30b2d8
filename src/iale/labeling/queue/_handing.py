"""Who gets which samples next."""

from __future__ import annotations

from collections.abc import Callable

from iale.labeling.items._items import Items
from iale.labeling.queue._first import First
from iale.labeling.queue._growing import share_now
from iale.labeling.queue._queue import Queue, Shares
from iale.labeling.record._fits import Latest
from iale.labeling.record._journal import Event, Reason
from iale.labeling.record._ledger import Ledger
from iale.labeling.record.config import ProjectConfig

_BETWEEN_SECONDS = 5  # a person gets at most one second opinion among this many samples


class Handing:
    """Chooses samples for a person: none that is answered, or leased to anyone.

    Every method is called inside `Ledger.writing`, so two people never get the same sample. ``holds`` says whether the
    sample of an answer is there unchanged, ``shows`` whether a sample can be shown now.
    """

    def __init__(
        self,
        items: Items,
        shares: Shares,
        ledger: Ledger,
        holds: Callable[[Event], bool],
        shows: Callable[[str], bool],
        config: ProjectConfig,
    ) -> None:
        self.queue = Queue(shares, config.seed)
        self._ids, self._shows = items.ids, shows
        self._shares, self._ledger, self._holds, self._config = shares, ledger, holds, config
        self._latest: Latest | None = None
        self.first: First | None = None  # what is asked for before there is a model
        self._seen = 0
        self._answered_by_one: set[str] = set()  # of the samples that are to get a second opinion

    def take(self, latest: Latest | None) -> None:
        """Takes over what the last finished fit asks for, and the first samples as they are known now."""
        if latest is None and self.first is not None:
            self.queue.first = self.first.now()
        if latest is not None and latest is not self._latest:
            self._latest = latest
            self.queue.ranked = self._ids.known(latest.queue)
            self.queue.explore = self._ids.known(latest.explore)

    def choose(self, person: str, count: int, now: float) -> dict[str, Reason]:
        """Up to ``count`` samples with the reasons for them, in the order in which to label them."""
        if count < 1:
            return {}
        ids, answers, queue = self._ids, self._ledger.answers, self.queue
        chosen: dict[str, Reason] = {}

        def done(index: int) -> bool:
            decision = answers.decisions.get(ids[index])
            return decision is not None and self._holds(decision)

        def free(index: int) -> bool:
            sample = ids[index]
            if sample in chosen or answers.leased(sample, now) or done(index):
                return False
            return self._shows(sample)  # if not, it cannot be shown now: it is asked for when it is back

        total, tests = self._given(now)
        seen = {event.label for event in answers.decisions.values()}
        searching = not seen.issuperset(answers.classes.names)
        seconds = self._waiting(person, now)
        while len(chosen) < count:
            # The share of tests is kept at every moment, so the honest accuracy grows with the labels.
            due = tests + 1 <= share_now(self._config.test_share, tests) * (total + len(chosen) + 1)
            if due and (index := queue.test(free, done)) is not None:
                chosen[ids[index]] = "test"
                tests += 1
            elif seconds and len(chosen) % _BETWEEN_SECONDS == 0:
                chosen[seconds.pop()] = "second"
            elif (found := queue.query(free, searching=searching)) is not None:
                chosen[ids[found[0]]] = found[1]
            # Nothing is left to learn from: people may still go on with the rest of the test share.
            elif (index := queue.test(free, done)) is not None:
                chosen[ids[index]] = "test"
            elif seconds:
                chosen[seconds.pop()] = "second"
            else:
                break
        return chosen

    def _given(self, now: float) -> tuple[int, int]:
        """Samples that are answered or leased, and how many of them are in the test share.

        Imported labels are not counted: they came without a test share and do not call for one.
        """
        answers = self._ledger.answers
        leased = sum(lease.until >= now for lease in answers.leases.values())
        total = leased + sum(event.reason != "imported" for event in answers.decisions.values())
        tests = sum(sample in answers.decisions or answers.leased(sample, now) for sample in answers.tested)
        return total, tests

    def _waiting(self, person: str, now: float) -> list[str]:
        """Samples that only somebody else has answered, to be popped from the end."""
        answers, events = self._ledger.answers, self._ledger.journal.events
        for event in events[self._seen :]:
            self._note(event.sample)
        self._seen = len(events)
        waiting = []
        for sample in sorted(self._answered_by_one):
            given = answers.answers(sample)
            if given[0].person != person and self._holds(given[-1]) and not answers.leased(sample, now):
                waiting.append(sample)
        return waiting

    def _note(self, sample: str | None) -> None:
        """An answer came or was undone: does the sample wait for a second opinion now?"""
        index = None if sample is None else self._ids.find(sample)
        if sample is None or index is None or not self._shares.twice(index):
            return
        sample = self._ids[index]
        answers = self._ledger.answers.answers(sample)
        alone = len({event.person for event in answers}) == 1 and answers[0].reason != "imported"
        (self._answered_by_one.add if alone else self._answered_by_one.discard)(sample)
