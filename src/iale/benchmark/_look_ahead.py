"""The oracles: controls that read hidden labels, to show what a perfect judge of batches or samples would gain.

All look one step ahead, as DAgger does to find the best expert: they fit the classifier with what might be labeled
and measure accuracy on labeled samples outside of the pool. They are for comparison, and no strategies, because nobody
has these labels; and no bounds, because they look one step ahead.
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
from iale.strategies.base import Need, QueryStrategy, top_k
from iale.strategies.catalog import STRATEGIES

BATCHES = 10  # random batches that `BestOfRandom` judges
SINGLES = 20  # random candidates that `GreedyLookAhead` judges
PROPOSALS = 100  # batches that `BestOfStrategies` judges
MEMBERS = (
    "random",
    "margin",
    "coreset",
    "badge",
    "bait",
    "typiclust",
    "alfamix",
    "dropquery",
    "maxherding",
    "uherding",
)
LARGEST = 5000  # candidates that a member sees at most


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


class BestOfStrategies(_LookAhead):
    """The best of 100 batches that strategies chose: BoSS (2026), without its two members that know labels.

    A batch is the choice of a random member from a random part of the candidates, of 4·k to 5,000 of them, uniformly.
    The published oracle also has two members that balance classes by their hidden labels, and they win most often. So
    this one says what a perfect judge could gain of batches that anybody can propose.

    Left out are members that the run cannot serve: those that compare points without a geometry, or embeddings of a
    model that has none, and before the first label those that do not start cold.
    """

    name: ClassVar[str] = "boss"
    needs: ClassVar[frozenset[Need]] = frozenset({Need.GEOMETRY})  # six of its members compare points

    def choose(self, learner: Learner, k: int) -> Tensor:
        candidates, rng = learner.candidates(), learner.rng("query", self.name)
        members = _members(learner)
        context = learner.context(candidates, frozenset[Need]().union(*(each.needs for each in members)))
        n, batches = len(candidates), dict[str, Tensor]()
        for number in range(PROPOSALS):
            member = members[int(rng.integers(len(members)))]
            size = int(rng.integers(min(4 * k, n), min(n, max(4 * k, LARGEST)) + 1))
            part = torch.from_numpy(rng.permutation(n)[:size])
            batches[str(number)] = part[member.query(context.at(part), k, rng=rng)]
        return candidates.indices[batches[best_expert(self._scores(learner, candidates, batches), learner)]]


def _members(learner: Learner) -> list[QueryStrategy]:
    """Those that the state of a run serves."""
    every = [STRATEGIES[name]() for name in MEMBERS if name in STRATEGIES]
    state = {
        "labeled": len(learner.pool.labeled) > 0,
        "embeddings": learner.classifier.embedding_dim > 0,
        "geometry": learner.geometry is not None,
    }
    return [each for each in every if each.serves(**state)]
