"""Which labels a model doubts. It says about each label what it learned from all the others."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from iale.data._sketches import sketches
from iale.errors import DataError
from iale.labeling.reader import ProjectReader
from iale.labeling.record._fits import Guess
from iale.labeling.reviewing._left_out import left_out_probabilities

_FEWEST = 10  # labels
_MOST = 20_000  # labels that are compared: the latest ones
_SECONDS = 3.0  # spent on reading samples in one call, if there is no geometry yet: somebody waits
_TOGETHER = 32  # samples that are read at a time
_TOLD = 3  # classes in a guess


@dataclass(frozen=True)
class Doubts:
    """What a model says about labels that it has not seen.

    Attributes:
        guesses: the likeliest classes with their probabilities, best first, by the id of the sample.
        given: the probability of the label that is there.
        why_not: why labels are left out, in a sentence; empty if none is.
        left: how many labels will be compared when this is asked again.
    """

    guesses: dict[str, Guess] = field(default_factory=dict)
    given: dict[str, float] = field(default_factory=dict)
    why_not: str = ""
    left: int = 0


class Doubter:
    """Compares the labels of a project with one another; what it found holds until a label changes.

    Labels of the honest test share are left out: who corrects there what a model doubts would make it look better than
    it is. Threads may share it.
    """

    def __init__(self, project: ProjectReader) -> None:
        self._project = project
        self._lock = threading.Lock()
        self._known: tuple[object, Doubts] = (None, Doubts())
        self._sketches: dict[str, NDArray[np.float32] | None] = {}  # None for a sample that cannot be read

    def doubts(self) -> Doubts:
        """What is known now; without a geometry, one call reads samples for a few seconds, and the next goes on."""
        labels = dict(list(self._project.labels_to_learn_from().items())[-_MOST:])
        with self._lock:
            points, left = self._points(list(labels))
            now = (tuple(labels.items()), len(points), self._project.classes)
            if self._known[0] != now:
                self._known = now, self._compare({s: label for s, label in labels.items() if s in points}, points, left)
            return self._known[1]

    def _compare(self, labels: dict[str, str], points: dict[str, NDArray[np.float64]], left: int) -> Doubts:
        used = sorted(set(labels.values()))
        more = f"{left:,} labels are not compared yet." if left else ""
        if len(labels) < _FEWEST or len(used) < 2:
            few = f"A model doubts labels when there are {_FEWEST} or more, of two classes or more."
            return Doubts(why_not=more or few, left=left)
        number = {name: place for place, name in enumerate(used)}
        given = np.array([number[label] for label in labels.values()])
        found = left_out_probabilities(np.stack([points[sample] for sample in labels]), given, len(used))
        best = np.argsort(-found, axis=1, kind="stable")[:, :_TOLD]
        guesses = {
            sample: tuple((used[at], round(float(row[at]), 4)) for at in places)
            for sample, row, places in zip(labels, found, best.tolist(), strict=True)
        }
        own = {sample: float(row[at]) for sample, row, at in zip(labels, found, given.tolist(), strict=True)}
        return Doubts(guesses, own, more, left)

    def _points(self, samples: list[str]) -> tuple[dict[str, NDArray[np.float64]], int]:
        """The samples as points, and how many are still to be read."""
        ids, geometry = self._project.items.ids, self._project.views.geometry()
        if geometry is not None:
            rows = geometry.at(torch.tensor([ids.index(sample) for sample in samples], dtype=torch.int64)).read()
            return dict(zip(samples, rows.double().numpy(), strict=True)), 0
        end = time.monotonic() + _SECONDS
        left = 0
        new = [sample for sample in samples if sample not in self._sketches]
        for start in range(0, len(new), _TOGETHER):
            if time.monotonic() > end:
                left = len(new) - start
                break
            self._sketch(new[start : start + _TOGETHER])
        known = ((sample, self._sketches.get(sample)) for sample in samples)
        return {sample: row.astype(np.float64) for sample, row in known if row is not None}, left

    def _sketch(self, samples: list[str]) -> None:
        items = self._project.items
        rows = torch.tensor([items.ids.index(sample) for sample in samples])
        try:
            self._sketches.update(zip(samples, sketches(items.samples.batch(rows), items.kind), strict=True))
        except DataError:
            if len(samples) == 1:
                self._sketches[samples[0]] = None
            else:
                for sample in samples:
                    self._sketch([sample])
