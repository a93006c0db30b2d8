"""Digests that identify samples, so that what was computed from them can be found again.

Arrays in memory are read whole. Memory maps and folders of images may not fit into memory, so their digests cover path,
size, time of the last change, and the content of a few evenly spaced samples. A file would pass for unchanged if
another sample was altered, its size stayed the same, and its old time was restored.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterable, Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray

from iale.data._layout import Array
from iale.data.samples import Samples
from iale.errors import DataError, UnreadableError

_SAMPLED = 32
_ROWS = 1024


@runtime_checkable
class Fingerprinted(Protocol):
    """Samples with a faster digest than one of all their content."""

    def fingerprint(self) -> str:
        """A digest, in hexadecimal, which differs between different samples."""
        ...


_REMEMBERED: ContextVar[dict[int, tuple[Samples, str]] | None] = ContextVar("remembered", default=None)


@contextlib.contextmanager
def remembered(again: bool = False) -> Iterator[None]:
    """Inside, `fingerprint` looks at the same samples once, or ``again`` each time: some have to be read whole."""
    token = _REMEMBERED.set(None if again else {})
    try:
        yield
    finally:
        _REMEMBERED.reset(token)


def fingerprint(samples: Samples) -> str:
    """A digest of any samples, in hexadecimal. Samples that are not `Fingerprinted` are read whole."""
    seen = _REMEMBERED.get()
    if seen is None:
        return _fingerprint(samples)
    if id(samples) not in seen:
        seen[id(samples)] = samples, _fingerprint(samples)  # kept, so that no other samples get their id
    return seen[id(samples)][1]


def _fingerprint(samples: Samples) -> str:
    if isinstance(samples, Fingerprinted):
        return samples.fingerprint()
    hashed = hashlib.sha256(f"{len(samples)}".encode())
    for rows in torch.split(torch.arange(len(samples)), _ROWS):
        hashed.update(digest(samples.batch(rows).numpy()).encode())
    return hashed.hexdigest()


def sampled(samples: Samples) -> str:
    """A digest of evenly spaced samples; one that cannot be read is left out."""
    rows = torch.linspace(0, len(samples) - 1, min(_SAMPLED, len(samples)), dtype=torch.float64).long()
    while True:
        try:
            return digest(samples.batch(rows).numpy())
        except UnreadableError as error:
            readable = ~torch.isin(rows, torch.tensor(list(error.reasons), dtype=torch.int64))
            if bool(readable.all()):
                raise
            rows = rows[readable]


def sampled_rows(array: Array) -> str:
    """A digest of evenly spaced rows of an array as they are."""
    return digest(np.asarray(array[spaced(len(array))]))


def spaced(count: int) -> NDArray[np.int64]:
    """int64: a few evenly spaced numbers of ``count`` rows."""
    return np.linspace(0, count - 1, min(_SAMPLED, count)).astype(np.int64)


def digest(*parts: object) -> str:
    """SHA-256 of parts: arrays by type, shape and content, everything else by ``repr``."""
    hashed = hashlib.sha256()
    for part in parts:
        if not isinstance(part, np.ndarray):
            hashed.update(f"{part!r};".encode())
            continue
        hashed.update(f"{part.dtype} {part.shape};".encode())
        pieces: Iterable[Array] = [part]
        if not part.flags.c_contiguous:  # a copy of the whole array may not fit
            pieces = (part[start : start + _ROWS] for start in range(0, len(part), _ROWS))
        for piece in pieces:
            hashed.update(np.ascontiguousarray(piece).reshape(-1).view(np.uint8).data)
    return hashed.hexdigest()


def file_stamp(path: str | Path) -> tuple[int, int]:
    """Size in bytes, and time of the last change in nanoseconds; raises DataError if the file is gone."""
    try:
        found = os.stat(path)
    except OSError as error:
        raise DataError(f"{path} was moved or deleted since it was opened: put it back.") from error
    return found.st_size, found.st_mtime_ns
