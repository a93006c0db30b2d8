"""Variation ratios: what share of the passes or members disagrees with the most frequent prediction?

Shapes: K passes or E members (N in the paper's formula), n candidates, C classes.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from iale.errors import QueryError
from iale.strategies.base import Need, QueryContext, ScoringStrategy


class MCDropout(ScoringStrategy):
    """Variation ratio of passes with dropout on (Gal et al. 2017; paper, Eq. 3 and 4)."""

    name: ClassVar[str] = "mc-dropout"
    needs: ClassVar[frozenset[Need]] = frozenset({Need.MONTE_CARLO})

    def score(self, context: QueryContext) -> Tensor:
        """float64 [n] in [0, 1 − 1/C], multiples of 1/K."""
        assert context.monte_carlo is not None
        return _variation_ratio(context.monte_carlo)


class Ensemble(ScoringStrategy):
    """Variation ratio of a committee's members (Beluch et al. 2018; paper, Eq. 3 and 4)."""

    name: ClassVar[str] = "ensemble"
    needs: ClassVar[frozenset[Need]] = frozenset({Need.COMMITTEE})

    def score(self, context: QueryContext) -> Tensor:
        """float64 [n] in [0, 1 − 1/C], multiples of 1/E."""
        assert context.committee is not None
        return _variation_ratio(context.committee)


def _variation_ratio(probs: Tensor) -> Tensor:
    """1 − m/N over hard votes, where m is the number of votes for the most frequent class (paper, Eq. 4): float64 [n].

    Each of the N voters of ``probs`` [N, n, C] votes for its most likely class, or for the first of several equally
    likely ones. `iale.testing.reference.variation_ratio` counts the votes one by one.

    Raises QueryError if N is 0 or a probability is not finite.
    """
    voters, n, classes = probs.shape
    if voters == 0:
        raise QueryError("the variation ratio needs votes, and there are none: give at least one pass or member.")
    if not bool(torch.isfinite(probs.sum())):
        raise QueryError("a pass or member gave a probability that is not finite: check the classifier's outputs.")
    votes = probs.argmax(dim=2).T  # [n, N]
    counts = torch.zeros(n, classes, dtype=torch.int64, device=probs.device)
    counts.scatter_add_(1, votes, torch.ones_like(votes))
    # From integers, so that equal counts give equal scores to the bit, and ties stay ties.
    return (voters - counts.amax(dim=1)).double() / voters
