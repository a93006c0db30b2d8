"""Points in files of arrays, which stay on disk."""

from __future__ import annotations

import mmap
from pathlib import Path

import numpy as np
import torch

from iale.data._layout import Array
from iale.geometry.points import Points


def map_rows(path: Path, dtype: np.dtype[np.generic], shape: tuple[int, int], offset: int) -> Points:
    """All rows of an array [N, D] of float16 or float32 that begins at byte ``offset`` of a file."""
    # Copy-on-write: PyTorch wants writable memory, and the file must never change through the map.
    mapped = np.memmap(path, dtype=dtype, mode="c", offset=offset, shape=shape)
    file = mapped.base
    values = torch.from_numpy(np.asarray(mapped))
    return Points(values, torch.arange(shape[0]), file if isinstance(file, mmap.mmap) else None)


def in_memory(values: Array) -> Points:
    """All rows of an array [N, D] of float16 or float32."""
    return Points(torch.from_numpy(np.ascontiguousarray(values)), torch.arange(len(values)))
