"""Scores from one forward pass: how uncertain is the classifier about each candidate?

All three are computed in float64 from the logits, which distinguishes confident candidates whose probabilities round to
1 in float32. Shapes: n candidates, C classes.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from iale.strategies.base import QueryContext, ScoringStrategy


class Confidence(ScoringStrategy):
    """Least confidence: 1 − max_y p(y|x) (Lewis & Gale 1994; paper, appendix A.1.1)."""

    name: ClassVar[str] = "confidence"

    def score(self, context: QueryContext) -> Tensor:
        """float64 [n] in [0, 1 − 1/C]."""
        probs = _probs(context)  # [n, C]
        likely = probs.argmax(dim=1, keepdim=True)
        return probs.scatter(1, likely, 0.0).sum(dim=1)  # the sum of the others keeps the digits that 1 − max loses


class Margin(ScoringStrategy):
    """Smallest margin: −(p₁ − p₂) with the two largest probabilities p₁ and p₂ (Scheffer et al. 2001)."""

    name: ClassVar[str] = "margin"

    def score(self, context: QueryContext) -> Tensor:
        """float64 [n] in [−1, 0]."""
        two = _probs(context).topk(2, dim=1).values  # [n, 2]
        return two[:, 1] - two[:, 0]


class Entropy(ScoringStrategy):
    """Entropy of the prediction, −Σ_y p(y|x) ln p(y|x), in nats (Shannon 1948; Settles & Craven 2008)."""

    name: ClassVar[str] = "entropy"

    def score(self, context: QueryContext) -> Tensor:
        """float64 [n] in [0, ln C]; a probability of 0 contributes 0."""
        terms: Tensor = torch.special.entr(_probs(context))  # [n, C]
        return terms.sum(dim=1)


def _probs(context: QueryContext) -> Tensor:
    return torch.softmax(context.candidates.logits.double(), dim=1)
