"""Which sample next: the honest test share, second opinions, the first ones, and then what the model ranks highest."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from iale.labeling.items._ids import Ids
from iale.labeling.record._journal import Reason
from iale.seeding import Stream

_ATTEMPTS = 64
Free = Callable[[int], bool]


class Shares:
    """Which samples are drawn for the test share and for second opinions.

    Both are decided by the ids and the seed alone, before anyone has seen a sample: whatever a model asks for and in
    whatever order people work, the first T samples of the test share are a uniform draw from all of them.

    Args:
        ids: of all N samples.
        test_share: of the samples that no strategy may choose.
        twice_share: of the samples that get a second opinion.
        seed: of the draw.

    Attributes:
        reserved: bool [N], the test share.
        order: int64 [R], the indices of the test share in the order in which they are handed out.
    """

    def __init__(self, ids: Ids, test_share: float, twice_share: float, seed: int) -> None:
        draw = _uniform(ids.numbers, Stream(seed).child("test").seed)
        self.reserved = draw < test_share
        chosen = np.flatnonzero(self.reserved)
        self.order: NDArray[np.int64] = chosen[np.argsort(draw[chosen], kind="stable")]
        self._twice = np.packbits(_uniform(ids.numbers, Stream(seed).child("twice").seed) < twice_share)

    def twice(self, index: int) -> bool:
        """Whether a sample gets a second opinion."""
        return bool(self._twice[index >> 3] >> (7 - (index & 7)) & 1)


class Queue:
    """The order in which samples are handed out.

    Args:
        shares: the draws.
        seed: for samples that nothing speaks for.

    Attributes:
        first: the diverse first samples.
        ranked: what the last finished model asks for, best first; empty before there is one.
        explore: samples unlike the labeled ones, for the search for classes that were never seen.
    """

    def __init__(self, shares: Shares, seed: int) -> None:
        self.shares = shares
        self.first: Sequence[int] = ()
        self.ranked: Sequence[int] = ()
        self.explore: Sequence[int] = ()
        self._tested = 0
        self._turn = 0
        self._rest: list[int] | None = None
        self._rng = Stream(seed).child("random").numpy()

    def test(self, free: Free, done: Free) -> int | None:
        """The next of the test share; what is ``done`` for good at its beginning is not looked at again."""
        order = self.shares.order
        while self._tested < len(order) and done(int(order[self._tested])):
            self._tested += 1
        return _first(free, order[self._tested :])

    def query(self, free: Free, *, searching: bool) -> tuple[int, Reason] | None:
        """The next to learn from, and why; every second one is explored while a class was never seen."""
        self._turn += 1
        if searching and self._turn % 2 == 0 and (found := _first(free, self.explore)) is not None:
            return found, "explore"
        reasons: tuple[tuple[Reason, Sequence[int]], ...] = (("query", self.ranked),)
        if not self.ranked:
            reasons = (("first", self.first),)
        for reason, order in reasons:
            if (found := _first(free, order)) is not None:
                return found, reason
        found = self._random(free)
        return None if found is None else (found, "random")

    def _random(self, free: Free) -> int | None:
        reserved = self.shares.reserved
        if self._rest is None:
            for index in self._rng.integers(len(reserved), size=_ATTEMPTS).tolist():
                if not reserved[index] and free(index):
                    return int(index)
            self._rest = self._rng.permutation(np.flatnonzero(~reserved)).tolist()
        # Most are labeled: from here on the list of the others shrinks. What was undone since is looked for anew.
        while self._rest:
            index = self._rest.pop()
            if free(index):
                return index
        self._rest = None
        return _first(free, self._rng.permutation(np.flatnonzero(~reserved)).tolist())


def _first(free: Free, order: Iterable[int]) -> int | None:
    return next((int(index) for index in order if free(int(index))), None)


def _uniform(numbers: NDArray[np.uint64], seed: int) -> NDArray[np.float64]:
    """float64 [N] in [0, 1): a hash of each number and the seed (SplitMix64, Steele et al. 2014)."""
    z = numbers + np.uint64(seed * 0x9E3779B97F4A7C15 % 2**64)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray((z ^ (z >> np.uint64(31))) >> np.uint64(11), dtype=np.float64) / 2.0**53
