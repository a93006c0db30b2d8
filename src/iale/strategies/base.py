"""The one interface: a strategy looks at a context and returns positions.

Legend of dimensions: n candidates, L labeled samples, C classes, D embedding, K Monte-Carlo passes, E members.
"""

from __future__ import annotations

import enum
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from iale.classifiers.base import Classifier, Outputs
from iale.errors import ModelError, QueryError


class Need(enum.Enum):
    """What a strategy reads of a context beyond the candidates' own outputs."""

    LABELED = "labeled"
    MONTE_CARLO = "monte_carlo"
    COMMITTEE = "committee"


@dataclass(frozen=True, eq=False)
class QueryContext:
    """All that a strategy may look at. It holds no labels of candidates and no data-set indices.

    Attributes:
        candidates: outputs of the n unlabeled candidates.
        num_classes: C.
        labeled: outputs of the L labeled samples, or None where no strategy needs them.
        labels: int64 [L], their labels, or None.
        monte_carlo: float32 [K, n, C] probabilities of passes with dropout on, or None.
        committee: float32 [E, n, C] probabilities of the members, the classifier itself first, or None.
    """

    candidates: Outputs
    num_classes: int
    labeled: Outputs | None = None
    labels: Tensor | None = None
    monte_carlo: Tensor | None = None
    committee: Tensor | None = None

    def __len__(self) -> int:
        return len(self.candidates)


class QueryStrategy(ABC):
    """Base of every strategy, of trained policies too.

    A strategy never trains, predicts, touches global random state or changes what it is given.
    """

    name: ClassVar[str]
    needs: ClassVar[frozenset[Need]] = frozenset()

    def query(self, context: QueryContext, k: int, *, rng: np.random.Generator) -> Tensor:
        """The k candidates to label next.

        Args:
            context: what is known of the n candidates.
            k: how many, 1 … n.
            rng: for draws and for ties.

        Returns:
            int64 [k]: unique positions in 0 … n−1, best first.

        Raises:
            QueryError: k is not in 1 … n, or the context lacks a need.
        """
        check_query(context, k, self.needs, self.name)
        return self.select(context, k, rng=rng)

    @abstractmethod
    def select(self, context: QueryContext, k: int, *, rng: np.random.Generator) -> Tensor:
        """What `query` returns; k and the needs have been checked."""

    def check(self, classifier: Classifier) -> None:
        """Raises where this strategy cannot work with ``classifier``, before anything is trained.

        Raises:
            ModelError: Monte-Carlo passes of a model without dropout are needed.
        """
        if Need.MONTE_CARLO in self.needs and not classifier.has_dropout:
            raise ModelError(
                f"{self.name} needs a dropout layer with p > 0 and this model has none: add one or choose "
                f"another strategy."
            )


class ScoringStrategy(QueryStrategy):
    """A strategy that scores each candidate by itself; the k highest are chosen."""

    @abstractmethod
    def score(self, context: QueryContext) -> Tensor:
        """float [n], higher is always more informative; a row's score ignores the other rows."""

    def select(self, context: QueryContext, k: int, *, rng: np.random.Generator) -> Tensor:
        """The k highest scores, ties broken by a seeded draw."""
        return top_k(self.score(context), k, rng)


def top_k(scores: Tensor, k: int, rng: np.random.Generator) -> Tensor:
    """int64 [k]: positions of the k highest scores, best first, ties in random order."""
    values = scores.detach().cpu().numpy()
    if np.isnan(values).any():
        raise QueryError("a candidate's score is NaN: check the classifier's outputs.")
    order = np.lexsort((rng.random(len(values)), -values))
    return torch.from_numpy(order[:k].astype(np.int64))


def check_query(context: QueryContext, k: int, needs: Iterable[Need], name: str) -> None:
    """Raises QueryError where k or the context does not suit a strategy."""
    if k < 1:
        raise QueryError(f"{k} samples were asked for: ask for at least 1.")
    if k > len(context):
        raise QueryError(f"{k} of {len(context)} candidates were asked for: ask for fewer.")
    for need in needs:
        if getattr(context, need.value) is None:
            raise QueryError(f"{name} needs {need.value} outputs, which this context lacks.")
