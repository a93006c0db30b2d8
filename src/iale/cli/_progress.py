"""How far a query is, and how long it will take."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from torch import Tensor
from tqdm import tqdm

from iale.classifiers._trial import LONG, SOME, pace
from iale.classifiers.torch_classifier import TorchClassifier
from iale.data._fingerprint import fingerprint
from iale.data.samples import Samples
from iale.learner import QueryConfig
from iale.strategies._demand import Demand, demand
from iale.strategies.base import QueryStrategy


@dataclass(frozen=True)
class Work:
    """What a query has to do.

    Attributes:
        asked: what the strategy asks of the classifier.
        labeled: labeled samples.
        candidates: samples to choose from.
    """

    asked: Demand
    labeled: int
    candidates: int

    @property
    def read(self) -> int:
        """Samples that are read after the fits; passes with dropout share what they read."""
        passes = self.asked.passes + min(self.asked.dropout, 1)
        return passes * self.candidates + (self.asked.folds + self.asked.labeled) * self.labeled

    def seconds(self, classifier: TorchClassifier, samples: Samples, indices: Tensor, labels: Tensor) -> float:
        """About how long it takes, from a short trial: an epoch on some labeled samples, and a prediction of some.

        ``indices`` and ``labels`` are int64 [L]. Early stops are not foreseen, nor is what a strategy itself computes.
        If the answer is long, the trial is made again: the first fit of a process also loads what all of them need.
        """
        first = self._trial(classifier, samples, indices, labels)
        return first if first <= LONG else min(first, self._trial(classifier, samples, indices, labels))

    def _trial(self, classifier: TorchClassifier, samples: Samples, indices: Tensor, labels: Tensor) -> float:
        measured = pace(classifier, samples, indices, labels)
        predicted = self.asked.predictions * self.candidates + self.labeled
        epochs = self.asked.fits * classifier.training.epochs * max(1.0, self.labeled / SOME)
        return epochs * measured.fit + predicted * measured.prediction


def work_of(strategy: QueryStrategy, labeled: int, candidates: int) -> Work:
    """The work of asking ``strategy``."""
    usual = QueryConfig()
    return Work(demand([strategy], usual.committee_size, usual.monte_carlo_passes), labeled, candidates)


class Watched:
    """Samples that move a bar on stderr when they are read."""

    def __init__(self, samples: Samples, names: Sequence[str]) -> None:
        self._samples, self.names = samples, names
        self._bar: tqdm | None = None
        self.shape = samples.shape
        self.dtype = samples.dtype

    def __len__(self) -> int:
        return len(self._samples)

    def batch(self, indices: Tensor) -> Tensor:
        """The inputs at ``indices``."""
        inputs = self._samples.batch(indices)
        if self._bar is not None:
            self._bar.update(min(len(indices), self._bar.total - self._bar.n))
        return inputs

    def fingerprint(self) -> str:
        """That of the samples themselves."""
        return fingerprint(self._samples)

    @contextmanager
    def stage(self, what: str, total: int) -> Iterator[None]:
        """Shows a bar of ``total`` samples meanwhile, if a person sees stderr."""
        with tqdm(total=total, unit=" samples", desc=what, file=sys.stderr, leave=False, disable=None) as self._bar:
            yield
        self._bar = None


def announcement(seconds: float) -> str:
    """A sentence about work that takes more than a minute; empty for shorter work."""
    if seconds <= LONG:
        return ""
    minutes = round(seconds / 60)
    return f"this will take about {minutes} minutes; Ctrl-C ends it" if minutes > 1 else "this will take over a minute"
