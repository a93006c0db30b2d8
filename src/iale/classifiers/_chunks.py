"""Work in chunks that fit into memory: where one does not, it is halved, and a warning says so once."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import TypeVar

import torch

from iale.errors import MemoryWarning

T = TypeVar("T")

_WORDS = ("out of memory", "can't allocate memory", "not enough memory", "bad_alloc", "ALLOC_FAILED")
"""What the messages of a RuntimeError say where an allocator of PyTorch or a library below it gave up."""


class Chunks:
    """How many samples are computed at a time; it shrinks as memory runs out, and stays small.

    Args:
        size: samples of a chunk at first.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._warned = False

    def run(self, count: int, compute: Callable[[int, int], T]) -> Iterator[T]:
        """``compute(start, stop)`` for consecutive parts of 0 … count; one empty part where count is 0.

        A part that runs out of memory is computed again in halves. The error is raised where a single sample does
        not fit.
        """
        start = 0
        while True:
            stop = min(start + self.size, count)
            try:
                part = compute(start, stop)
            except (RuntimeError, MemoryError) as error:
                if stop - start <= 1 or not is_out_of_memory(error):
                    raise
            else:
                yield part
                start = stop
                if start >= count:
                    return
                continue
            self._halve(stop - start)  # out of the handler, where the traceback no longer holds what was allocated

    def _halve(self, size: int) -> None:
        self.size = size // 2
        if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
            torch.cuda.empty_cache()
        if not self._warned:
            self._warned = True
            warnings.warn(
                f"memory ran out for {size} samples at a time: from now on at most {self.size} are taken at a time.",
                MemoryWarning,
                stacklevel=2,
            )


def is_out_of_memory(error: Exception) -> bool:
    """Whether a smaller piece of work might have passed."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(word in str(error) for word in _WORDS)
