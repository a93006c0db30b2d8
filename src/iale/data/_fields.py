"""Named tensors of a sample in one row of numbers, so that everything else handles a row.

Dimensions: B samples, W values of all fields of a sample.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Field:
    """One named tensor of every sample: its shape, and its type for a model: int64, bool or float32."""

    name: str
    shape: tuple[int, ...]
    dtype: torch.dtype

    @property
    def size(self) -> int:
        """How many values it has."""
        return math.prod(self.shape)


def unpack(rows: Tensor, fields: Sequence[Field]) -> dict[str, Tensor]:
    """float32 [B, W] to one tensor [B, …] for each field."""
    parts = torch.split(rows, [field.size for field in fields], dim=1)
    return {
        field.name: part.to(field.dtype).reshape(len(rows), *field.shape)
        for field, part in zip(fields, parts, strict=True)
    }
