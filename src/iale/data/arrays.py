"""Samples in an array, which is in memory or a memory map of a file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from iale.data._checks import rows_of
from iale.data._fingerprint import digest, file_stamp, sampled_rows, spaced
from iale.data._layout import (
    Array,
    Channels,
    as_array,
    channels_first,
    check_values,
    guess_channels,
    is_bytes,
    memory_map,
    to_float32,
)
from iale.data._row_files import row_reader
from iale.errors import DataError

_CHUNK = 1 << 22
"""Values that are checked at a time."""


class ArraySamples:
    """Rows of a NumPy array, a tensor or a memory map.

    The array is neither copied nor changed. A memory map stays on disk: a batch reads only its own rows, and a pickled
    copy opens the file again.

    Args:
        array: images [N, H, W] (one channel), [N, H, W, C] or [N, C, H, W], or features [N, F]. Images of
            uint8 stay as they are, and classifiers scale them to 0 … 1. All other numbers, also rows of uint8, become
            float32 and keep their values; floats are rounded.
        channels: whether the channels of images [N, …, …, …] are "first" or "last"; by default last if the last
            dimension is 1, 3 or 4 and the second is not.

    Attributes:
        shape: of one input: ``(channels, height, width)`` or ``(features,)``.
        dtype: ``torch.uint8`` for images of bytes, ``torch.float32`` for everything else.
        bytes: whether the array itself is of uint8.

    Raises:
        DataError: the array is empty, has another number of dimensions, does not hold real numbers, or has a value that
            is NaN, infinite or beyond float32, or an integer that float32 cannot hold. The values of memory maps are
            checked when they are read.
    """

    def __init__(self, array: Array | Tensor, *, channels: Channels | None = None) -> None:
        values = as_array(array)
        if values.ndim not in (2, 3, 4) or values.size == 0:
            raise DataError(
                f"an array of shape {values.shape} holds no samples: give images [N, H, W], [N, H, W, C] or "
                f"[N, C, H, W], or features [N, F]."
            )
        if values.dtype.kind not in "biuf":
            raise DataError(f"an array of {values.dtype} holds no samples: give uint8, integers or floats.")
        if channels not in (None, "first", "last"):
            raise DataError(f"channels are 'first' or 'last', not {channels!r:.40}.")
        self._array = values
        self._channels = channels or guess_channels(values.shape)
        self._mapped = memory_map(values) is not None
        self._reader: Callable[[NDArray[np.int64]], Array] | None = None
        self.shape = tuple(channels_first(torch.empty((0, *values.shape[1:])), self._channels).shape[1:])
        self.bytes = values.dtype == np.uint8
        self.dtype = torch.uint8 if is_bytes(values.dtype, values.ndim - 1) else torch.float32
        if not self._mapped:
            step = max(1, _CHUNK // values[0].size)
            for start in range(0, len(values), step):
                check_values(values[start : start + step], range(start, min(start + step, len(values))))

    def __len__(self) -> int:
        return len(self._array)

    def batch(self, indices: Tensor) -> Tensor:
        """The inputs at ``indices`` (int64 [B]): ``dtype`` [B, *shape].

        Raises DataError if an index is out of range, or if a value of a memory map is not finite or does not fit.
        """
        rows = rows_of(indices, len(self))
        values = self._rows(rows)
        if self.dtype != torch.uint8:
            if self._mapped:
                check_values(values, rows)
            values = values if values.dtype == np.float32 else to_float32(values)
        return channels_first(torch.from_numpy(values), self._channels)

    def _rows(self, rows: NDArray[np.int64]) -> Array:
        """A copy of rows."""
        if self._reader is None:
            self._reader = row_reader(self._array)
        return self._reader(rows)

    def fingerprint(self) -> str:
        """A digest of the content; for a memory map, of its file's path, size and time, and of some rows."""
        place = self._place()
        if place is None:
            return digest(self._channels, self._array)
        return digest(self._channels, *vars(place).values(), file_stamp(place.path))

    def stamps(self) -> list[tuple[str, tuple[int, int]]]:
        """The file of a memory map, its size, and the time of its last change; raises DataError if it is gone."""
        place = self._place()
        return [] if place is None else [(place.path, file_stamp(place.path))]

    def __getstate__(self) -> dict[str, object]:
        """Pickles a memory map as the place of its bytes, everything else as it is."""
        place = self._place()
        return {**self.__dict__, "_array": self._array if place is None else place, "_reader": None}

    def _place(self) -> _OnDisk | None:
        mapped = memory_map(self._array)
        # A map that copies on write may hold changes that its file does not.
        if mapped is None or mapped.filename is None or mapped.mode == "c":
            return None
        # NumPy does not keep the offset of a view, but the distance of its first byte from the map's tells it.
        distance = self._array.__array_interface__["data"][0] - mapped.__array_interface__["data"][0]
        array = self._array
        where = str(mapped.filename), mapped.offset + distance
        return _OnDisk(*where, array.dtype, array.shape, array.strides, digest(self._rows(spaced(len(array)))))

    def __setstate__(self, state: dict[str, object]) -> None:
        array = state["_array"]
        self.__dict__.update(state, _array=array.open() if isinstance(array, _OnDisk) else array)


@dataclass(frozen=True)
class _OnDisk:
    """Where the values of a memory map are in its file."""

    path: str
    offset: int
    dtype: np.dtype[np.generic]
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    content: str  # of some rows: another file may have taken the place

    def open(self) -> Array:
        try:
            file = np.memmap(self.path, dtype=np.uint8, mode="r")
            array: Array = np.ndarray(self.shape, self.dtype, file, self.offset, self.strides)
        except (OSError, ValueError, TypeError) as error:
            raise DataError(f"{self.path} was moved or cut short since it was opened: put it back.") from error
        if sampled_rows(array) != self.content:
            raise DataError(f"{self.path} was replaced since it was opened: start again.")
        return array
