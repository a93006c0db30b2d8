"""Matrix products of R pairs, by the fastest routine of the device.

Dimensions: R pairs of an m × k and a k × n matrix.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


class Products:
    """R matrix products at a time.

    Args:
        operands: bfloat16 rounds what is multiplied to 8 bits (sums stay in float32); None takes it as it is.
    """

    def __init__(self, operands: torch.dtype | None = None) -> None:
        self.operands = operands

    def cast(self, x: Tensor) -> Tensor:
        """An operand in the type of the products."""
        return x if self.operands is None else x.to(self.operands)

    def __call__(self, a: Tensor, b: Tensor, bias: Tensor | None = None) -> Tensor:
        """[R, m, k] and [R, k, n] to [R, m, n], plus ``bias`` [R, n], in the type of ``a``."""
        if _ONEDNN is not None and self._for_onednn(a, b):
            added = [None] * len(a) if bias is None else list(bias)
            if len(a) == 1:
                return _ONEDNN(a[0], b[0].t(), added[0], "none", [], "")[None]  # type: ignore[no-any-return]
            parts = zip(a, b, added, strict=True)
            return torch.stack([_ONEDNN(x, y.t(), z, "none", [], "") for x, y, z in parts])
        if bias is None:
            return torch.bmm(self.cast(a), self.cast(b)).to(a.dtype)
        return torch.baddbmm(self.cast(bias)[:, None], self.cast(a), self.cast(b)).to(a.dtype)

    def _for_onednn(self, a: Tensor, b: Tensor) -> bool:
        """PyTorch hands float32 products to MKL, which on AVX-512 of AMD reaches half the rate of oneDNN.

        Small products and long sums of few cells stay with MKL, which starts sooner.
        """
        if self.operands is not None or a.device.type != "cpu" or a.dtype != torch.float32:
            return False
        cells, sums = a.shape[1] * b.shape[2], a.shape[2]
        return cells * sums > _SMALL and sums <= cells


def _onednn() -> Any:
    available = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    return getattr(torch.ops.mkldnn, "_linear_pointwise", None) if available else None


_ONEDNN = _onednn()
_SMALL = 1 << 20
