"""Points in arrays: in memory, in files that stay on disk, and of types that have to be converted.

Legend of dimensions: N samples, D width.
"""

from __future__ import annotations

import mmap
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from iale.data._fingerprint import digest, sampled_rows, spaced
from iale.data._layout import Array, memory_map
from iale.data._row_files import RowFile
from iale.errors import DataError
from iale.geometry.points import Points

LARGE = 1 << 28  # bytes of points that no longer stay in memory
_VALUES = 1 << 22  # that are checked or converted at a time


def room(shape: tuple[int, int], dtype: np.dtype[np.generic]) -> Array:
    """An array [N, D] to be filled: in memory or, if it is large, in a temporary file."""
    if int(np.prod(shape)) * dtype.itemsize <= LARGE:
        return np.empty(shape, dtype)
    with tempfile.TemporaryFile(prefix="iale-embeddings-") as file:  # has no name; its bytes stay until the map is gone
        return np.memmap(file, dtype, "w+", shape=shape)


def release(array: Array) -> None:
    """Lets the pages of a `room` in a file no longer count as memory of this process."""
    if (mapped := memory_map(array)) is not None and isinstance(mapped.base, mmap.mmap):
        mapped.base.madvise(mmap.MADV_DONTNEED)


def map_rows(path: Path, dtype: np.dtype[np.generic], shape: tuple[int, int], offset: int) -> Points:
    """All rows of an array [N, D] of float16 or float32 that begins at byte ``offset`` of a file."""
    file = RowFile(path, offset, dtype, shape, shape[1] * dtype.itemsize)
    return Points(torch.from_numpy(np.asarray(file.mapped())), torch.arange(shape[0]), file)


def in_memory(values: Array) -> Points:
    """All rows of an array [N, D] of float16 or float32."""
    whole = np.ascontiguousarray(values)
    return Points(torch.from_numpy(whole if whole.flags.writeable else whole.copy()), torch.arange(len(whole)))


def is_direct(array: Array) -> bool:
    """Whether an array can be used as it is: float16 or float32, row after row."""
    return array.dtype in (np.dtype(np.float16), np.dtype(np.float32)) and bool(array.flags.c_contiguous)


def points_of(array: Array) -> Points:
    """The rows of an array [N, D] that `is_direct`; those of a memory map stay on disk.

    Raises DataError if the file of a memory map is not there any more, or another one has taken its place.
    """
    mapped = memory_map(array)
    # A map that copies on write may hold changes that its file does not.
    if mapped is None or mapped.mode == "c":
        return in_memory(array)
    if mapped.filename is None:
        points, file = in_memory(array), mapped.base
        # Pages of a `room` may be released; those of another map may hold changes that are nowhere else.
        return replace(points, _file=file) if mapped.mode == "w+" and isinstance(file, mmap.mmap) else points
    distance = array.__array_interface__["data"][0] - mapped.__array_interface__["data"][0]
    path, shape = Path(mapped.filename), (len(array), array.shape[1])
    try:
        points = map_rows(path, array.dtype, shape, mapped.offset + distance)
    except (OSError, ValueError) as error:
        raise DataError(f"{path} was moved or cut short since it was opened: put it back.") from error
    if digest(points._rows(torch.from_numpy(spaced(len(array)))).numpy()) != sampled_rows(array):
        raise DataError(f"{path} was replaced since it was opened: open it again.")
    return points


def check_finite(points: Points, told: Callable[[int], str]) -> None:
    """Raises DataError, in the words of ``told``, for the first point whose length in float32 is NaN or infinite."""
    step = max(1, _VALUES // points.dim)
    for start in range(0, len(points), step):
        wrong = ~torch.isfinite(points.read(start, start + step).square_().sum(dim=1))
        if bool(wrong.any()):
            raise DataError(told(start + int(torch.nonzero(wrong)[0])))
