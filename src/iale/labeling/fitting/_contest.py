"""Whether a network does better than the linear head: both in one cross-validation on the labels, now and then.

It runs in a process of its own, so no fit waits for it, and only if it is likely to end within its time.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from iale import _storage as storage
from iale.classifiers.base import Classifier, FitJob
from iale.classifiers.calibration import cross_validated
from iale.data.samples import Samples
from iale.errors import StorageError
from iale.seeding import Stream

_FILE = "contest.json"
_FIRST = 100  # labels at the first contest; the next ones follow when there are twice as many
_FOLDS = 5
_TRIED = 2  # epochs from which the time is estimated
_SECONDS = 120.0  # that the network may take
_ERRORS = 1.0  # standard errors of the difference by which the network must be ahead

NAMES = {"cnn": "a network of 2 convolutions", "mlp": "a network of 1 hidden layer"}


@dataclass(frozen=True)
class Contest:
    """The last comparison.

    Attributes:
        labels: on which it was made.
        network: the network's classifier.
        ahead: points of accuracy by which the network was ahead; None if it would have taken too long.
        won: whether it is ahead by more than chance explains.
        seconds: that it took, or would have taken.
    """

    labels: int
    network: str
    ahead: float | None
    won: bool
    seconds: float

    @property
    def about(self) -> str:
        """What came of it, in words."""
        name = NAMES.get(self.network, self.network)
        if self.ahead is None:
            return f"{name} was not compared at {self.labels} labels: it would take {self.seconds:.0f} s"
        if self.won:
            head = "a linear head in cross-validation"
            return f"{name}: it was {self.ahead:.1f} points ahead of {head} at {self.labels} labels"
        side = "ahead, which may be chance," if self.ahead > 0 else "behind"
        return f"{name} was {abs(self.ahead):.1f} points {side} in cross-validation at {self.labels} labels"


def read_contest(folder: Path) -> Contest | None:
    """The last comparison of a project; None if there was none."""
    try:
        values = storage.read_json(folder / _FILE)
        del values["schema"]
        return Contest(**values)
    except (StorageError, TypeError, KeyError):  # it is made again
        return None


def is_due(folder: Path, labels: int) -> bool:
    """Whether there are twice as many labels as at the last comparison, or enough for the first."""
    last = read_contest(folder)
    return labels >= (_FIRST if last is None else 2 * last.labels)


def compare(
    folder: Path,
    head: tuple[Classifier, Samples],
    network: tuple[str, Callable[[int], Classifier], Samples],
    labels: Tensor,
    epochs: int,
) -> Contest:
    """Compares a head and a network on ``labels`` (int64 [L]), and keeps in ``folder`` what came of it.

    Args:
        folder: of the project.
        head: with its inputs, L of them.
        network: its name, what makes it for a number of epochs, and its inputs.
        labels: of the inputs.
        epochs: of the network.
    """
    rows, stream = torch.arange(len(labels)), Stream(0).child("contest", len(labels))
    name, make, inputs = network
    begin = time.monotonic()
    make(_TRIED).fit_many(inputs, [FitJob(rows, labels, 0)])
    seconds = (time.monotonic() - begin) * epochs / _TRIED * _FOLDS
    ahead, won = None, False
    if seconds <= _SECONDS:
        begin = time.monotonic()
        first, second = (
            cross_validated(each, samples, rows, labels, folds=_FOLDS, stream=stream).logits
            for each, samples in (head, (make(epochs), inputs))
        )
        seconds = time.monotonic() - begin
        difference = (second.argmax(dim=1) == labels).double() - (first.argmax(dim=1) == labels).double()
        ahead = 100 * float(difference.mean())
        won = ahead > 100 * _ERRORS * float(difference.std()) / len(labels) ** 0.5
    found = Contest(len(labels), name, ahead, won, seconds)
    storage.write_json(folder / _FILE, dataclasses.asdict(found))
    return found
