"""Matrix products of R pairs, by the fastest routine of the device.

Dimensions: R pairs of an m × k and a k × n matrix.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


class Products:
    """R matrix products at a time; bfloat16 ``operands`` round factors to 8 significant bits, sums stay in float32."""

    def __init__(self, operands: torch.dtype | None = None) -> None:
        self.operands = operands

    def cast(self, x: Tensor) -> Tensor:
        """A factor in the type in which it is multiplied."""
        return x if self.operands is None else x.to(self.operands)

    def __call__(self, a: Tensor, b: Tensor, bias: Tensor | None = None) -> Tensor:
        """[R, m, k] and [R, k, n] to [R, m, n], plus ``bias`` [R, n], in the type of ``a``."""
        if _ONEDNN is not None and self._for_onednn(a, b):
            trios = zip(a, b, [None] * len(a) if bias is None else bias, strict=True)
            parts = [_ONEDNN(x, y.t(), z, "none", [], "") for x, y, z in trios]
            return parts[0][None] if len(parts) == 1 else torch.stack(parts)
        if bias is None:
            return torch.bmm(self.cast(a), self.cast(b)).to(a.dtype)
        return torch.baddbmm(self.cast(bias)[:, None], self.cast(a), self.cast(b)).to(a.dtype)

    def _for_onednn(self, a: Tensor, b: Tensor) -> bool:
        """Whether oneDNN is faster: PyTorch uses MKL for float32, at half of oneDNN's rate on AMD with AVX-512.

        Small products, and long sums for few cells, stay with MKL, which has less to set up.
        """
        if self.operands is not None or a.device.type != "cpu" or a.dtype != torch.float32:
            return False
        cells, sums = a.shape[1] * b.shape[2], a.shape[2]
        return cells * sums > _SMALL and sums <= cells


# PyTorch has no public way to choose oneDNN; without this private operator everything goes to MKL, only slower.
_OPERATORS = torch.ops.mkldnn if torch.backends.mkldnn.is_available() else None  # type: ignore[no-untyped-call]
_ONEDNN: Callable[..., Tensor] | None = getattr(_OPERATORS, "_linear_pointwise", None)
_SMALL = 1 << 20
"""Multiplications up to which a product counts as small."""
