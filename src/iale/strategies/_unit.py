"""Rows of unit length."""

from __future__ import annotations

from torch import Tensor


def unit_rows(rows: Tensor) -> Tensor:
    """float64 [m, D]: rows of length 1, and rows of zeros as they are."""
    exact = rows.double()
    lengths = exact.square().sum(dim=1, keepdim=True).sqrt()
    return exact / lengths.where(lengths > 0, 1.0)
