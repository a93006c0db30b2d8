"""The multinomial logistic regressions of many heads, and products with their inputs.

With inputs x_i, labels y_i (one-hot), weights c_i that sum to 1, and an L2 strength λ, each problem is

    min over W, b of  Σ c_i / λ · cross entropy(W x_i + b, y_i) + ‖W‖² / 2.

Dimensions: R problems, C classes, n samples (with padding of weight 0), D inputs.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

HIDDEN = -1e4
"""The logit of a class without labels while the others are fitted: its probability is 0 in every precision."""

_INTERCEPTS = 0.1  # of the mean square of the logits that a sample gives itself: a tenth takes the fewest steps


@dataclass
class Problems:
    """R problems; padding has the weight 0, and zeros in ``inputs``.

    Attributes:
        inputs: [R, n, D]; the weighted mean of each problem is 0.
        labels: int64 [R, 1, n].
        weights: [R, 1, n], c; they sum to 1.
        shares: [R, C, 1], what of the weights each class has.
        strengths: [R, 1, 1], λ.
        gram: [R, n, n], X Xᵀ, or None where the inputs themselves are smaller.
    """

    inputs: Tensor
    labels: Tensor
    weights: Tensor
    shares: Tensor
    strengths: Tensor
    gram: Tensor | None

    def at(self, rows: Tensor) -> Problems:
        """Some of the problems."""
        if len(rows) == len(self.weights):
            return self
        gram = None if self.gram is None else self.gram[rows]
        inputs, labels, weights = self.inputs[rows], self.labels[rows], self.weights[rows]
        return Problems(inputs, labels, weights, self.shares[rows], self.strengths[rows], gram)

    def double(self) -> Problems:
        """The problems in float64."""
        inputs = self.inputs.double()
        gram = None if self.gram is None else torch.bmm(inputs, inputs.mT)
        weights, shares, strengths = (part.double() for part in (self.weights, self.shares, self.strengths))
        return Problems(inputs, self.labels, weights, shares, strengths, gram)

    def start(self) -> tuple[Tensor, Tensor]:
        """The coefficients 0, [R, C, n], and the intercepts that the shares of the classes give, [R, C, 1]."""
        seen = self.shares > 0
        logs = torch.where(seen, self.shares, 1).log()
        mean = logs.sum(dim=1, keepdim=True) / seen.sum(dim=1, keepdim=True)
        zeros = logs.new_zeros(*logs.shape[:2], self.weights.shape[2])
        return zeros, torch.where(seen, logs - mean, HIDDEN)

    def scale(self) -> Tensor:
        """κ, [R, 1, 1]: how much steps move the intercepts; see `Descent`.

        The larger it is, the better the intercepts must be before ρ K ρ is small, and the less a later move of them
        spoils W. So κ grows with the squares of the inputs, and is at least 1 / the mean curvature of the loss where
        W = 0.
        """
        curvatures = (1 - self.shares.square().sum(dim=1, keepdim=True)).clamp(min=1e-6)
        others = (self.shares > 0).sum(dim=1, keepdim=True) - 1
        squares = self.inputs.square().sum(dim=2) if self.gram is None else self.gram.diagonal(dim1=1, dim2=2)
        usual = (squares[:, None] * self.weights).sum(dim=2, keepdim=True)
        least = self.strengths * others / curvatures
        return torch.where(others > 0, torch.maximum(least, _INTERCEPTS * usual), 0)

    def products(self, v: Tensor, added: Tensor, out: Tensor | None = None) -> Tensor:
        """v X Xᵀ + ``added`` [R, C, 1]: what coefficients ``v`` and intercepts are as logits, [R, C, n]."""
        if self.gram is None:
            return torch.baddbmm(added, torch.bmm(v, self.inputs), self.inputs.mT, out=out)
        return torch.baddbmm(added, v, self.gram, out=out)
