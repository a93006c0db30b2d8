"""What a strategy may return: tensors, or NumPy arrays, which become tensors here."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from iale.errors import QueryError


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
