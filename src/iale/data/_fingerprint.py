"""Which inputs are these? A digest that changes with them, so that what was computed from them can be found again.

Arrays in memory are read whole. Memory maps and folders of images, which may not fit into memory, are known by path,
size, time of the last change and the content of a few evenly spaced samples: a file that was altered elsewhere, kept
its size and got its old time back would pass for unchanged.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray

from iale.data.samples import Samples
from iale.errors import DataError

_SAMPLED = 32
_ROWS = 1024


@runtime_checkable
class Fingerprinted(Protocol):
    """Samples that know a quicker way to their digest than reading all of them."""

    def fingerprint(self) -> str:
        """A digest, in hexadecimal, that differs where the samples differ."""
        ...


def fingerprint(samples: Samples) -> str:
    """A digest of any samples, in hexadecimal; those without a way of their own are read whole."""
    if isinstance(samples, Fingerprinted):
        return samples.fingerprint()
    hashed = hashlib.sha256(f"{len(samples)}".encode())
    for rows in torch.split(torch.arange(len(samples)), _ROWS):
        hashed.update(digest(samples.batch(rows).numpy()).encode())
    return hashed.hexdigest()


def sampled(samples: Samples) -> str:
    """A digest of evenly spaced samples."""
    rows = torch.linspace(0, len(samples) - 1, min(_SAMPLED, len(samples)), dtype=torch.float64).long()
    return digest(samples.batch(rows).numpy())


def digest(*parts: object) -> str:
    """SHA-256 of arrays, by type, shape and content, and of anything else by its ``repr``."""
    hashed = hashlib.sha256()
    for part in parts:
        if isinstance(part, np.ndarray):
            hashed.update(f"{part.dtype} {part.shape};".encode())
            _update(hashed, part)
        else:
            hashed.update(f"{part!r};".encode())
    return hashed.hexdigest()


def _update(hashed: Any, array: NDArray[Any]) -> None:
    if array.flags.c_contiguous:
        hashed.update(array.reshape(-1).view(np.uint8).data)
        return
    for start in range(0, len(array), _ROWS):  # never a second copy of a whole array
        hashed.update(np.ascontiguousarray(array[start : start + _ROWS]).reshape(-1).view(np.uint8).data)


def file_stamp(path: str | Path) -> tuple[int, int]:
    """Size in bytes and time of the last change in nanoseconds; raises DataError where there is no such file."""
    try:
        found = os.stat(path)
    except OSError as error:
        raise DataError(f"{path} was moved or deleted since it was opened: put it back.") from error
    return found.st_size, found.st_mtime_ns
