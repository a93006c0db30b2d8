"""How fast a classifier is on this machine: a short trial before long work begins."""

from __future__ import annotations

import copy
import time
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from iale.classifiers.base import FitJob
from iale.classifiers.torch_classifier import TorchClassifier
from iale.data.samples import Samples

SOME = 256  # samples that are fitted and predicted at most


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
