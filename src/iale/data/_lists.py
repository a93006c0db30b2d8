"""Rows of numbers that come as lists, as in a column of a data set of Hugging Face.

Legend of dimensions: N samples, B of a part, D numbers of each.
"""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Number
from typing import Any, TypeGuard

import numpy as np
import torch
from torch import Tensor

from iale.data._checks import rows_of
from iale.data._layout import Array, check_values, to_float32
from iale.data._reading import read_item
from iale.errors import DataError

_TOGETHER = 256  # rows that are read at a time: as lists they take ten times their room


def are_lists(data: object) -> TypeGuard[Sequence[Any]]:
    """Whether ``data`` is a lazy sequence of lists of numbers.

    A data set of PyTorch is no sequence: its lists may be pairs (x, y). A list of lists is an array.
    """
    if not isinstance(data, Sequence) or isinstance(data, str | bytes | list | tuple) or not len(data):
        return False
    first = read_item(data, 0)
    return isinstance(first, list) and bool(first) and all(isinstance(value, Number) for value in first)


class ListSamples:
    """Such a sequence, read a part at a time.

    Args:
        data: N lists of D numbers.

    Raises:
        DataError: when it reads a row of another length, or of something else.
    """

    dtype = torch.float32

    def __init__(self, data: Sequence[Any]) -> None:
        self._rows = _as_arrays(data)
        self.shape: tuple[int, ...] = (len(data[0]),)

    def __len__(self) -> int:
        return len(self._rows)

    def fingerprint(self) -> str:
        """Empty, because it is never kept."""
        return ""

    def batch(self, indices: Tensor) -> Tensor:
        """float32 [B, D] at ``indices`` (int64 [B]); neighbors are read together."""
        rows = rows_of(indices, len(self))
        out = np.empty((len(rows), *self.shape), np.float32)
        for run in np.split(np.arange(len(rows)), np.flatnonzero(np.diff(rows) != 1) + 1):
            if len(run):
                out[run] = self._read(int(rows[run[0]]), int(rows[run[-1]]) + 1)
        return torch.from_numpy(out)

    def whole(self) -> Array:
        """float32 [N, D]."""
        out = np.empty((len(self), *self.shape), np.float32)
        for start in range(0, len(self), _TOGETHER):
            out[start : start + _TOGETHER] = self._read(start, min(start + _TOGETHER, len(self)))
        return out

    def _read(self, start: int, stop: int) -> Array:
        try:
            with np.errstate(over="ignore"):  # what does not fit becomes infinite, and is reported below
                rows = list(self._rows[start:stop])
            part = np.asarray(rows)
        except ValueError:  # lists of several lengths
            part = np.empty(0)
        if part.shape != (stop - start, *self.shape) or part.dtype.kind not in "biuf":
            raise self._odd(rows, start)
        check_values(part, range(start, stop))
        return to_float32(part)

    def _odd(self, rows: Sequence[Any], start: int) -> DataError:
        """What is wrong with the first of these rows that is unlike the first of all."""
        for number, row in enumerate(rows, start):
            values = row.tolist() if isinstance(row, np.ndarray) else row
            if not isinstance(values, list) or not all(isinstance(value, Number) for value in values):
                return DataError(f"sample {number} is no list of numbers: repair or remove it.")
            if len(values) != self.shape[0]:
                return DataError(
                    f"sample {number} has {len(values)} numbers and sample 0 has {self.shape[0]}: give each as many."
                )
        return DataError(f"samples {start} to {start + len(rows) - 1} have an integer beyond 64 bits: repair them.")


def _as_arrays(data: Any) -> Sequence[Any]:
    """A column of Hugging Face that reads arrays and not lists, which is several times as fast; others as they are."""
    source: Any = getattr(data, "source", None)
    plain = hasattr(source, "with_format") and source.format["type"] is None
    column: Sequence[Any] = source.with_format("numpy")[data.column_name] if plain else data
    return column
