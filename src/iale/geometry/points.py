"""Samples as points: rows of numbers that lie close together where samples are alike.

The *geometry* of a data set is fixed, knows no label and exists before the first one. A classifier's *embedding* is
another thing: it changes with every fit.

Legend of dimensions: N samples of the data set, n points, D width of the geometry.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Points:
    """Some samples, in order, as points. Rows are read when they are asked for, so a million may stay on disk.

    Attributes:
        values: float16 or float32 [N, D], finite, of all samples; it may be memory-mapped.
        indices: int64 [n]: point i is row ``indices[i]`` of ``values``. Strategies have no use for it.
    """

    values: Tensor
    indices: Tensor

    def __len__(self) -> int:
        return len(self.indices)

    @property
    def dim(self) -> int:
        """D, the width of the geometry."""
        return self.values.shape[1]

    def at(self, positions: Tensor) -> Points:
        """The points at ``positions`` (int64 [m]), which are not read yet."""
        return Points(self.values, self.indices[positions])

    def read(self, start: int = 0, stop: int | None = None) -> Tensor:
        """The points from ``start`` up to, but not including, ``stop``: float32 [m, D], a copy."""
        return self.values[self.indices[start:stop]].to(torch.float32)
