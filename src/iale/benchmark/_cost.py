"""What runs will cost, told before the first of them begins: the first progress may be many minutes away."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import torch

from iale._many import many
from iale.benchmark._play import Run, prepared_for
from iale.classifiers._trial import SOME, pace
from iale.classifiers.torch_classifier import TorchClassifier
from iale.data.samples import DataSet
from iale.errors import IaleError
from iale.executors import one_thread
from iale.strategies.base import Need

_LONG = 60.0  # seconds; shorter work is not estimated
_FOLDS = 5  # fits that calibrate the classifier
_EPOCHS = 11  # of a trial, if one takes no longer than this:
_SHORT = 0.5  # seconds
_FEW = 32


def cost(runs: Sequence[Run], workers: int) -> str:
    """A sentence: how many fits there are and, on a CPU, about how long they take.

    What strategies and oracles themselves compute is not foreseen, nor are early stops and linear heads.
    """
    told = f"{many(len(runs), 'run')} with {many(sum(len(_sizes(run)) for run in runs), 'fit')} in all"
    paces: dict[object, _Pace | None] = {}
    seconds = 0.0
    for run in runs:
        config = run.config
        seen = run.vectors or config.embeddings
        sizes = config.resize, config.neighbors
        kind = config.dataset, config.classifier_name, config.training, config.own, sizes, seen
        if kind not in paces:
            paces[kind] = _measured(run)
        measured = paces[kind]
        seconds += 0.0 if measured is None else _seconds(run, measured)
    if seconds / workers <= _LONG:
        return told
    return f"{told}, which take about {_spoken(seconds / workers)}; what is finished is kept if you stop"


@dataclass(frozen=True)
class _Pace:
    """Seconds of a classifier: to begin a fit, of one sample in an epoch, and of one prediction; and its data set."""

    fit: float
    sample: float
    prediction: float
    data: DataSet


def _sizes(run: Run) -> list[int]:
    """The number of labels at each fit."""
    cycle = run.config.cycle
    return [*range(cycle.initial_size, cycle.labeling_budget, cycle.acquisition_size), cycle.labeling_budget]


def _measured(run: Run) -> _Pace | None:
    """The pace of the classifier of a run; None if it is not fitted epoch by epoch on a CPU."""
    config = run.config
    data, classifier, _ = prepared_for(config, run.vectors)
    if not isinstance(classifier, TorchClassifier) or config.training.device != "cpu":
        return None
    count = min(SOME, len(data.train))
    some = torch.arange(count) * len(data.train) // count
    with one_thread(), contextlib.suppress(IaleError):  # a run will tell what is wrong
        pace(classifier, data.train, some[:_FEW], data.train_labels[some[:_FEW]])  # it also loads what all fits need
        trial = partial(pace, classifier, data.train, some, data.train_labels[some])
        one = trial(1)
        if one.fit > _SHORT:
            return _Pace(0.0, one.fit / count, one.prediction, data)
        more = trial(_EPOCHS)
        epoch = max(0.0, more.fit - one.fit) / (_EPOCHS - 1)
        return _Pace(max(0.0, one.fit - epoch), epoch / count, more.prediction, data)
    return None


def _seconds(run: Run, measured: _Pace) -> float:
    config, cycle = run.config, run.config.cycle_of(run.pool)
    needs = frozenset() if run.query_strategy is None else run.query_strategy.needs
    members = cycle.committee_size if Need.COMMITTEE in needs else 1
    fits = members + (_FOLDS if needs & {Need.TEMPERATURE, Need.FOLDS, Need.OPINION} else 0)
    passes = fits + (cycle.monte_carlo_passes if Need.MONTE_CARLO in needs else 0)
    tested, pool = config.test_size or len(measured.data.test), config.pool_size or len(measured.data.train)
    sizes = _sizes(run)
    predicted = sum(tested + passes * min(cycle.subset_size or pool, pool - size) for size in sizes)
    fitted = len(sizes) * measured.fit + config.training.epochs * sum(sizes) * measured.sample
    return fits * fitted + predicted * measured.prediction


def _spoken(seconds: float) -> str:
    """The time in words.

    >>> _spoken(70), _spoken(800), _spoken(5000), _spoken(20000)
    ('1 minute', '13 minutes', '1.4 hours', '6 hours')
    """
    minutes, hours = seconds / 60, seconds / 3600
    if minutes < 60:
        return many(round(minutes), "minute")
    return f"{hours:.1f} hours" if hours < 3 else many(round(hours), "hour")
