"""Rows of arrays in files.

They are read, and not taken from a memory map: if a file is cut short or its disk fails, a map ends the process with a
bus error, and a read says so. A read is as fast, and its pages never count as memory of this process.
"""

from __future__ import annotations

import mmap
import os
import weakref
from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from iale.data._fingerprint import digest, sampled_rows, spaced
from iale.data._layout import Array, memory_map
from iale.errors import DataError

Indices: TypeAlias = NDArray[np.int64]
Mapped: TypeAlias = "np.memmap[tuple[int, ...], np.dtype[np.generic]]"

_TOGETHER = 16  # rows that are read from a memory map before its pages are released


class RowFile:
    """An open file with the rows of an array.

    Args:
        path: of the file.
        offset: byte at which row 0 begins.
        dtype: of the values.
        shape: of the array, [N, …].
        stride: bytes from the begin of one row to that of the next; each row lies in one piece.

    Raises OSError if it cannot be opened.
    """

    def __init__(
        self, path: str | Path, offset: int, dtype: np.dtype[np.generic], shape: tuple[int, ...], stride: int
    ) -> None:
        self._path, self._offset, self._dtype, self._shape, self._stride = path, offset, dtype, shape, stride
        self._bytes = int(np.prod(shape[1:])) * dtype.itemsize
        self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        weakref.finalize(self, os.close, self._file)

    def read(self, rows: Indices) -> Array:
        """The rows with these numbers, 0 … N−1: [n, …]; raises DataError if the file does not have them any more."""
        found = np.empty((len(rows), *self._shape[1:]), self._dtype)
        room = found.reshape(-1).view(np.uint8).data
        for start, stop in self._pieces(rows):
            self._fill(room[start * self._bytes : stop * self._bytes], self._offset + int(rows[start]) * self._stride)
        return found

    def _pieces(self, rows: Indices) -> Iterator[tuple[int, int]]:
        """Where rows begin and end that lie in one piece."""
        if self._stride != self._bytes:
            yield from ((at, at + 1) for at in range(len(rows)))
        elif len(rows):
            ends = [0, *(np.flatnonzero(np.diff(rows) != 1) + 1).tolist(), len(rows)]
            yield from pairwise(ends)

    def _fill(self, room: memoryview, at: int) -> None:
        while len(room):
            try:
                count = os.preadv(self._file, [room], at)
            except OSError as error:
                raise DataError(f"{self._path} cannot be read ({error.strerror}): put it back.") from error
            if not count:
                raise _cut_short(self._path)
            room, at = room[count:], at + count

    def mapped(self) -> Array:
        """The whole array as a memory map, into which nobody can write the file."""
        with open(os.dup(self._file), "rb") as file:
            # Copy-on-write: PyTorch wants writable memory.
            return np.memmap(file, self._dtype, "c", self._offset, self._shape)


def row_reader(array: Array) -> Callable[[Indices], Array]:
    """A function from numbers of rows of an array [N, …] to a copy of these rows.

    Those of a read-only memory map are read from its file, if that is still there and each row lies in one piece.
    Raises DataError if the file of a map was cut short, and so does the function.
    """
    mapped = memory_map(array)
    if mapped is None or mapped.mode != "r" or not isinstance(mapped.base, mmap.mmap):
        return lambda rows: np.asarray(array[rows])
    _check_whole(mapped)
    file = _opened(array, mapped)
    return partial(_released, array, mapped) if file is None else file.read


def _opened(array: Array, mapped: Mapped) -> RowFile | None:
    """The file of a memory map that ``array`` is a view of; None if it was moved, or a row is in several pieces."""
    if mapped.filename is None or not array[:1].flags.c_contiguous:
        return None
    # NumPy does not keep the offset of a view, but the distance of its first byte from the map's tells it.
    distance = array.__array_interface__["data"][0] - mapped.__array_interface__["data"][0]
    try:
        file = RowFile(mapped.filename, mapped.offset + distance, array.dtype, array.shape, array.strides[0])
        same = digest(file.read(spaced(len(array)))) == sampled_rows(array)
    except (OSError, DataError):
        return None
    return file if same else None


def _released(array: Array, mapped: Mapped, rows: Indices) -> Array:
    """A copy of rows; the pages of the map are released after every few of them.

    Otherwise they would count as memory of this process, up to 2 MiB for each row, although the system caches the
    file anyway.
    """
    values = np.empty((len(rows), *array.shape[1:]), array.dtype)
    for start in range(0, len(rows), _TOGETHER):
        _check_whole(mapped)
        part = slice(start, start + _TOGETHER)
        values[part] = array[rows[part]]
        assert isinstance(mapped.base, mmap.mmap)
        mapped.base.madvise(mmap.MADV_DONTNEED)
    return values


def _check_whole(mapped: Mapped) -> None:
    """Raises DataError if the file of a map is shorter than the map."""
    assert isinstance(mapped.base, mmap.mmap)
    if mapped.base.size() < mapped.offset + mapped.nbytes:
        raise _cut_short(mapped.filename)


def _cut_short(path: object) -> DataError:
    return DataError(f"{path} was cut short since it was opened: put it back and start again.")
