"""The one interface: a strategy reads a context and returns positions.

Legend of dimensions: n candidates, L labeled samples, C classes, D embedding, K Monte-Carlo passes, E members, F folds,
G width of the geometry.
"""

from __future__ import annotations

import enum
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from iale.classifiers.base import Classifier, Outputs
from iale.classifiers.heads import LinearHead
from iale.errors import ModelError, QueryError
from iale.geometry.points import Points
from iale.strategies._answers import as_positions, as_scores, own_faults


class Need(enum.Enum):
    """What a strategy reads besides the outputs of the candidates; the values are fields of `QueryContext`."""

    LABELED = "labeled"
    MONTE_CARLO = "monte_carlo"
    COMMITTEE = "committee"
    GEOMETRY = "geometry"
    TEMPERATURE = "temperature"
    FOLDS = "folds"
    OPINION = "opinion"


@dataclass(frozen=True, eq=False)
class Folds:
    """The logits from cross-validation: each classifier has learned without one fold of the labels.

    There are no folds (F = 0, and no rows in ``labeled``) if only one class has labels, or if there are fewer than two
    labels per class on average.

    Attributes:
        labeled: float32 [L, C] logits of each labeled sample, from the classifier that has not seen it.
        candidates: float32 [F, n, C] logits of the candidates, from each classifier.
    """

    labeled: Tensor
    candidates: Tensor


@dataclass(frozen=True, eq=False)
class QueryContext:
    """Everything that a strategy may read. It contains no labels of candidates and no data-set indices.

    Before the first label there is no classifier: all logits are 0, and the embeddings have no columns.

    Attributes:
        candidates: outputs of the n unlabeled candidates.
        num_classes: C.
        labeled: outputs of the L labeled samples, or None if no strategy needs them.
        labels: int64 [L], their labels, or None.
        monte_carlo: float32 [K, n, C] probabilities of passes with dropout on, or None.
        committee: float32 [E, n, C] probabilities of the members, the classifier itself first, or None.
        geometry: the candidates as n points of width G, from features that know no labels, or None.
        labeled_geometry: the labeled samples as L points of the same geometry; None if ``geometry`` is None.
        temperature: the positive number that calibrates the classifier: divide its logits by it; or None.
        folds: the logits from cross-validation, or None.
        opinion: float64 [n, C], calibrated probabilities of the candidates from the classifier and a linear head on
            the geometry together, or None. They are from the classifier alone if it is a linear head or hardly
            trained, or if there are too few labels.
    """

    candidates: Outputs
    num_classes: int
    labeled: Outputs | None = None
    labels: Tensor | None = None
    monte_carlo: Tensor | None = None
    committee: Tensor | None = None
    geometry: Points | None = None
    labeled_geometry: Points | None = None
    temperature: float | None = None
    folds: Folds | None = None
    opinion: Tensor | None = None

    def __len__(self) -> int:
        return len(self.candidates)

    def at(self, positions: Tensor) -> QueryContext:
        """The context whose candidate i is candidate ``positions[i]`` (int64 [m]) of this one."""
        return replace(
            self,
            candidates=self.candidates.at(positions),
            monte_carlo=None if self.monte_carlo is None else self.monte_carlo[:, positions],
            committee=None if self.committee is None else self.committee[:, positions],
            geometry=None if self.geometry is None else self.geometry.at(positions),
            folds=None if self.folds is None else replace(self.folds, candidates=self.folds.candidates[:, positions]),
            opinion=None if self.opinion is None else self.opinion[positions],
        )


