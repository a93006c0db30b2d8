"""How inputs are laid out in arrays: types, memory maps, and where the channels are."""

from __future__ import annotations

import mmap
from collections.abc import Sequence
from typing import Literal, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from iale.errors import DataError

Array: TypeAlias = NDArray[np.generic]
Channels: TypeAlias = Literal["first", "last"]


def as_array(array: Array | Tensor) -> Array:
    """A NumPy view of an array or a tensor; bfloat16, which NumPy does not have, is copied to float32."""
    if isinstance(array, Tensor):
        tensor = array.detach().cpu()
        tensor = tensor if tensor.layout == torch.strided else tensor.to_dense()
        return (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy()
    if not isinstance(array, np.ndarray):
        raise DataError(f"samples are read from a NumPy array or a tensor, not from {type(array).__name__}.")
    if isinstance(array, np.ma.MaskedArray):
        if np.ma.is_masked(array):
            raise DataError("a masked array says that values are missing: fill them in, or leave these samples out.")
        return np.asarray(array)
    return array


def memory_map(array: Array) -> np.memmap[tuple[int, ...], np.dtype[np.generic]] | None:
    """The memory map that ``array`` is a view of, or None if the array is in memory."""
    base: object = array
    while isinstance(base, np.ndarray):
        # A slice of a memory map is a memmap, too; the one that owns the file is based on the map itself.
        if isinstance(base, np.memmap) and isinstance(base.base, mmap.mmap):
            return base
        base = base.base
    return None


def guess_channels(shape: tuple[int, ...]) -> Channels:
    """Where the channels of images [N, …, …, …] are: last if the last dimension is 1, 3 or 4.

    Raises DataError if they may be first as well.
    """
    if len(shape) != 4 or shape[3] not in (1, 3, 4):
        return "first"
    if shape[1] in (1, 3, 4):
        raise DataError(
            f"images of shape {tuple(shape)} may have their channels first or last: say which, as in "
            f"ArraySamples(array, channels='first'); the items of a data set may be tensors, whose channels are first."
        )
    return "last"


def channels_first(batch: Tensor, channels: Channels) -> Tensor:
    """[B, F], [B, H, W], [B, H, W, C] or [B, C, H, W] to [B, F] or [B, C, H, W]."""
    if batch.dim() == 3:
        return batch.unsqueeze(1)
    if batch.dim() == 4 and channels == "last":
        return batch.permute(0, 3, 1, 2).contiguous()
    return batch


def is_bytes(dtype: np.dtype[np.generic], dimensions: int) -> bool:
    """Whether values are bytes of images, and not numbers: a row of uint8 holds yes/no answers, counts or tokens."""
    return dtype == np.uint8 and dimensions > 1


def to_float32(values: Array) -> NDArray[np.float32]:
    """float32 in native byte order. A value that does not fit becomes infinite, for the caller to report."""
    with np.errstate(over="ignore", invalid="ignore"):
        return values.astype(np.float32)


def faults(values: Array) -> NDArray[np.bool_]:
    """bool [N]: the rows with a value that is NaN or infinite, or that float32 would change into another integer.

    float32 has 24 bits: it holds an integer exactly if no more are left without the zeros at its end.
    """
    if values.dtype.kind == "f":
        wrong = ~np.isfinite(to_float32(values))
    elif values.dtype.kind in "iu" and values.dtype.itemsize > 2:
        numbers: NDArray[np.int64] = values.astype(values.dtype.newbyteorder("="))  # or unsigned, which wraps around
        lowest = numbers & -numbers
        wrong = np.abs(numbers // np.where(lowest == 0, 1, lowest)) >= 1 << 24
    else:
        return np.zeros(len(values), np.bool_)
    return np.asarray(wrong.any(axis=tuple(range(1, values.ndim))))


def check_values(values: Array, rows: Sequence[int] | NDArray[np.int64], of: str = "") -> None:
    """Raises DataError if a sample has such a fault: the first one, by its number in ``rows``; ``of`` is part of it."""
    wrong = faults(values)
    if wrong.any():
        sample = rows[int(np.flatnonzero(wrong)[0])]
        raise DataError(f"{of}sample {sample} has {fault_of(values)}: repair or remove that sample.")


def fault_of(values: Array) -> str:
    """What is wrong with the values of a sample that `faults` has found."""
    if values.dtype.kind == "f":
        return "a value that is NaN, infinite or beyond float32"
    return "an integer beyond 16,777,216 that float32 cannot hold"
