"""The loop of active learning, shared by simulations, DAgger and people.

    fit the classifier → draw candidates → query → acquire their labels → fit again …

`Learner` holds one run and offers these steps. `run_cycle` plays them, and in `ActiveLearner` a person answers. The
random draws of a step depend only on the run's seed and the number of labels, so strategies with the same seed are
paired.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from iale._cycle import CycleConfig as CycleConfig
from iale._cycle import QueryConfig as QueryConfig
from iale._finite import finite_only, finite_rows
from iale._steps import Oracle as Oracle
from iale._steps import Step as Step
from iale.classifiers._fixed import FixedClassifier
from iale.classifiers._folds import enough_to_calibrate
from iale.classifiers._second_opinion import SecondOpinion, has_learned, second_opinion
from iale.classifiers._unfitted import Unfitted
from iale.classifiers.base import Classifier, FitJob, FittedClassifier, Outputs
from iale.classifiers.cache import OutputCache
from iale.classifiers.calibration import CrossValidation, cross_validated
from iale.classifiers.heads import LinearHead
from iale.data.pool import Candidates, Pool, class_balanced
from iale.data.samples import DataSet, Samples
from iale.errors import ConfigError, ModelError
from iale.geometry.points import Points
from iale.seeding import Stream
from iale.strategies.base import Folds, Need, QueryContext, QueryStrategy

_Known = TypeVar("_Known")


@dataclass(eq=False, repr=False)
class Learner:
    """One run: a classifier, a pool, and the steps between them.

    Attributes:
        classifier: the recipe that is fitted from scratch after every acquisition.
        samples: the inputs that the pool's indices point to.
        pool: which of them are labeled.
        config: what a query looks at; `run_cycle` needs a `CycleConfig`.
        stream: root of all random draws of this run.
        cache: keeps large outputs of a whole pool (``subset_size=None``) on disk.
        geometry: all samples as points, for strategies that need them: point i is sample i.
        as_told: whether fits and strategies see labeled samples in the order in which they were labeled. By default
            they are sorted by index, so that the order of the labels does not matter; older records were not.
        seconds: spent so far in "fit" and in "query".
    """

    classifier: Classifier
    samples: Samples
    pool: Pool
    config: QueryConfig
    stream: Stream
    cache: OutputCache = field(default_factory=OutputCache)
    geometry: Points | None = None
    as_told: bool = False
    seconds: dict[str, float] = field(default_factory=lambda: {"fit": 0.0, "query": 0.0}, init=False)
    _members: list[FittedClassifier] = field(default_factory=list, init=False)
    _fitted_to: tuple[Tensor, ...] = field(default=(), init=False)
    _kept: tuple[object, dict[Callable[[], Any], Any]] = field(default=(None, {}), init=False)

    @property
    def fitted(self) -> FittedClassifier:
        """M, the classifier of the current step; raises ModelError before the first fit."""
        if not self._members:
            raise ModelError("the classifier is not fitted yet: call fit() first.")
        return self._members[0]

    @property
    def up_to_date(self) -> bool:
        """Whether the last fit saw exactly the current labels."""
        now = (self.pool.labeled, self.pool.labels)
        return bool(self._fitted_to) and all(map(torch.equal, self._fitted_to, now))

    def job(self, *names: str | int, extra: tuple[Tensor, Tensor] | None = None) -> FitJob:
        """A fit to the labeled samples; the same ``names`` in one step give equal initial weights.

        ``extra`` has indices and labels, int64 [m] each, of samples to add for this fit only.
        """
        indices, labels = self._labeled(extra)
        return FitJob(indices, labels, self._step_stream(*names).seed)

    def _labeled(self, extra: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, Tensor]:
        """Indices and labels of the labeled and ``extra`` samples, in the order that fits and strategies see."""
        indices, labels = self.pool.labeled, self.pool.labels
        if extra is not None:
            indices, labels = torch.cat([indices, extra[0]]), torch.cat([labels, extra[1]])
        order = slice(None) if self.as_told else torch.argsort(indices)
        return indices[order], labels[order]

    def fit(self, needs: Set[Need] = frozenset()) -> None:
        """Fits M to the labeled samples, and the other members of the committee if one is needed."""
        # Member 0 is M. Its seed does not depend on the committee, so runs with and without one stay paired.
        jobs = [self.job("fit", member) for member in range(self._size(needs))]
        with self._timed("fit"):
            self._members = self.classifier.fit_many(self.samples, jobs)
        self._fitted_to = (self.pool.labeled, self.pool.labels)

    def start_cold(self, needs: Set[Need] = frozenset()) -> None:
        """`fit` before the first label: a classifier or committee for which all classes are equally likely."""
        self._members, self._fitted_to = [Unfitted(self.pool.num_classes)] * self._size(needs), ()

    def _size(self, needs: Set[Need]) -> int:
        return self.config.committee_size if Need.COMMITTEE in needs else 1

    def candidates(self) -> Candidates:
        """The sub-pool of this step, or the whole pool."""
        return self.pool.candidates(self.config.subset_size, self._step_stream("subset"))

    def context(self, candidates: Candidates, needs: Set[Need]) -> QueryContext:
        """The context for strategies with ``needs``; each part is computed once for all of them.

        Raises ModelError if the classifier, or the committee in ``needs``, is not fitted.
        """
        return self._context(candidates.indices, self._candidate_outputs(self.fitted, candidates.indices), needs)

    def _context(self, indices: Tensor, outputs: Outputs, needs: Set[Need]) -> QueryContext:
        monte_carlo = committee = labeled = labels = None
        geometry, labeled_points = self._points(indices) if Need.GEOMETRY in needs else (None, None)
        if Need.LABELED in needs:
            rows, labels = self._labeled()
            labeled = self.fitted.outputs(self.samples, rows)
        if Need.MONTE_CARLO in needs:
            seed = self._step_stream("monte-carlo").seed
            monte_carlo = self.fitted.monte_carlo(self.samples, indices, self.config.monte_carlo_passes, seed)
        if Need.COMMITTEE in needs:
            if len(self._members) < self.config.committee_size:
                raise ModelError(
                    "the other members of the committee are not fitted: pass the strategy's needs to fit()."
                )
            others = [self._candidate_outputs(member, indices, False).probs for member in self._members[1:]]
            committee = torch.stack([outputs.probs, *others])
        heat = self.temperature() if Need.TEMPERATURE in needs else None
        folds = self._folds(indices) if Need.FOLDS in needs else None
        opinion = self._opinion(indices, outputs.logits) if Need.OPINION in needs else None
        known = (geometry, labeled_points, heat, folds, opinion)
        return QueryContext(outputs, self.pool.num_classes, labeled, labels, monte_carlo, committee, *known)

    def temperature(self) -> float:
        """The temperature that calibrates M, from cross-validation; 1 if there are too few labels.

        It is also 1 for a model that was trained elsewhere, because nobody knows which labels it has seen.
        """
        found = self._once(self._cross_validation)
        return 1.0 if found is None else found.temperature

    def _folds(self, indices: Tensor) -> Folds:
        """The logits of each fit of a cross-validation, of candidates and of the labeled samples that it left out."""
        found, classes = self._once(self._cross_validation), self.pool.num_classes
        if found is None:
            return Folds(torch.empty(0, classes), torch.empty(0, len(indices), classes))
        others = [self._candidate_outputs(member, indices, False).logits for member in found.members]
        return Folds(found.logits, torch.stack(others))

    def _opinion(self, indices: Tensor, logits: Tensor) -> Tensor:
        """float64 [n, C]: the probabilities of M and a linear head on the geometry together, or of M alone."""
        second = self._once(self._second_opinion)
        return (logits.double() / self.temperature()).softmax(1) if second is None else second.probs(logits, indices)

    def _second_opinion(self) -> SecondOpinion | None:
        """None without a geometry, if M is a linear head or hardly trained, or with too few labels to weigh the two."""
        found = self._once(self._cross_validation)
        if found is None or self.geometry is None or isinstance(self.classifier, LinearHead):
            return None
        indices, stream = self._labeled()[0], self._step_stream("second opinion")
        if not has_learned(self.fitted.outputs(self.samples, indices), found.labels):
            return None
        return second_opinion(self.geometry, indices, found, self.pool.num_classes, stream=stream)

    def _cross_validation(self) -> CrossValidation | None:
        """None if there are too few labels, or M is never fitted."""
        indices, labels = self._labeled()
        if not enough_to_calibrate(labels) or isinstance(self.classifier, FixedClassifier):
            return None
        return cross_validated(self.classifier, self.samples, indices, labels, stream=self._step_stream("temperature"))

    def _once(self, find: Callable[[], _Known]) -> _Known:
        """What ``find`` returns, computed once for each fit of M."""
        if self._kept[0] is not self._members:
            self._kept = self._members, {}
        known = self._kept[1]
        if find not in known:
            known[find] = find()
        found: _Known = known[find]
        return found

    def _points(self, indices: Tensor) -> tuple[Points, Points]:
        """The candidates and the labeled samples as points."""
        if self.geometry is None:
            raise ConfigError("the strategy compares samples as points: give the learner a geometry.")
        return self.geometry.at(indices), self.geometry.at(self._labeled()[0])

    def _candidate_outputs(self, member: FittedClassifier, indices: Tensor, embeddings: bool = True) -> Outputs:
        # Sub-pools are small and new for every query: only a whole pool is worth a place on disk.
        if self.config.subset_size is None:
            return self.cache.outputs(member, self.samples, indices, embeddings=embeddings)
        return member.outputs(self.samples, indices)

    def query(self, strategy: QueryStrategy | Oracle, k: int) -> Tensor:
        """int64 [k]: data-set indices to label next, best first."""
        if isinstance(strategy, QueryStrategy):
            return self.choices([strategy], k)[0]
        with self._timed("query"):
            return strategy.choose(self, k)

    def choices(self, strategies: Sequence[QueryStrategy], k: int) -> list[Tensor]:
        """What each strategy would label next in the current state: int64 [k] data-set indices each, best first.

        Candidates whose outputs are not finite are left out, and a warning names them. Strategies that read no outputs
        cost no forward pass over the pool: only what they chose is looked at, and all candidates only if that is odd.
        """
        with self._timed("query"):
            indices = self.candidates().indices
            if not any(each.reads_outputs for each in strategies):
                unread = Unfitted(self.pool.num_classes).outputs(self.samples, indices)
                found = self._chosen(strategies, k, indices, unread)
                chosen = torch.unique(torch.cat(found))
                if bool(finite_rows(self.fitted.outputs(self.samples, chosen), embeddings=False).all()):
                    return found
            reads = any(each.reads_embeddings for each in strategies)
            outputs = self._candidate_outputs(self.fitted, indices, reads)
            return self._chosen(strategies, k, *finite_only(indices, outputs, self.samples, reads))

    def _chosen(self, strategies: Sequence[QueryStrategy], k: int, indices: Tensor, outputs: Outputs) -> list[Tensor]:
        context = self._context(indices, outputs, frozenset[Need]().union(*(s.needs for s in strategies)))
        return [indices[s.query(context, k, rng=self.rng("query", s.name))] for s in strategies]

    def rng(self, *names: str | int) -> np.random.Generator:
        """The random generator of this name in this step."""
        return self._step_stream(*names).numpy()

    @contextlib.contextmanager
    def _timed(self, what: str) -> Iterator[None]:
        begin = time.perf_counter()
        yield
        self.seconds[what] += time.perf_counter() - begin

    def _step_stream(self, *names: str | int) -> Stream:
        # Named by the number of labels, never by what was drawn before: this is what pairs the runs of one seed.
        return self.stream.child("labels", len(self.pool.labeled), *names)


def start(
    classifier: Classifier,
    data: DataSet,
    config: CycleConfig,
    stream: Stream,
    *,
    universe: Tensor | None = None,
    as_told: bool = False,
) -> Learner:
    """A learner with its first, class-balanced labels.

    ``stream`` is the root of the run; ``universe`` (int64) are the training indices to label, by default all; see
    `Learner` for ``as_told``.

    Raises:
        ConfigError: the budget is larger than the pool.
        DataError: a class has too few samples to start from.
    """
    universe = torch.arange(len(data.train)) if universe is None else universe
    if config.labeling_budget > len(universe):
        raise ConfigError(
            f"the labeling budget {config.labeling_budget} is larger than the pool of {len(universe)} "
            f"samples: lower the budget."
        )
    pool = Pool(universe, data.num_classes)
    labels = data.train_labels[universe]
    first = class_balanced(universe, labels, config.initial_size, data.num_classes, stream.child("initial"))
    pool.acquire(first, data.train_labels[first])
    return Learner(classifier, data.train, pool, config, stream, as_told=as_told)


def run_cycle(
    learner: Learner,
    strategy: QueryStrategy | Oracle,
    labels: Tensor,
    evaluate: Callable[[FittedClassifier], float],
    *,
    beside: Sequence[QueryStrategy] = (),
) -> Iterator[Step]:
    """Plays one run with known labels (paper, section 3.1), one step at a time.

    Args:
        learner: holds the first labels; its configuration is a `CycleConfig`, else a ConfigError is raised.
        strategy: chooses.
        labels: int64 [N], the hidden labels; only those of chosen samples are read.
        evaluate: the accuracy of a fitted classifier.
        beside: further strategies that are asked in every state but change nothing; not together with an oracle.
    """
    config, pool = learner.config, learner.pool
    if not isinstance(config, CycleConfig):
        raise ConfigError("this learner has no labeling budget: give it a CycleConfig instead of a QueryConfig.")
    needs = strategy.needs.union(*(other.needs for other in beside))
    while True:  # each turn acquires at least one sample of a pool that is at least as large as the budget
        count = len(pool.labeled)
        left = config.labeling_budget - count
        fit = learner.fit if count else learner.start_cold
        fit(needs if left else frozenset())  # nobody is asked after the last fit, so it needs no committee
        accuracy = evaluate(learner.fitted)
        if not left:
            yield Step(count, accuracy, ())
            return
        k = min(config.acquisition_size, left)
        others: list[Tensor] = []
        if isinstance(strategy, QueryStrategy):
            chosen, *others = learner.choices([strategy, *beside], k)
        else:
            chosen = learner.query(strategy, k)
        pool.acquire(chosen, labels[chosen])
        shares = [float(torch.isin(chosen, choice).double().mean()) for choice in others]
        overlap = dict(zip((strategy.name for strategy in beside), shares, strict=True))
        yield Step(count, accuracy, tuple(chosen.tolist()), overlap)


def accuracy(fitted: FittedClassifier, samples: Samples, indices: Tensor, labels: Tensor) -> float:
    """The share of ``indices`` that the classifier gets right; ``labels`` int64 [len(indices)]."""
    return float((fitted.outputs(samples, indices).predictions == labels).double().mean())
