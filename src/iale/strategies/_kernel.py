"""The Gaussian kernel of unit rows, a block at a time, fast or exact.

    K_ij = exp(−‖ẑ_i − ẑ_j‖² / δ²) = exp(2 ẑ_i·ẑ_j / δ² − ‖ẑ_i‖² / δ² − ‖ẑ_j‖² / δ²)

With two more columns for the squared lengths, the exponent is one matrix product. A row of zeros says nothing of its
sample, such as one that an encoder could not read: K is 0 there, with itself too, so it is chosen last. Otherwise it
would lie in the middle of all others, at the distance 1, and be chosen first.
Legend of dimensions: n points, D width, L labeled samples.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from iale.geometry.points import Points
from iale.strategies._rows import rows_at_once
from iale.strategies._unit import unit_rows

_ROOM = 1 << 18  # kernel values at a time
_FAR = -60.0  # exponents end here: smaller values change nothing, and numbers near 1e-38 take ten times as long
_APART = -_FAR  # a row of zeros is that far from all others


class Kernel:
    """K of n points with themselves. It keeps 12 bytes for each of their n·(D + 2) numbers, and never n × n values.

    Attributes:
        error: a fast value above 1e-26 is at most this share of itself away from K. From Higham 2002, section 3.1: an
            exponent is a sum of D + 2 products whose absolute values sum to 4 / δ² at most.
        fast: the type of numbers that fast values are computed in.
    """

    def __init__(self, rows: Tensor, bandwidth: float) -> None:
        n, self._width = rows.shape
        self._bandwidth = bandwidth
        self._exact = torch.empty(n, self._width + 2, dtype=torch.float64)
        step = rows_at_once(self._width)
        for start in range(0, n, step):
            part = slice(start, start + step)
            self._exact[part] = self._factors(rows[part])
        self.fast = torch.float32
        self.error = self._error()
        # Narrow kernels magnify rounding, and a lowered precision multiplies with fewer digits than its ε says.
        if self.error > 0.01 or torch.get_float32_matmul_precision() != "highest":
            self.fast = torch.float64
            self.error = self._error()
        self._fast = self._exact.to(self.fast)

    def __len__(self) -> int:
        return len(self._exact)

    def block(self, rows: Tensor | slice, columns: Tensor | slice, kind: torch.dtype) -> Tensor:
        """K of some points with others, as numbers of a type: [rows, columns]."""
        every = self._exact if kind == torch.float64 else self._fast
        return self._values(every[rows], every[columns])

    def nearest(self, others: Points) -> Tensor:
        """float64 [n]: max_l K_jl over all the ``others``, 0 if there are none."""
        found = torch.zeros(len(self), dtype=torch.float64)
        for start in range(0, len(others), 512):
            theirs = self._factors(others.read(start, start + 512))
            for first in range(0, len(self), 2048):
                mine = slice(first, first + 2048)
                torch.maximum(found[mine], self._values(self._exact[mine], theirs).amax(dim=1), out=found[mine])
        return found

    def to(self, mine: slice, rows: Tensor) -> Tensor:
        """float64 [mine, m]: K of some points with other ``rows`` [m, D]."""
        return self._values(self._exact[mine], self._factors(rows))

    def _factors(self, rows: Tensor) -> Tensor:
        """float64 [m, D + 2]: scaled unit rows, −‖ẑ‖² / δ² and 1."""
        unit = unit_rows(rows)
        squares = unit.square().sum(dim=1, keepdim=True)
        lengths = (squares / self._bandwidth**2).where(squares > 0, _APART)
        return torch.cat([unit * (math.sqrt(2) / self._bandwidth), -lengths, torch.ones_like(lengths)], dim=1)

    def _values(self, rows: Tensor, columns: Tensor) -> Tensor:
        # The last two columns change places on one side, so that a length meets a one.
        left = torch.cat([rows[:, :-2], rows[:, -1:], rows[:, -2:-1]], dim=1)
        return torch.mm(left, columns.T).clamp_(min=_FAR, max=0).exp_()

    def _error(self) -> float:
        rounding = torch.finfo(self.fast).eps
        return math.expm1(min(50.0, (self._width + 8) * rounding / 2 * 4 / self._bandwidth**2)) + 4 * rounding


class MixedKernel:
    """(1 − share) · K + share · K′ of the same n points in two views; the attributes are those of `Kernel`."""

    def __init__(self, one: Kernel, other: Kernel, share: float) -> None:
        self._one, self._other, self._share = one, other, share
        self.fast = torch.promote_types(one.fast, other.fast)
        self.error = max(one.error, other.error) + 4 * torch.finfo(self.fast).eps

    def __len__(self) -> int:
        return len(self._one)

    def block(self, rows: Tensor | slice, columns: Tensor | slice, kind: torch.dtype) -> Tensor:
        """As `Kernel.block`."""
        return self._mixed(self._one.block(rows, columns, kind), self._other.block(rows, columns, kind)).to(kind)

    def nearest(self, others: Points, seen: Points) -> Tensor:
        """float64 [n]: the largest value with any of the ``others``, 0 if there are none.

        ``others`` are points of the first view, ``seen`` the same points in the second one.
        """
        found = torch.zeros(len(self), dtype=torch.float64)
        for start in range(0, len(others), 512):
            theirs, known = others.read(start, start + 512), seen.read(start, start + 512)
            for first in range(0, len(self), 2048):
                mine = slice(first, first + 2048)
                values = self._mixed(self._one.to(mine, theirs), self._other.to(mine, known))
                torch.maximum(found[mine], values.amax(dim=1), out=found[mine])
        return found

    def _mixed(self, one: Tensor, other: Tensor) -> Tensor:
        return one.mul_(1 - self._share).add_(other, alpha=self._share)


def columns_at_once(rows: int) -> int:
    """How many columns of a block with so many rows."""
    return max(1, _ROOM // max(1, rows))
