"""Scores from one forward pass: how uncertain is the classifier about each candidate?

All three are computed in float64 from the logits, so that candidates whose probabilities round to 1 in float32 can
still be ranked. Shapes: n candidates, C classes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import torch
from torch import Tensor

from iale.strategies._rows import rows_at_once
from iale.strategies.base import QueryContext, ScoringStrategy


class Confidence(ScoringStrategy):
    """Least confidence: 1 − max_y p(y|x) (Lewis & Gale 1994; paper, appendix A.1.1)."""

    name: ClassVar[str] = "confidence"

    def score(self, context: QueryContext) -> Tensor:
        """float64 [n] in [0, 1 − 1/C]."""
        return _by_rows(context, _others)


class Margin(ScoringStrategy):
    """Smallest margin: −(p₁ − p₂) with the two largest probabilities p₁ and p₂ (Scheffer et al. 2001)."""

    name: ClassVar[str] = "margin"

    def score(self, context: QueryContext) -> Tensor:
        """float64 [n] in [−1, 0]."""
        two = _by_rows(context, lambda probs: probs.topk(2, dim=1).values)  # [n, 2]
        return two[:, 1] - two[:, 0]


class Entropy(ScoringStrategy):
    """Entropy of the prediction, −Σ_y p(y|x) ln p(y|x), in nats (Shannon 1948; Settles & Craven 2008)."""

    name: ClassVar[str] = "entropy"

    def score(self, context: QueryContext) -> Tensor:
        """float64 [n] in [0, ln C]; a probability of 0 contributes 0."""
        return _by_rows(context, lambda probs: torch.special.entr(probs).sum(dim=1))


def _others(probs: Tensor) -> Tensor:
    """1 − max, as the sum of the others, which keeps the digits that the difference loses."""
    return probs.scatter(1, probs.argmax(dim=1, keepdim=True), 0.0).sum(dim=1)


def _by_rows(context: QueryContext, rule: Callable[[Tensor], Tensor]) -> Tensor:
    """``rule`` of the probabilities, float64 [rows, C], a few rows at a time: many classes take no more memory."""
    logits = context.candidates.logits
    blocks = torch.split(logits, rows_at_once(logits.shape[1]))
    return torch.cat([rule(torch.softmax(block.double(), dim=1)) for block in blocks])
