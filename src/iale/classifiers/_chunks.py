"""Work in chunks that fit into memory: one that does not is halved, with one warning."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import TypeVar

import torch

from iale.errors import MemoryWarning

_T = TypeVar("_T")

_WORDS = ("out of memory", "can't allocate memory", "not enough memory", "bad_alloc", "ALLOC_FAILED")
"""Parts of the messages of a RuntimeError from allocators in PyTorch and in the libraries below it."""


class Chunks:
    """How many samples are computed at a time: ``size``, at least 1, until memory runs out; then it stays smaller."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._warned = False

    def run(self, count: int, compute: Callable[[int, int], _T]) -> Iterator[_T]:
        """``compute(start, stop)`` for consecutive parts of 0 … count; one empty part if count is 0.

        A part that runs out of memory is computed again in halves. If a single sample does not fit, the error is
        raised. Each turn computes a sample or more, or halves a size above 1: at most count + log₂ size turns.
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
            self._halve(stop - start)  # outside of the handler: there, the traceback would still hold the memory

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
    """Whether a smaller piece of work might succeed."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(word in str(error) for word in _WORDS)
