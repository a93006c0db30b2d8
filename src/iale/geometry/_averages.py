"""Samples averaged with their nearest neighbors, so that each of them shows what is typical where it lies.

A head that has seen a few labels learns more from averages than from the samples themselves (docs/averages.md). Wu et
al. (2019, Simplifying Graph Convolutional Networks) average over the edges of a given graph; here the graph is that of
the nearest neighbors in the geometry.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import normalize

from iale._given import whole
from iale.data._fingerprint import digest
from iale.data.samples import Samples
from iale.errors import ConfigError, DataError
from iale.geometry._store import Progress, build, silent
from iale.geometry.embeddings import PointSamples
from iale.geometry.points import Points

NEIGHBORS = 10
AVERAGES = "averages 1"

_POOL = 20_000  # samples among which neighbors are looked for: a million times a million products would take days
FEWEST = 20  # samples of the pool, of which one may be a neighbor
_EQUAL = 1 - 1e-5  # the cosine from which on two samples count as equal: a copy tells nothing new


class Averages:
    """A `Maker` of averages: half a sample, and half the mean of its nearest neighbors in a pool.

    All are compared after the mean of the pool was subtracted, scaled to length 1. Neighbors are the nearest by the
    cosine among at most 20,000 evenly spaced samples of the pool. Samples that are equal to a sample are not its
    neighbors, so a new sample becomes what an equal one of the pool has become. A row of zeros, which is a sample that
    could not be read, stays one. Averages know no label.

    They take 2 · n · min(N, 20,000) · D operations: on one core, seconds for 10,000 samples of width 768, and ten
    minutes for a million.

    Args:
        points: N samples, the pool.
        neighbors: how many are averaged, but at most a twentieth of the pool: in a small one, more would be of other
            classes.

    Raises:
        ConfigError: ``neighbors`` is not a number from 1 on, or ``points`` are something else.
        DataError: there is no sample, or all are zeros.
    """

    def __init__(self, points: Points, neighbors: int = NEIGHBORS) -> None:
        if not isinstance(points, Points):
            raise ConfigError(f"averages are of Points, as as_geometry(data, count) makes them, not of {points!r:.40}.")
        neighbors = whole(neighbors, "the number of neighbors", 1)
        count = min(len(points), _POOL)
        rows = points.at(torch.arange(count) * len(points) // max(1, count)).read()
        rows = rows[rows.any(dim=1)]
        if not len(rows):
            raise DataError("there are no samples to average, or all are rows of zeros: check the geometry.")
        self._mean = rows.mean(dim=0, dtype=torch.float64).float()
        self._pool = normalize(rows - self._mean, dim=1)
        self._neighbors = min(neighbors, len(self._pool) // FEWEST)
        self._half = points.values.dtype == torch.float16
        self.identity = f"{AVERAGES} of {self._neighbors} neighbors in {digest(rows.numpy())}"

    def of(self, points: Points, folder: str | Path | None = None, progress: Progress = silent) -> Points:
        """The averages of ``points`` [n, D], which may be other samples than the pool; see `build`.

        They are float16 where the pool is, and else float32.

        Raises:
            DataError: they have another width than the pool.
            StorageError: the folder cannot be written.
        """
        if points.dim != len(self._mean):
            raise DataError(
                f"these points have {points.dim} numbers and those of the pool {len(self._mean)}: average points of "
                f"one geometry."
            )
        return build(PointSamples(points), self, folder, progress)

    def points(self, samples: Samples, indices: Tensor) -> Tensor:
        """The averages of the samples at ``indices`` (int64 [B]): float16 or float32 [B, D]."""
        rows = samples.points.at(indices).read() if isinstance(samples, PointSamples) else samples.batch(indices)
        missing = ~rows.any(dim=1)
        rows = normalize(rows - self._mean, dim=1)
        alike = rows @ self._pool.mT
        alike[alike >= _EQUAL] = -torch.inf
        near, places = alike.topk(self._neighbors, dim=1)
        found = (near > -torch.inf).float()
        # In the order of the pool: near ties may be found in another order, and sums would be rounded differently.
        order = places.argsort(dim=1)
        found, places = found.gather(1, order), places.gather(1, order)
        sums = (self._pool[places] * found[:, :, None]).sum(dim=1)
        averages = normalize(rows + sums / found.sum(dim=1, keepdim=True).clamp(min=1), dim=1)
        averages[missing] = 0
        return averages.half() if self._half else averages
