"""Samples that lie in an array: in memory, or on disk behind a memory map."""

from __future__ import annotations

import mmap
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from iale.data._checks import rows_of
from iale.data._fingerprint import digest, file_stamp, sampled
from iale.errors import DataError

Channels = Literal["first", "last"]

_CHUNK = 1 << 22
"""Values looked at in one go when a whole array is checked."""

_TOGETHER = 16
"""Rows read from a memory map before its pages are given back."""


class ArraySamples:
    """Rows of a NumPy array, a tensor or a memory map.

    The array is neither copied nor changed. A memory map stays on disk: a batch reads its own rows, and a pickled
    copy opens the file again.

    Args:
        array: images [N, H, W] (one channel), [N, H, W, C] or [N, C, H, W], or features [N, F]; uint8 stays uint8,
            every other number becomes float32 with its value kept.
        channels: whether the channels of images [N, …, …, …] come "first" or "last"; by default last where the last
            dimension is 1, 3 or 4 and the second is not.

    Raises:
        DataError: the array is empty or has another number of dimensions, holds something other than real numbers,
            or a value that is NaN, infinite or beyond float32. Memory maps are checked row by row when they are read.
    """

    def __init__(self, array: NDArray[Any] | Tensor, *, channels: Channels | None = None) -> None:
        values = as_array(array)
        if values.ndim not in (2, 3, 4) or values.size == 0:
            raise DataError(
                f"an array of shape {values.shape} holds no samples: give images [N, H, W], [N, H, W, C] or "
                f"[N, C, H, W], or features [N, F]."
            )
        if values.dtype.kind not in "biuf":
            raise DataError(f"an array of {values.dtype} holds no samples: give uint8, integers or floats.")
        self._array = values
        self._channels = channels or guess_channels(values.shape)
        self._mapped = memory_map(values) is not None
        self._shape = tuple(channels_first(torch.empty((0, *values.shape[1:])), self._channels).shape[1:])
        if not self._mapped and values.dtype.kind == "f":
            step = max(1, _CHUNK // values[0].size)
            for start in range(0, len(values), step):
                rows = np.arange(start, min(start + step, len(values)))
                self._check_finite(to_float32(values[start : start + step]), rows)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one input: ``(channels, height, width)`` or ``(features,)``."""
        return self._shape

    def __len__(self) -> int:
        return len(self._array)

    def batch(self, indices: Tensor) -> Tensor:
        """The inputs at ``indices`` (int64 [B]): uint8 or float32 [B, *shape].

        Raises DataError for an index out of range, or a row of a memory map that is not finite.
        """
        rows = rows_of(indices, len(self))
        values = self._read(rows)
        if values.dtype != np.uint8:
            values = to_float32(values)
            if self._mapped:
                self._check_finite(values, rows)
        return channels_first(torch.from_numpy(values), self._channels)

    def _read(self, rows: NDArray[np.int64]) -> NDArray[Any]:
        """A copy of rows; the pages of a read-only map are given back after every few of them.

        They would count as this process's memory, up to 2 MiB for each row, while the system has them at hand anyway.
        Maps that can be written to keep theirs, which may hold changes.
        """
        mapped = memory_map(self._array)
        if mapped is None or mapped.mode != "r" or not isinstance(mapped.base, mmap.mmap):
            return np.asarray(self._array[rows])
        values = np.empty((len(rows), *self._array.shape[1:]), self._array.dtype)
        for start in range(0, len(rows), _TOGETHER):
            part = slice(start, start + _TOGETHER)
            values[part] = self._array[rows[part]]
            mapped.base.madvise(mmap.MADV_DONTNEED)
        return values

    def fingerprint(self) -> str:
        """A digest of the content; of a memory map that of its file's path, size and time and of some rows."""
        place = self._place()
        if place is None:
            return digest(self._channels, self._array)
        return digest(self._channels, *vars(place).values(), file_stamp(place.path), sampled(self))

    def _check_finite(self, values: NDArray[np.float32], rows: NDArray[np.int64]) -> None:
        finite = np.isfinite(values).reshape(len(values), -1).all(axis=1)
        if not finite.all():
            raise DataError(
                f"sample {rows[~finite][0]} has a value that is NaN, infinite or beyond float32: "
                f"repair or remove that sample."
            )

    def __getstate__(self) -> dict[str, Any]:
        """Memory maps are pickled as the place of their bytes, everything else as it is."""
        place = self._place()
        return {**self.__dict__, "_array": self._array if place is None else place}

    def _place(self) -> _OnDisk | None:
        mapped = memory_map(self._array)
        if mapped is None or mapped.filename is None:
            return None
        distance = self._array.__array_interface__["data"][0] - mapped.__array_interface__["data"][0]
        place = (str(mapped.filename), mapped.offset + distance)
        return _OnDisk(*place, self._array.dtype, self._array.shape, self._array.strides)

    def __setstate__(self, state: dict[str, Any]) -> None:
        if isinstance(state["_array"], _OnDisk):
            state = {**state, "_array": state["_array"].open()}
        self.__dict__.update(state)


class _OnDisk:
    """Where the values of a memory map lie in its file."""

    def __init__(
        self, path: str, offset: int, dtype: np.dtype[Any], shape: tuple[int, ...], strides: tuple[int, ...]
    ) -> None:
        self.path, self.offset, self.dtype, self.shape, self.strides = path, offset, dtype, shape, strides

    def open(self) -> NDArray[Any]:
        try:
            file = np.memmap(self.path, dtype=np.uint8, mode="r")
            return np.ndarray(self.shape, self.dtype, file, self.offset, self.strides)
        except (OSError, ValueError, TypeError) as error:
            raise DataError(f"{self.path} was moved or cut short since it was opened: put it back.") from error


def as_array(array: NDArray[Any] | Tensor) -> NDArray[Any]:
    """A NumPy view of an array or a tensor; bfloat16, which NumPy lacks, is copied to float32."""
    if isinstance(array, Tensor):
        tensor = array.detach().cpu()
        return (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy()
    if not isinstance(array, np.ndarray):
        raise DataError(f"samples are read from a NumPy array or a tensor, not from {type(array).__name__}.")
    return array


def memory_map(array: NDArray[Any]) -> np.memmap[Any, Any] | None:
    """The memory map whose bytes ``array`` views, or None where it lies in memory."""
    base: object = array
    while isinstance(base, np.ndarray):
        if isinstance(base, np.memmap) and isinstance(base.base, mmap.mmap):
            return base
        base = base.base
    return None


def guess_channels(shape: tuple[int, ...]) -> Channels:
    """Where the channels of images of shape [N, …, …, …] are: last where that dimension is 1, 3 or 4."""
    if len(shape) != 4 or shape[3] not in (1, 3, 4):
        return "first"
    if shape[1] in (1, 3, 4):
        raise DataError(
            f"images of shape {tuple(shape)} may have their channels first or last: say which with channels='first' "
            f"or channels='last'."
        )
    return "last"


def channels_first(batch: Tensor, channels: Channels) -> Tensor:
    """[B, F], [B, H, W], [B, H, W, C] or [B, C, H, W] to [B, F] or [B, C, H, W]."""
    if batch.dim() == 3:
        return batch.unsqueeze(1)
    if batch.dim() == 4 and channels == "last":
        return batch.permute(0, 3, 1, 2).contiguous()
    return batch


def to_float32(values: NDArray[Any]) -> NDArray[np.float32]:
    """float32 in native byte order; what does not fit becomes infinite, which the caller reports."""
    with np.errstate(over="ignore", invalid="ignore"):
        return values.astype(np.float32)
