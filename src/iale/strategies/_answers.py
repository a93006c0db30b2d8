"""What a strategy may return: tensors, or NumPy arrays, which become tensors here. And how its failures are told."""

from __future__ import annotations

import contextlib
import inspect
import traceback
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from iale._many import reason_of
from iale.errors import IaleError, QueryError


@contextlib.contextmanager
def own_faults(strategy: object) -> Iterator[None]:
    """Turns what a strategy of one's own raises into a QueryError that names the line; iale's own errors pass."""
    try:
        yield
    except (IaleError, MemoryError):
        raise
    except Exception as error:  # the user's own code may fail in any way
        kind = type(strategy)
        if kind.__module__.partition(".")[0] == "iale":  # a defect of iale, whose traceback is wanted
            raise
        reason = reason_of(error)
        raise QueryError(f"{kind.__name__} failed{_place(kind, error)} ({reason}): mend it.") from error


def _place(kind: type, error: Exception) -> str:
    """The innermost line of the file that defines a class; nothing if there is no such file."""
    try:
        file = inspect.getfile(kind)
    except (TypeError, OSError):  # it was typed into a console
        return ""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    return f" in line {lines[-1]} of {Path(file).name}" if lines else ""


def as_scores(scores: object, n: int, name: str) -> Tensor:
    """[n] real numbers, none of them NaN; raises QueryError if ``scores`` are anything else."""
    values = _tensor(scores)
    if values is None or values.shape != (n,) or values.is_complex():
        raise QueryError(f"{name} scored {n} candidates with {_described(scores)}: return one number for each.")
    if missing := int(values.isnan().sum()):
        raise QueryError(
            f"{name} scored {missing} of {n} candidates with NaN: check its formula and the classifier's outputs."
        )
    return values.detach()


def as_positions(answer: object, n: int, k: int, name: str) -> Tensor:
    """int64 [k], unique positions in 0 … n−1; raises QueryError if the ``answer`` is anything else."""
    values = _tensor(answer)
    if values is None or values.shape != (k,) or values.dtype.is_floating_point or values.dtype == torch.bool:
        raise QueryError(
            f"{name} gave {_described(answer)} for {k} positions: return an int64 tensor of {k} positions."
        )
    positions = values.detach().cpu().to(torch.int64)
    if not 0 <= int(positions.min()) <= int(positions.max()) < n:
        raise QueryError(f"positions must be in 0 … {n - 1}, but {name} gave {positions.tolist()}: return positions.")
    if len(torch.unique(positions)) != k:
        raise QueryError(f"positions must be unique, but {name} gave {positions.tolist()}: return each once.")
    return positions


def _tensor(value: object) -> Tensor | None:
    if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
        return torch.from_numpy(np.array(value, order="C", dtype=value.dtype.newbyteorder("=")))
    return value if isinstance(value, Tensor) else None


def _described(value: object) -> str:
    if isinstance(value, Tensor | np.ndarray):
        return f"{value.dtype} of shape {tuple(value.shape)}"
    return f"a {type(value).__name__}"
