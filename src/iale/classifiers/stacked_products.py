"""Matrix products of R pairs, by the fastest routine of the device.

Dimensions: R pairs of an m × k and a k × n matrix.
"""

from __future__ import annotations

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

    def __call__(self, a: Tensor, b: Tensor) -> Tensor:
        """[R, m, k] and [R, k, n] to [R, m, n], in the type of ``a``."""
        if self.operands is None and a.device.type == "cpu" and a.dtype == torch.float32 and _ONEDNN is not None:
            # PyTorch hands float32 products to MKL, which reaches half the rate of oneDNN on AMD's AVX-512.
            parts = [_ONEDNN(x, y.t(), None, "none", [], "") for x, y in zip(a, b, strict=True)]
            return parts[0][None] if len(parts) == 1 else torch.stack(parts)
        return torch.bmm(self.cast(a), self.cast(b)).to(a.dtype)


def _onednn():  # type: ignore[no-untyped-def]
    if torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_linear_pointwise"):
        return torch.ops.mkldnn._linear_pointwise.default
    return None


_ONEDNN = _onednn()
