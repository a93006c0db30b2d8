"""Scores of one forward pass: how unsure is the classifier of each candidate by itself?

All three are computed in float64 from the logits, so that confident candidates, whose probabilities round to 1 in
float32, are still told apart. Shapes: n candidates, C classes.
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
        return probs.scatter(1, likely, 0.0).sum(dim=1)  # the sum of the others does not cancel as 1 − max would


class Margin(ScoringStrategy):
    """Smallest margin: −(p₁ − p₂), p₁ and p₂ the two largest probabilities (Scheffer et al. 2001)."""

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
