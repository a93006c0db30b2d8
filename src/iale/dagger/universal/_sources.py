"""Data sets as points and labels, read once in each process.

Legend of dimensions: N samples of a source, V numbers of one.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor

from iale.data.catalog import load_dataset
from iale.geometry._principal import one_thread, principal
from iale.seeding import Stream

_MOST = 12_000  # samples of a data set that tasks are drawn from
_FITTED = 4_000  # of them, from which principal components are computed
_WIDEST = 768  # principal components


@dataclass(frozen=True, eq=False)
class Source:
    """Points with labels.

    Attributes:
        name: of the data set, or "synthetic".
        points: float32 [N, V], on one scale: the mean of each number is 0, the standard deviation of all is 1.
        labels: int64 [N].
        classes: C.
        shape: of one sample, as it was before its numbers were in a row.
    """

    name: str
    points: Tensor
    labels: Tensor
    classes: int
    shape: tuple[int, ...] = ()

    @cached_property
    def directions(self) -> Tensor:
        """float32 [V, D], the principal components by falling variance."""
        step = max(1, len(self.points) // _FITTED)
        with one_thread():
            found = principal(np.ascontiguousarray(self.points[::step][:_FITTED].numpy()), _WIDEST)[1]
        return torch.from_numpy(found).float()


Sources: TypeAlias = Callable[[str], Source]
"""Finds a source by its name."""


@functools.lru_cache(maxsize=8)
def load_source(name: str) -> Source:
    """The training split of a data set, of which the test split is never read; of a large one, a random part."""
    data = load_dataset(name)
    count = len(data.train)
    rows = torch.arange(count)
    if count > _MOST:
        draw = Stream(0).child("part of a source", name).numpy().choice(count, _MOST, replace=False)
        rows = torch.from_numpy(np.sort(draw))
    parts = [data.train.batch(part).flatten(1).float() for part in torch.split(rows, 1000)]
    return Source(name, on_one_scale(torch.cat(parts)), data.train_labels[rows], data.num_classes, data.train.shape)


def on_one_scale(points: Tensor) -> Tensor:
    """Each column with the mean 0, and all numbers together with the standard deviation 1."""
    centered = points - points.mean(dim=0)
    return centered / centered.square().mean().sqrt().clamp(min=1e-12)
