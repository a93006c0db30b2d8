"""One run of the benchmark: one strategy, one pool, one seed."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from iale.benchmark._machine import peak_megabytes, reset_peak
from iale.benchmark.config import ExperimentConfig, PoolName
from iale.benchmark.oracles import ORACLES
from iale.benchmark.records import describe_run, make_record
from iale.classifiers.base import Classifier, FittedClassifier, TrainingConfig
from iale.classifiers.build import build_classifier
from iale.classifiers.stacked.meeting import side_by_side
from iale.data.catalog import load_dataset
from iale.data.samples import DataSet
from iale.errors import ConfigError, DataError, ModelError
from iale.learner import Learner, Oracle, accuracy, run_cycle, start
from iale.policies.catalog import find_strategy
from iale.seeding import Stream
from iale.strategies.base import QueryStrategy

SCORING = 500
"""Training samples outside of the pool on which an oracle measures accuracy, at most."""


@dataclass(frozen=True)
class Run:
    """One strategy, one pool, one seed; picklable, so that a worker needs nothing else but the data set.

    Attributes:
        config: sizes and training; its strategies, seeds and pools are not read.
        strategy: the name.
        query_strategy: what it names; None for an oracle.
        pool: "subset" or "whole".
        seed: root of every draw.
    """

    config: ExperimentConfig
    strategy: str
    query_strategy: QueryStrategy | None
    pool: PoolName
    seed: int

    def described(self) -> dict[str, Any]:
        """What identifies the run."""
        return describe_run(self.config, self.strategy, self.query_strategy, self.pool, self.seed)


def run_one(
    config: ExperimentConfig,
    data: DataSet,
    strategy: QueryStrategy | str,
    pool: PoolName,
    seed: int,
    *,
    classifier: Classifier | None = None,
) -> dict[str, Any]:
    """Plays one run and returns its record.

    Args:
        config: sizes and training; its strategies, seeds and pools are not read.
        data: the data set, which need not be a registered one.
        strategy: a strategy, or its name.
        pool: "subset" or "whole".
        seed: root of every draw.
        classifier: a recipe of your own; by default the one that ``config`` names.

    Returns:
        The record: what identifies the run, and ``labeled``, ``accuracy`` and ``selected`` (data-set indices acquired
        after the fit) of each step. It is the same in every execution.
    """
    recipe = classifier or build_classifier(config.classifier, data.train, data.num_classes, config.training)
    check(config, data, recipe)
    found = find_contender(strategy, recipe)
    name = strategy if isinstance(strategy, str) else strategy.name
    return _play(Run(config, name, found, pool, seed), data, recipe)[0]


def find_contender(strategy: QueryStrategy | str, classifier: Classifier) -> QueryStrategy | None:
    """The strategy with that name, once it is known to work with ``classifier``; None for the name of an oracle."""
    if isinstance(strategy, str) and strategy in ORACLES:
        return None
    found = find_strategy(strategy)
    found.check(classifier)
    return found


def play_together(runs: tuple[Run, ...]) -> list[tuple[dict[str, Any], dict[str, float | None]]]:
    """The record and the costs of each of ``runs``, which share a data set and a classifier; what a worker does.

    Their fits are trained side by side where there is more than one run; the seconds are then shared out evenly.
    """
    config = runs[0].config
    data, classifier = prepared(config.dataset, config.classifier, config.training)
    if len(runs) == 1:
        return [_play(runs[0], data, classifier)]

    def task(run: Run) -> Any:
        return lambda shared: _play(run, data, shared)

    begin = time.perf_counter()
    played = side_by_side(classifier, [task(run) for run in runs])
    seconds = (time.perf_counter() - begin) / len(runs)
    return [(record, {"seconds": seconds, "peak_mb": costs["peak_mb"]}) for record, costs in played]


@lru_cache(maxsize=2)
def prepared(dataset: str, classifier: str, training: TrainingConfig) -> tuple[DataSet, Classifier]:
    """A process reads its data set once."""
    data = load_dataset(dataset)
    return data, build_classifier(classifier, data.train, data.num_classes, training)


def check(config: ExperimentConfig, data: DataSet, classifier: Classifier) -> None:
    """Raises where the sizes of ``config`` do not fit the data or the classifier."""
    if classifier.num_classes != data.num_classes:
        raise ModelError(
            f"the classifier has {classifier.num_classes} logits and {data.name} {data.num_classes} classes: "
            f"build it for this data set."
        )
    if config.pool_size is not None and config.pool_size > len(data.train):
        raise ConfigError(
            f"the pool size {config.pool_size} is larger than the {len(data.train)} training samples of {data.name}: "
            f"lower it."
        )
    if config.test_size is not None and config.test_size > len(data.test):
        raise ConfigError(
            f"the test size {config.test_size} is larger than the {len(data.test)} test samples of {data.name}: "
            f"lower it."
        )
    if not len(data.test):
        raise DataError(f"{data.name} has no test samples to measure accuracy on: add some.")
    outside = len(data.train) - (config.pool_size or len(data.train))
    for name in config.strategies:
        if name in ORACLES and outside < data.num_classes:
            raise ConfigError(
                f"{name} measures accuracy on training samples outside of the pool, and there are {outside}: give a "
                f"pool size below {len(data.train)}."
            )


def begin_run(config: ExperimentConfig, data: DataSet, classifier: Classifier, pool: PoolName, seed: int) -> Learner:
    """A learner with what all strategies of one seed share: the samples that may be labeled and the first labels."""
    universe = _order(config, data, seed)[: config.pool_size].sort().values
    return start(classifier, data, config.cycle_of(pool), Stream(seed), universe=universe)


def _order(config: ExperimentConfig, data: DataSet, seed: int) -> Tensor:
    """int64 [N]: the training samples, those that may be labeled first."""
    if config.pool_size is None:
        return torch.arange(len(data.train))
    return torch.from_numpy(Stream(seed).child("pool").numpy().permutation(len(data.train)))


def _play(run: Run, data: DataSet, classifier: Classifier) -> tuple[dict[str, Any], dict[str, float | None]]:
    """The record and the costs of a run that has been checked."""
    config = run.config
    indices = _test_indices(config, data)
    labels = data.test_labels[indices]

    def evaluate(fitted: FittedClassifier) -> float:
        return accuracy(fitted, data.test, indices, labels)

    reset_peak()
    begin = time.perf_counter()
    learner = begin_run(config, data, classifier, run.pool, run.seed)
    chooser: QueryStrategy | Oracle | None = run.query_strategy
    if chooser is None:
        scoring = _order(config, data, run.seed)[config.pool_size :][:SCORING]
        chooser = ORACLES[run.strategy](data, scoring)
    beside = [find_strategy(name) for name in config.beside]
    steps = list(run_cycle(learner, chooser, data.train_labels, evaluate, beside=beside))
    costs = {
        "seconds": time.perf_counter() - begin,
        "fit_seconds": learner.seconds["fit"],
        "query_seconds": learner.seconds["query"],
        "peak_mb": peak_megabytes(),
    }
    return make_record(run.described(), steps), costs


def _test_indices(config: ExperimentConfig, data: DataSet) -> Tensor:
    """int64: evenly spaced test samples, so that a split sorted by class keeps its balance."""
    size, total = config.test_size or len(data.test), len(data.test)
    return torch.arange(size) * total // size
