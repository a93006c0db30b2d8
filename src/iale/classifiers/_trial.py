"""How fast a classifier is on this machine: short trials before long work begins."""

from __future__ import annotations

import contextlib
import copy
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor

from iale.classifiers.base import Classifier, FitJob
from iale.classifiers.torch_classifier import TorchClassifier
from iale.data.samples import DataSet, Samples
from iale.errors import IaleError
from iale.executors import one_thread

SOME = 256  # samples that are fitted and predicted at most
LONG = 60.0  # seconds; shorter work is not announced
_FEW = 32
_EPOCHS = 11  # of a second trial, if one epoch takes no longer than this:
_SHORT = 0.5  # seconds


@dataclass(frozen=True)
class Pace:
    """Seconds that were measured.

    Attributes:
        fit: of a fit to the samples of the trial.
        prediction: of predicting one sample.
    """

    fit: float
    prediction: float


def pace(classifier: TorchClassifier, samples: Samples, indices: Tensor, labels: Tensor, epochs: int = 1) -> Pace:
    """Fits up to `SOME` of the samples at ``indices`` with their ``labels``, int64 [L] each, and predicts some."""
    trial = copy.copy(classifier)
    trial.training = replace(classifier.training, epochs=epochs)
    begin = time.perf_counter()
    fitted = trial.fit(samples, FitJob(indices[:SOME], labels[:SOME], seed=0))
    middle = time.perf_counter()
    rows = torch.arange(min(SOME, len(samples)))
    fitted.outputs(samples, rows)
    return Pace(middle - begin, (time.perf_counter() - middle) / len(rows))


@dataclass(frozen=True)
class Rates:
    """Seconds that a classifier takes on one thread.

    Attributes:
        fit: to begin a fit.
        sample: of one sample in one epoch.
        prediction: of predicting one sample.
    """

    fit: float
    sample: float
    prediction: float

    def seconds(self, sizes: Sequence[int], epochs: int) -> float:
        """Of one fit for each number of labels in ``sizes``."""
        return len(sizes) * self.fit + epochs * sum(sizes) * self.sample


def rates(classifier: Classifier, data: DataSet) -> Rates | None:
    """Those of a classifier, from fits to some of ``data``; None if it is not fitted epoch by epoch on a CPU."""
    if not isinstance(classifier, TorchClassifier) or classifier.device.type != "cpu":
        return None
    count = min(SOME, len(data.train))
    some = torch.arange(count) * len(data.train) // count
    with one_thread(), contextlib.suppress(IaleError):  # the work itself will tell what is wrong
        pace(classifier, data.train, some[:_FEW], data.train_labels[some[:_FEW]])  # it also loads what all fits need
        trial = partial(pace, classifier, data.train, some, data.train_labels[some])
        one = trial(1)
        if one.fit > _SHORT:
            return Rates(0.0, one.fit / count, one.prediction)
        more = trial(_EPOCHS)
        epoch = max(0.0, more.fit - one.fit) / (_EPOCHS - 1)
        return Rates(max(0.0, one.fit - epoch), epoch / count, more.prediction)
    return None
