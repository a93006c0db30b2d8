"""Samples as points: rows of numbers that lie close together where samples are alike.

The *geometry* of a data set is fixed, knows no label and exists before the first one. A classifier's *embedding* is
another thing: it changes with every fit.

Legend of dimensions: N samples of the data set, n points, D width of the geometry.
"""

from __future__ import annotations

import mmap
from dataclasses import dataclass, field

import torch
from torch import Tensor

from iale.data._row_files import RowFile
from iale.errors import DataError

_TOGETHER = 64
"""Rows that are read from a map of a temporary file before its pages are released."""


@dataclass(frozen=True, eq=False)
class Points:
    """Some samples, in order, as points. Rows are read when they are asked for, so a million may stay on disk.

    Attributes:
        values: float16 or float32 [N, D], finite, of all samples; it may be memory-mapped.
        indices: int64 [n]: point i is row ``indices[i]`` of ``values``. Strategies have no use for it.

    Raises:
        DataError: they are no such tensors.
    """

    values: Tensor
    indices: Tensor
    _file: RowFile | mmap.mmap | None = field(default=None, repr=False)
    _unread: tuple[int, ...] = field(default=(), repr=False)  # rows of zeros: samples that could not be read

    def __post_init__(self) -> None:
        values, indices = self.values, self.indices
        known = isinstance(values, Tensor) and isinstance(indices, Tensor) and values.ndim == 2 and indices.ndim == 1
        if not known or indices.dtype != torch.int64:
            raise DataError(
                "points are a tensor [N, D] and int64 indices [n] of its rows: `as_geometry` makes them of anything."
            )

    def __len__(self) -> int:
        return len(self.indices)

    @property
    def dim(self) -> int:
        """D, the width of the geometry."""
        return self.values.shape[1]

    def at(self, positions: Tensor) -> Points:
        """The points at ``positions`` (int64 [m]), which are not read yet."""
        return Points(self.values, self.indices[positions], self._file)

    def read(self, start: int = 0, stop: int | None = None) -> Tensor:
        """The points from ``start`` up to, but not including, ``stop``: float32 [m, D], a copy."""
        rows = self.indices[start:stop]
        if not isinstance(self._file, mmap.mmap):
            return self._rows(rows).to(torch.float32)
        out = torch.empty((len(rows), self.dim), dtype=torch.float32)
        for at in range(0, len(rows), _TOGETHER):
            some = rows[at : at + _TOGETHER]
            out[at : at + _TOGETHER] = self.values[some]
            # Otherwise the pages would count as memory of this process, although the system caches the file anyway.
            self._file.madvise(mmap.MADV_DONTNEED)
        return out

    def _rows(self, rows: Tensor) -> Tensor:
        """A copy of rows of ``values``."""
        return torch.from_numpy(self._file.read(rows.numpy())) if isinstance(self._file, RowFile) else self.values[rows]

    def __getstate__(self) -> dict[str, object]:
        """Pickles the points themselves: a map cannot travel to another process."""
        rows, own = torch.unique(self.indices, return_inverse=True)
        return {"values": self._rows(rows), "indices": own, "_file": None}
