"""Points in arrays: in memory, in files that stay on disk, and of types that have to be converted.

Legend of dimensions: N samples, D width.
"""

from __future__ import annotations

import mmap
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from iale.data._layout import Array, memory_map
from iale.errors import DataError
from iale.geometry.points import Points

_VALUES = 1 << 22  # that are checked or converted at a time


def map_rows(path: Path, dtype: np.dtype[np.generic], shape: tuple[int, int], offset: int) -> Points:
    """All rows of an array [N, D] of float16 or float32 that begins at byte ``offset`` of a file."""
    # Copy-on-write: PyTorch wants writable memory, and the file must never change through the map.
    mapped = np.memmap(path, dtype=dtype, mode="c", offset=offset, shape=shape)
    file = mapped.base
    return Points(
        torch.from_numpy(np.asarray(mapped)), torch.arange(shape[0]), file if isinstance(file, mmap.mmap) else None
    )


def in_memory(values: Array) -> Points:
    """All rows of an array [N, D] of float16 or float32."""
    whole = np.ascontiguousarray(values)
    return Points(torch.from_numpy(whole if whole.flags.writeable else whole.copy()), torch.arange(len(whole)))


def is_direct(array: Array) -> bool:
    """Whether an array can be used as it is: float16 or float32, row after row."""
    return array.dtype in (np.dtype(np.float16), np.dtype(np.float32)) and bool(array.flags.c_contiguous)


def points_of(array: Array) -> Points:
    """The rows of an array [N, D] that `is_direct`; those of a memory map stay on disk."""
    mapped = memory_map(array)
    if mapped is None or mapped.filename is None:
        return in_memory(array)
    distance = array.__array_interface__["data"][0] - mapped.__array_interface__["data"][0]
    return map_rows(Path(mapped.filename), array.dtype, (len(array), array.shape[1]), mapped.offset + distance)


def check_finite(points: Points, told: Callable[[int], str]) -> None:
    """Raises DataError, in the words of ``told``, for the first point whose length in float32 is NaN or infinite."""
    step = max(1, _VALUES // points.dim)
    for start in range(0, len(points), step):
        wrong = ~torch.isfinite(points.read(start, start + step).square_().sum(dim=1))
        if bool(wrong.any()):
            raise DataError(told(start + int(torch.nonzero(wrong)[0])))