class QueryStrategy(ABC):
    """Base of every strategy, including trained policies.

    A strategy never trains, predicts, changes its inputs, or touches global random state.

    Attributes:
        name: what users type, and what records and messages show.
        needs: what `query` reads from the context besides the outputs of the candidates.
        reads_outputs: whether it reads the outputs of the candidates. If not, these are as before the first label, and
            a query costs no forward pass over the pool.
        reads_embeddings: whether it compares embeddings, which a few models do not have. Those of a whole pool are
            computed with the logits if so, and otherwise only if it reads them.
        starts_cold: whether it can choose before the first label, when there are no outputs yet.
    """

    name: ClassVar[str]
    needs: ClassVar[frozenset[Need]] = frozenset()
    reads_outputs: ClassVar[bool] = True
    reads_embeddings: ClassVar[bool] = False
    starts_cold: ClassVar[bool] = False

    def query(self, context: QueryContext, k: int, *, rng: np.random.Generator) -> Tensor:
        """The k candidates to label next, 1 ≤ k ≤ n: int64 [k], unique positions in 0 … n−1, best first.

        ``rng`` is for random draws, including those that break ties.

        Raises:
            QueryError: k is not in 1 … n, the context lacks a need, or `select` returned something else; or it failed,
                and is not of iale.
        """
        if k < 1:
            raise QueryError(f"{k} samples were asked for: ask for at least 1.")
        if k > len(context):
            raise QueryError(f"{k} of {len(context)} candidates were asked for: ask for fewer.")
        for need in self.needs:
            if getattr(context, need.value) is None:
                raise QueryError(f"{self.name} needs {need.value} outputs, which this context lacks.")
        with own_faults(self):
            answer = self.select(context, k, rng=rng)
        return as_positions(answer, len(context), k, self.name)

    @abstractmethod
    def select(self, context: QueryContext, k: int, *, rng: np.random.Generator) -> Tensor:
        """What `query` returns, after it has checked k and the needs. Strategies implement this."""

    def serves(self, *, labeled: bool, embeddings: bool, geometry: bool = True) -> bool:
        """Whether it can choose with or without labels, embeddings and a geometry."""
        if Need.GEOMETRY in self.needs and not geometry:
            return False
        if not labeled:
            return self.starts_cold
        return embeddings or not self.reads_embeddings

    def check(self, classifier: Classifier) -> None:
        """Raises an error if this strategy cannot work with ``classifier``, before anything is trained.

        Raises:
            ModelError: the strategy needs Monte-Carlo passes, and the model has no dropout; it needs a committee, and
                the model is a linear head; or it reads embeddings, and the model has none.
            PolicyError: the strategy is a policy for classifiers of another shape.
        """
        if Need.MONTE_CARLO in self.needs and not classifier.has_dropout:
            raise ModelError(
                f"{self.name} needs a dropout layer with p > 0 and this model has none: add one or choose "
                f"another strategy."
            )
        if Need.COMMITTEE in self.needs and isinstance(classifier, LinearHead):
            raise ModelError(
                f"{self.name} compares fits that differ in their draws, and a linear head has one solution: choose "
                f"another strategy, or the classifier mlp."
            )
        if self.reads_embeddings and not classifier.embedding_dim:
            raise ModelError(
                f"{self.name} compares embeddings, and the model has no linear layer whose input could be the "
                f"embedding: pass embedding_layer, or choose a strategy such as margin."
            )
        self._check_fit(classifier)

    def _check_fit(self, classifier: Classifier) -> None:  # noqa: B027  (most strategies need not implement it)
        """A hook for what else `check` must test."""


class ScoringStrategy(QueryStrategy):
    """A strategy that scores each candidate by itself and chooses the k highest scores."""

    @abstractmethod
    def score(self, context: QueryContext) -> Tensor:
        """float [n], higher is always more informative. A row's score must not depend on the other rows."""

    def select(self, context: QueryContext, k: int, *, rng: np.random.Generator) -> Tensor:
        """The k highest scores; ``rng`` breaks ties."""
        return top_k(as_scores(self.score(context), len(context), self.name), k, rng)


def top_k(scores: Tensor, k: int, rng: np.random.Generator) -> Tensor:
    """int64 [k]: positions of the k highest scores [n], best first, ties in random order; QueryError if one is NaN."""
    values = scores.detach().cpu().numpy()
    if np.isnan(values).any():
        raise QueryError("a candidate's score is NaN: check the classifier's outputs.")
    # A random second key, or else ties would always go to the first candidates, which may be sorted by class.
    order = np.lexsort((rng.random(len(values)), -values))
    return torch.from_numpy(order[:k].astype(np.int64))
