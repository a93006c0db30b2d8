"""The multinomial logistic regressions of many heads, and products with their inputs.

With inputs x_i, labels y_i (one-hot), weights c_i that sum to 1, and an L2 strength λ, each problem is

    min over W, b of  Σ c_i · cross entropy(W x_i + b, y_i) + λ/2 ‖W‖².

Dimensions: R problems, C classes, n samples (with padding of weight 0), D inputs.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass

import torch
from torch import Tensor

HIDDEN = -1e4
"""The logit of a class without labels while the others are fitted: its probability is 0 in every precision."""

_INTERCEPTS = 0.1  # of the mean square of the logits that a sample gives itself: a tenth takes the fewest steps


@dataclass
class Problems:
    """R problems; padding has the weight 0, and zeros in ``inputs`` and ``targets``.

    Attributes:
        inputs: [R, n, D]; the weighted mean of each problem is 0.
        targets: [R, C, n], one-hot.
        weights: [R, 1, n], c; they sum to 1.
        strengths: [R], λ.
        gram: [R, n, n], X Xᵀ, or None where the inputs themselves are smaller.
    """

    inputs: Tensor
    targets: Tensor
    weights: Tensor
    strengths: Tensor
    gram: Tensor | None

    def at(self, rows: Tensor) -> Problems:
        """Some of the problems."""
        if len(rows) == len(self.weights):
            return self
        gram = None if self.gram is None else self.gram[rows]
        return Problems(self.inputs[rows], self.targets[rows], self.weights[rows], self.strengths[rows], gram)

    def double(self) -> Problems:
        """The problems in float64."""
        inputs = self.inputs.double()
        gram = None if self.gram is None else torch.bmm(inputs, inputs.mT)
        return Problems(inputs, self.targets.double(), self.weights.double(), self.strengths.double(), gram)

    def start(self) -> tuple[Tensor, Tensor]:
        """The coefficients 0, [R, C, n], and the intercepts that the shares of the classes give, [R, C]."""
        shares = (self.targets * self.weights).sum(dim=2)
        seen = shares > 0
        logs = torch.where(seen, shares, 1).log()
        mean = logs.sum(dim=1, keepdim=True) / seen.sum(dim=1, keepdim=True)
        return torch.zeros_like(self.targets), torch.where(seen, logs - mean, HIDDEN)


class Kernel:
    """v (X Xᵀ / λ + κ 1 1ᵀ): what coefficients v [R, C, n] change of the logits.

    The column of ones stands for the intercepts. The larger its scale κ, the better the intercepts must be before ρ K ρ
    is small, and the less a later move of them spoils W. So κ grows with the other part of the kernel, and is at least
    1 / the mean curvature of the loss where W = 0.
    """

    def __init__(self, problems: Problems) -> None:
        shares = (problems.targets * problems.weights).sum(dim=2)
        curvatures = (1 - shares.square().sum(dim=1)).clamp(min=1e-6)
        others = ((shares > 0).sum(dim=1) - 1).to(shares)
        gram, strengths = problems.gram, problems.strengths
        squares = problems.inputs.square().sum(dim=2) if gram is None else gram.diagonal(dim1=1, dim2=2)
        usual = (squares * problems.weights[:, 0]).sum(dim=1) / strengths
        scale = torch.maximum(others / curvatures, _INTERCEPTS * usual)
        self.scale = torch.where(others > 0, scale, 0)[:, None, None]
        real = (problems.weights > 0).to(shares)
        strengths = strengths[:, None, None]
        if gram is None:
            self._factors = torch.cat([problems.inputs / strengths.sqrt(), (real * self.scale.sqrt()).mT], dim=2)
        else:
            self._matrix = (gram / strengths).addcmul_(real * self.scale, real.mT)

    def at(self, rows: Tensor) -> Kernel:
        """That of some of the problems."""
        found = copy.copy(self)
        for name, value in vars(self).items():
            setattr(found, name, value[rows])
        return found

    def products(self, v: Tensor, out: Tensor | None = None) -> Tensor:
        """[R, C, n], in ``out`` if that is given."""
        if hasattr(self, "_matrix"):
            return torch.bmm(v, self._matrix, out=out)
        return torch.bmm(torch.bmm(v, self._factors), self._factors.mT, out=out)
