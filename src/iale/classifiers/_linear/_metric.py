"""Products with the inputs of many linear heads, and steps in the metric of their curvatures; see `_solver`.

For coefficients v [R, C, n] of the samples, `products` are v X Xᵀ, and `smooth` is v G with G = X̃ (Λ + X̃ᵀ ω X̃)⁻¹ X̃ᵀ.
Both classes compute the same: `FewSamples` in O(n²) for each class, `ManySamples` in O(nD).
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor


class Metric(Protocol):
    """What the solver needs of the inputs."""

    def products(self, v: Tensor) -> Tensor:
        """[R, C, n]: v X Xᵀ."""

    def renew(self, curvatures: Tensor) -> None:
        """Sets ω [R, n], which is above 0."""

    def smooth(self, v: Tensor) -> Tensor:
        """[R, C, n]: v G."""


class FewSamples:
    """With S = √ω, N = (1 + S X Xᵀ S / λ)⁻¹ and u = N S 1:  G = S⁻¹ (1 − N + u uᵀ / 1ᵀSu) S⁻¹.

    This is Woodbury's identity, in the limit in which the column of ones has no penalty. Padding has zeros in X̃, and so
    in G.

    Args:
        gram: [R, n, n], X Xᵀ.
        strengths: [R].
        real: bool [R, n], False for padding.
    """

    def __init__(self, gram: Tensor, strengths: Tensor, real: Tensor) -> None:
        self._gram, self._strengths, self._real = gram, strengths, real

    def products(self, v: Tensor) -> Tensor:
        return torch.bmm(v, self._gram)

    def renew(self, curvatures: Tensor) -> None:
        root = curvatures.sqrt()
        scaled = self._gram * (root / self._strengths[:, None])[:, :, None]
        scaled *= root[:, None, :]
        scaled.diagonal(dim1=1, dim2=2).add_(1)
        self._inverse = torch.cholesky_inverse(torch.linalg.cholesky(scaled))
        self._root, ones = root[:, None], (root * self._real)[:, None]
        self._ones = torch.bmm(ones, self._inverse)  # u, [R, 1, n]
        self._scale = (ones * self._ones).sum(dim=2, keepdim=True)

    def smooth(self, v: Tensor) -> Tensor:
        v = v / self._root
        along = torch.bmm(v, self._ones.mT) / self._scale
        return torch.baddbmm(torch.baddbmm(v, v, self._inverse, alpha=-1), along, self._ones).div_(self._root)


class ManySamples:
    """G as it is written, with the inverse of the (D + 1) × (D + 1) matrix."""

    def __init__(self, inputs: Tensor, strengths: Tensor, real: Tensor) -> None:
        self._inputs = torch.cat([inputs, real[..., None].to(inputs)], dim=2)
        self._penalties = strengths[:, None].repeat(1, self._inputs.shape[2])
        self._penalties[:, -1] = 0

    def products(self, v: Tensor) -> Tensor:
        inputs = self._inputs[..., :-1]
        return torch.bmm(torch.bmm(v, inputs), inputs.mT)

    def renew(self, curvatures: Tensor) -> None:
        hessian = torch.bmm(self._inputs.mT, self._inputs * curvatures[..., None])
        hessian.diagonal(dim1=1, dim2=2).add_(self._penalties)
        self._inverse = torch.cholesky_inverse(torch.linalg.cholesky(hessian))

    def smooth(self, v: Tensor) -> Tensor:
        return torch.bmm(torch.bmm(torch.bmm(v, self._inputs), self._inverse), self._inputs.mT)
