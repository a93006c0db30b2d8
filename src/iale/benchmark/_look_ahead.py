"""The oracles: controls that read hidden labels, to show what a perfect judge of batches or samples would gain.

Both look one step ahead, as DAgger does to find the best expert: they fit the classifier with what might be labeled
and measure accuracy on labeled samples outside of the pool. They are upper bounds for comparison, not strategies,
because nobody has these labels.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor

from iale.dagger._episode import best_expert, look_ahead
from iale.data.pool import Candidates
from iale.data.samples import DataSet
from iale.learner import Learner
from iale.strategies.base import Need, top_k

BATCHES = 10  # random batches that `BestOfRandom` judges
SINGLES = 20  # random candidates that `GreedyLookAhead` judges


class _LookAhead:
    """``scoring``: int64 [S], the training samples outside of the pool on which accuracy is measured."""

    needs: ClassVar[frozenset[Need]] = frozenset()

    def __init__(self, data: DataSet, scoring: Tensor) -> None:
        self._data, self._scoring = data, scoring

    def _scores(self, learner: Learner, candidates: Candidates, proposals: Mapping[str, Tensor]) -> dict[str, float]:
        return look_ahead(learner, candidates, proposals, self._data, self._scoring)


class BestOfRandom(_LookAhead):
    """The best of ten random batches: what it is worth to choose among batches that are not clever."""

    name: ClassVar[str] = "best-of-random"

    def choose(self, learner: Learner, k: int) -> Tensor:
        candidates, rng = learner.candidates(), learner.rng("query", self.name)
        batches = {str(b): torch.from_numpy(rng.permutation(len(candidates))[:k]) for b in range(BATCHES)}
        return candidates.indices[batches[best_expert(self._scores(learner, candidates, batches), learner)]]


class GreedyLookAhead(_LookAhead):
    """The k of twenty random candidates (or of k, if more) that help most, each added alone; ties by a seeded draw."""

    name: ClassVar[str] = "greedy-look-ahead"

    def choose(self, learner: Learner, k: int) -> Tensor:
        candidates, rng = learner.candidates(), learner.rng("query", self.name)
        judged = torch.from_numpy(rng.permutation(len(candidates))[: max(SINGLES, k)])
        scores = self._scores(learner, candidates, {str(p): torch.tensor([p]) for p in judged.tolist()})
        return candidates.indices[judged[top_k(torch.tensor(list(scores.values())), k, rng)]]
