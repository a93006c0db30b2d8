"""Whether averages of neighbors help a head: as they are or averaged, the points compete in one cross-validation.

Averages harm where neighbors are of other classes (docs/averages.md), and the labels tell that.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from iale import _storage as storage
from iale.classifiers.base import Classifier
from iale.classifiers.calibration import cross_validated
from iale.data.arrays import ArraySamples
from iale.data.samples import Samples
from iale.errors import StorageError
from iale.geometry.embeddings import PointSamples
from iale.geometry.points import Points
from iale.recipe import RecipeConfig, classifier_of
from iale.seeding import Stream

_FILE = "averages.json"
_FIRST = 20  # labels at the first comparison: with fewer, it would be a matter of chance
_MORE = 1.25  # times the labels of a comparison there are at the next one
_MOST = 1000  # labels that are compared, drawn at random: with 8,000, a fit would take minutes longer
_FOLDS = 5
_OTHERS = 2000  # samples besides the labeled ones that say how wide the inputs are


@dataclass(frozen=True)
class Verdict:
    """The last comparison.

    Attributes:
        labels: on which it was made.
        averages: identifies them: others, as of new embeddings, are compared anew.
        gain: by how much averages lower the log loss of a sample; below 0, they harm.
    """

    labels: int
    averages: str
    gain: float

    @property
    def help(self) -> bool:
        """Whether the head sees averages."""
        return self.gain >= 0


def read_verdict(folder: Path, averages: str) -> Verdict | None:
    """The last comparison of a project on these averages; None if there was none."""
    try:
        values = storage.read_json(folder / _FILE)
        verdict = Verdict(int(values["labels"]), str(values["averages"]), float(values["gain"]))
    except (StorageError, TypeError, ValueError, KeyError):  # it is made again
        return None
    return verdict if verdict.averages == averages else None


def is_due(folder: Path, averages: str, labels: int) -> bool:
    """Whether there are a quarter more labels than at the last comparison, or enough for the first."""
    last = read_verdict(folder, averages)
    return labels >= (_FIRST if last is None else _MORE * last.labels)


def compare(
    folder: Path,
    recipe: RecipeConfig,
    points: tuple[Points, Points],
    told: tuple[Sequence[int], Sequence[int]],
    averages: str,
) -> Verdict:
    """Compares a head on points as they are with one on averages, and keeps in ``folder`` what came of it.

    Args:
        folder: of the project.
        recipe: of the head.
        points: as they are, and averaged.
        told: L labeled samples, and their classes; all classes below the largest are known.
        averages: identifies them.
    """
    every, classes = len(told[0]), max(2, max(told[1]) + 1)
    draw = torch.randperm(every, generator=Stream(0).child("gate", every).torch())[:_MOST].sort().values
    rows, labels = (torch.tensor(each)[draw] for each in told)
    count = min(_OTHERS, len(points[0]))
    seen = torch.cat([rows, torch.arange(count) * len(points[0]) // count])
    both = []
    for each in points:
        samples = ArraySamples(PointSamples(each).batch(seen))
        both.append((classifier_of(recipe, "row", samples, classes), samples))
    gains = gains_of(both[0], both[1], torch.arange(len(rows)), labels)
    verdict = Verdict(every, averages, float(gains.mean()))
    storage.write_json(folder / _FILE, dataclasses.asdict(verdict))
    return verdict


def gains_of(
    plain: tuple[Classifier, Samples], averaged: tuple[Classifier, Samples], rows: Tensor, labels: Tensor
) -> Tensor:
    """By how much averages lower the log loss of each sample, for heads that have not learned from it: float64 [L].

    ``rows`` and ``labels`` are int64 [L].
    """
    stream, losses = Stream(0).child("gate", len(rows)), []
    for head, samples in (plain, averaged):
        logits = cross_validated(head, samples, rows, labels, folds=_FOLDS, stream=stream).logits.double()
        losses.append(cross_entropy(logits, labels, reduction="none"))
    return losses[0] - losses[1]
