"""How inputs are laid out in arrays: types, memory maps, and where the channels are."""

from __future__ import annotations

import mmap
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
        return (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy()
    if not isinstance(array, np.ndarray):
        raise DataError(f"samples are read from a NumPy array or a tensor, not from {type(array).__name__}.")
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


def to_float32(values: Array) -> NDArray[np.float32]:
    """float32 in native byte order. A value that does not fit becomes infinite, for the caller to report."""
    with np.errstate(over="ignore", invalid="ignore"):
        return values.astype(np.float32)
