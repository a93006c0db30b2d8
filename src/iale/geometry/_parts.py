"""Points a part at a time: computed by several threads in order, and appended to a file that can go on."""

from __future__ import annotations

import contextlib
import math
import os
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import IO, NamedTuple, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from iale import _storage as storage
from iale.data._formats import npy_header
from iale.data.samples import Samples
from iale.errors import DataError, UnreadableError
from iale.geometry.maker import Maker

Rows: TypeAlias = NDArray[np.generic]
_Part: TypeAlias = tuple[Rows | None, list[int]]
"""The rows of some samples, and those of them that cannot be read; no rows if none can."""

_BYTES = 1 << 26  # of inputs that are read at a time
_MOST = 256  # samples, too
_SECONDS = 1.0  # between two notes of how much is on disk


class Made(NamedTuple):
    """Rows of a part of the samples.

    Attributes:
        stop: how many samples are done.
        rows: of the last part.
        unread: which of these samples could not be read.
    """

    stop: int
    rows: Rows
    unread: list[int]


def parts(samples: Samples, maker: Maker, begin: int = 0, workers: int = 1, like: Rows | None = None) -> Iterator[Made]:
    """The rows of all parts, in order from sample ``begin``.

    Parts always begin and end at the same samples, whoever began: the rounding of a row may depend on its part. A
    sample that cannot be read is a row of zeros.

    Args:
        samples: N samples.
        maker: turns some of them into points.
        begin: the first sample, where a part began before.
        workers: threads.
        like: rows that came before sample ``begin``.

    Raises:
        DataError: no sample can be read, or rows are unlike, not finite or too few.
    """
    size = _size(samples)
    starts = range(begin, len(samples), size)
    empty: list[int] = []  # samples before the first that can be read: nobody knows yet how long their rows are
    for start, (rows, unread) in zip(starts, _in_order(samples, maker, starts, workers), strict=True):
        stop = min(start + size, len(samples))
        if rows is None and like is None:
            empty += unread
            continue
        if rows is None:
            assert like is not None
            rows = np.zeros((stop - start, like.shape[1]), like.dtype)
        elif empty:
            rows = np.concatenate([np.zeros((len(empty), rows.shape[1]), rows.dtype), rows])
        like = rows[:1] if like is None else like
        _check_alike(rows, like)
        yield Made(stop, rows, empty + unread)
        empty = []
    if empty or not len(samples):
        raise DataError("no sample can be read: check the data.")


def _in_order(samples: Samples, maker: Maker, starts: range, workers: int) -> Iterator[_Part]:
    """The rows of each part, and what cannot be read."""

    def make(start: int) -> _Part:
        return _rows(samples, maker, torch.arange(start, min(start + starts.step, len(samples))))

    if workers == 1:
        yield from map(make, starts)
        return
    pool = ThreadPoolExecutor(workers)
    waiting: deque[Future[_Part]] = deque()
    try:
        for start in starts:
            waiting.append(pool.submit(make, start))
            if len(waiting) > workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _size(samples: Samples) -> int:
    """Samples of a part."""
    return max(1, min(_MOST, _BYTES // (max(1, math.prod(samples.shape)) * samples.dtype.itemsize)))


def _rows(samples: Samples, maker: Maker, indices: Tensor) -> _Part:
    """The rows of a part, zeros for samples that cannot be read."""
    left = indices
    while len(left):
        try:
            made = maker.points(samples, left)
        except UnreadableError as error:
            kept = ~torch.isin(left, torch.tensor(list(error.reasons), dtype=torch.int64))
            if bool(kept.all()):
                raise
            left = left[kept]
            continue
        if not isinstance(made, Tensor | np.ndarray):
            raise DataError(
                f"{len(left)} samples became {type(made).__name__}: a tensor [{len(left)}, D] was expected."
            )
        rows: Rows = torch.as_tensor(made).detach().cpu().numpy()
        _check(rows, left, getattr(samples, "names", ()))
        whole, read = np.zeros((len(indices), rows.shape[1]), rows.dtype), torch.isin(indices, left)
        whole[read.numpy()] = rows
        return whole, indices[~read].tolist()
    return None, indices.tolist()


def _check(rows: Rows, indices: Tensor, names: Sequence[str]) -> None:
    if rows.ndim != 2 or len(rows) != len(indices) or not rows.shape[1] or rows.dtype not in (np.float16, np.float32):
        raise DataError(
            f"{len(indices)} samples became {rows.dtype} of shape {rows.shape}: float16 or float32 [{len(indices)}, D] "
            f"was expected."
        )
    finite: NDArray[np.bool_] = np.asarray(np.isfinite(rows).all(axis=1))
    if not finite.all():
        bad = int(indices[torch.from_numpy(~finite)][0])
        called = repr(names[bad]) if len(names) > bad else str(bad)
        raise DataError(
            f"the vector of sample {called} is not finite: repair or remove that sample, or correct what makes it."
        )


def _check_alike(rows: Rows, like: Rows) -> None:
    if (rows.shape[1], rows.dtype) != (like.shape[1], like.dtype):
        raise DataError(
            f"some samples became {rows.dtype} rows of {rows.shape[1]} numbers and others {like.dtype} of "
            f"{like.shape[1]}: make all rows alike."
        )


class Part:
    """An .npy file of rows of N samples that grows, and a note of how many of its rows are safely on disk.

    Args:
        path: of the file.
        noted: of the note.
        count: N.

    Attributes:
        rows: how many rows the file has.
        unread: which of them stand for samples that could not be read.
        like: a row of zeros like those in the file; None if it has none yet.
    """

    def __init__(self, path: Path, noted: Path, count: int) -> None:
        self._path, self._noted, self._count = path, noted, count
        self._file: IO[bytes] | None = None
        self._last = time.monotonic()
        self.rows = 0
        self.unread: list[int] = []
        self.like: Rows | None = None

    @contextlib.contextmanager
    def open(self) -> Iterator[None]:
        """Opens the file; what came after the last note is cut off."""
        end = self._go_on()
        with open(self._path, "r+b" if end else "wb") as self._file:
            self._file.truncate(end)
            self._file.seek(end)
            yield
        self._file = None

    def append(self, made: Made) -> None:
        """Writes rows."""
        assert self._file is not None
        rows = made.rows
        if self.like is None:
            self.like = np.zeros((1, rows.shape[1]), rows.dtype)
            self._file.write(npy_header(rows.dtype, self._count, rows.shape[1]))
        self._file.write(np.ascontiguousarray(rows).data)
        self.rows += len(rows)
        self.unread += made.unread
        if time.monotonic() - self._last > _SECONDS:
            self.flush()
            self._last = time.monotonic()

    def flush(self) -> None:
        """Brings all rows to the disk, and notes their number."""
        assert self._file is not None
        self._file.flush()
        os.fsync(self._file.fileno())
        storage.write_json(self._noted, {"rows": self.rows, "unread": self.unread})

    def _go_on(self) -> int:
        """The byte at which to go on; 0 if there is nothing to go on with."""
        try:
            note = storage.read_json(self._noted)
            rows, unread = int(note["rows"]), list(note["unread"])
            with open(self._path, "rb") as file:
                np.lib.format.read_magic(file)
                shape, _, dtype = np.lib.format.read_array_header_1_0(file)
                end = file.tell() + rows * shape[1] * dtype.itemsize
            if shape[0] != self._count or self._path.stat().st_size < end:
                return 0
            self.rows, self.unread, self.like = rows, unread, np.zeros((1, shape[1]), dtype)
            return int(end)
        except (OSError, ValueError, KeyError, TypeError, IndexError):  # also StorageError
            return 0
