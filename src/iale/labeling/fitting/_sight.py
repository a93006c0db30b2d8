"""What a fit sees of the samples at some indices: their inputs, or their points, which are in memory already."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Protocol

import torch
from torch import Tensor

from iale.data.samples import Samples
from iale.geometry.points import Points
from iale.labeling.items._reading import Reading


class Sight(Protocol):
    """Reads samples, and keeps why some could not be read."""

    unreadable: dict[int, str]

    def read(self, indices: Iterable[int]) -> tuple[list[int], Tensor]:
        """The n indices that could be read, in order, and what is seen of them, [n, …]."""
        ...


class PointSight:
    """Points of a geometry. A file is looked at only if it has changed, or if it could not be read before."""

    def __init__(self, points: Samples, reading: Reading) -> None:
        self._samples, self._reading = points, reading
        self.unreadable = reading.unreadable

    def read(self, indices: Iterable[int]) -> tuple[list[int], Tensor]:
        """The n indices that can be read, and float32 [n, D]."""
        rows = list(indices)
        if not rows:
            return [], torch.zeros(0, *self._samples.shape)
        values = self._samples.batch(torch.tensor(rows))
        doubtful = (~values.any(dim=1)).tolist()
        kept = [at for at, row in enumerate(rows) if not doubtful[at] or self._reading.read([row])[0]]
        return [rows[at] for at in kept], values[kept]


def sight_of(points: Points | None, inputs: Samples, reading: Reading) -> Sight:
    """What a model sees: ``inputs``, if they are points that are there already, and else what is read."""
    return reading if points is None else PointSight(inputs, reading)


class HastySight:
    """Inputs, and of the candidates only as many as can be read in a moment: a person waits for the first model."""

    def __init__(self, reading: Reading, seconds: float) -> None:
        self._reading, self._seconds = reading, seconds
        self.unreadable = reading.unreadable

    def read(self, indices: Iterable[int]) -> tuple[list[int], Tensor]:
        """As `Reading.read`; what could not be read in time is left out."""
        end = time.monotonic() + self._seconds
        soon = []
        for index in indices:
            soon.append(index)
            self._reading.read([index])
            if time.monotonic() > end:
                break
        return self._reading.read(soon)
