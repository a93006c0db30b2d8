"""Who gets which samples next."""

from __future__ import annotations

from collections.abc import Callable

from iale.labeling.items._ids import Ids
from iale.labeling.queue._queue import Queue, Shares
from iale.labeling.record._answers import Answers
from iale.labeling.record._fits import Latest
from iale.labeling.record._journal import Event, Reason
from iale.labeling.record.config import ProjectConfig

_BETWEEN_SECONDS = 5


class Handing:
    """Chooses samples for a person: none that are answered, or leased to anyone.

    Args:
        ids: of all samples.
        shares: which are drawn for the test share and for second opinions.
        answers: the state of the project.
        holds: whether the sample of an answer is there unchanged.
        config: how large the shares are.

    Attributes:
        queue: the order of the samples.
    """

    def __init__(
        self, ids: Ids, shares: Shares, answers: Answers, holds: Callable[[Event], bool], config: ProjectConfig
    ) -> None:
        self.queue = Queue(shares, config.seed)
        self._ids, self._shares, self._answers, self._holds, self._config = ids, shares, answers, holds, config
        self._latest: Latest | None = None
        self._twice: set[str] = set()
        for sample in answers.decisions:
            self.answered(sample)

    def take(self, latest: Latest | None) -> None:
        """Takes over what the last finished fit asks for."""
        if latest is not None and latest is not self._latest:
            self._latest = latest
            find = self._ids.find
            self.queue.ranked = [index for sample in latest.queue if (index := find(sample)) is not None]
            self.queue.explore = [index for sample in latest.explore if (index := find(sample)) is not None]

    def answered(self, sample: str) -> None:
        """Notes that an answer came or was undone: the sample may be one that waits for a second opinion."""
        index = self._ids.find(sample)
        if index is None or not self._shares.twice(index):
            return
        answers = self._answers.answers(sample)
        alone = len({event.person for event in answers}) == 1 and answers[0].reason != "imported"
        (self._twice.add if alone else self._twice.discard)(sample)

    def choose(self, person: str, count: int, now: float) -> dict[str, Reason]:
        """Up to ``count`` samples with the reasons for them, in the order in which to label them."""
        if count < 1:
            return {}
        ids, answers, queue = self._ids, self._answers, self.queue
        chosen: dict[str, Reason] = {}

        def done(index: int) -> bool:
            decision = answers.decisions.get(ids[index])
            return decision is not None and self._holds(decision)

        def free(index: int) -> bool:
            sample = ids[index]
            return sample not in chosen and not answers.leased(sample, now) and not done(index)

        leased = sum(lease.until >= now for lease in answers.leases.values())
        # Imported labels came without a test share, and do not call for one.
        total = leased + sum(event.reason != "imported" for event in answers.decisions.values())
        tests = sum(sample in answers.decisions or answers.leased(sample, now) for sample in answers.tested)
        seen = {event.label for event in answers.decisions.values()}
        searching = not seen.issuperset((*self._config.classes, *answers.added))
        seconds = self._seconds(person, now)
        while len(chosen) < count:
            due = tests + 1 <= self._config.test_share * (total + len(chosen) + 1)
            if due and (index := queue.test(free, done)) is not None:
                chosen[ids[index]] = "test"
                tests += 1
            elif seconds and len(chosen) % _BETWEEN_SECONDS == 0:
                chosen[seconds.pop()] = "second"
            elif (found := queue.query(free, searching=searching)) is not None:
                chosen[ids[found[0]]] = found[1]
            elif (index := queue.test(free, done)) is not None:
                chosen[ids[index]] = "test"
            elif seconds:
                chosen[seconds.pop()] = "second"
            else:
                break
        return chosen

    def _seconds(self, person: str, now: float) -> list[str]:
        """Samples that someone else alone has answered; the last one first."""
        waiting = []
        for sample in sorted(self._twice):
            answers = self._answers.answers(sample)
            if answers[0].person != person and self._holds(answers[-1]) and not self._answers.leased(sample, now):
                waiting.append(sample)
        return waiting
