"""Which sample comes next: the draws that fix the test share, and the order of all other samples."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from iale.labeling.items._ids import Ids
from iale.labeling.record._journal import Reason
from iale.seeding import Stream

_ATTEMPTS = 64  # random draws before the unlabeled samples are listed; enough until nearly all are labeled
Free = Callable[[int], bool]


class Shares:
    """Which samples are drawn for the test share and for second opinions.

    The ids and the seed alone decide both, before anyone has seen a sample. So the first T samples of the test share
    are a uniform draw from all samples, no matter what a model asks for or in which order people work, and the accuracy
    measured on them is unbiased.
    """

    def __init__(self, ids: Ids, test_share: float, twice_share: float, seed: int) -> None:
        draw = _uniform(ids.numbers, Stream(seed).child("test").seed)
        self.reserved = draw < test_share  # bool [N]: no strategy may choose these
        chosen = np.flatnonzero(self.reserved)
        # int64 [R]: the test share in the order in which it is handed out.
        self.order: NDArray[np.int64] = chosen[np.argsort(draw[chosen], kind="stable")]
        # One bit a sample, for pools of millions.
        self._twice = np.packbits(_uniform(ids.numbers, Stream(seed).child("twice").seed) < twice_share)

    def twice(self, index: int) -> bool:
        """Whether a sample gets a second opinion."""
        return bool(self._twice[index >> 3] >> (7 - (index & 7)) & 1)


class Queue:
    """The order in which samples are handed out."""

    def __init__(self, shares: Shares, seed: int) -> None:
        self.shares = shares
        self.first: Sequence[int] = ()  # the diverse first samples, which are labeled before there is a model
        self.ranked: Sequence[int] = ()  # what the strategy asks for, best first; empty before the first fit
        self.explore: Sequence[int] = ()  # unlike the labeled samples: an unseen class may be found among them
        self._tested = self._turn = 0
        self._rest: list[int] | None = None
        self._rng = Stream(seed).child("random").numpy()

    def test(self, free: Free, done: Free) -> int | None:
        """The next sample of the test share; the beginning that is ``done`` is never looked at again."""
        order = self.shares.order
        while self._tested < len(order) and done(int(order[self._tested])):
            self._tested += 1
        return _first(free, order[self._tested :])

    def query(self, free: Free, *, searching: bool) -> tuple[int, Reason] | None:
        """The next sample to learn from, and why.

        While a class is unseen (``searching``), every second sample is one to explore: a model that does not know a
        class cannot ask for it.
        """
        self._turn += 1
        if searching and self._turn % 2 == 0 and (found := _first(free, self.explore)) is not None:
            return found, "explore"
        if (found := _first(free, self.ranked or self.first)) is not None:
            return found, "query" if self.ranked else "first"
        found = self._random(free)
        return None if found is None else (found, "random")

    def _random(self, free: Free) -> int | None:
        reserved = self.shares.reserved
        if self._rest is None:
            for index in self._rng.integers(len(reserved), size=_ATTEMPTS).tolist():
                if not reserved[index] and free(index):
                    return int(index)
            self._rest = self._rng.permutation(np.flatnonzero(~reserved)).tolist()
        # Most are labeled: walk a shuffled list once, so that n samples cost O(n) in all. A label that was undone may
        # lie behind, so in the end all samples are looked at again.
        while self._rest:
            index = self._rest.pop()
            if free(index):
                return index
        self._rest = None
        return _first(free, self._rng.permutation(np.flatnonzero(~reserved)).tolist())


def _first(free: Free, order: Iterable[int]) -> int | None:
    return next((int(index) for index in order if free(int(index))), None)


def _uniform(numbers: NDArray[np.uint64], seed: int) -> NDArray[np.float64]:
    """float64 [N] in [0, 1): a hash of each number and the seed, as SplitMix64 mixes (Steele, Lea & Flood 2014).

    A generator would depend on the order of the samples; a hash gives a sample the same draw when others come or go.
    """
    z = numbers + np.uint64(seed * 0x9E3779B97F4A7C15 % 2**64)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray((z ^ (z >> np.uint64(31))) >> np.uint64(11), dtype=np.float64) / 2.0**53
