"""Variation ratios: which share of the passes or members disagrees with the most frequent prediction?

Shapes: K passes or E members (N in the paper's formula), n candidates, C classes.
"""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from iale.strategies._votes import variation_ratio
from iale.strategies.base import Need, QueryContext, ScoringStrategy


class MCDropout(ScoringStrategy):
    """Variation ratio of passes with dropout on (Gal et al. 2017; paper, Eq. 3 and 4)."""

    name: ClassVar[str] = "mc-dropout"
    needs: ClassVar[frozenset[Need]] = frozenset({Need.MONTE_CARLO})

    def score(self, context: QueryContext) -> Tensor:
        """float64 [n] in [0, 1 − 1/C], multiples of 1/K."""
        assert context.monte_carlo is not None
        return variation_ratio(context.monte_carlo)


class Ensemble(ScoringStrategy):
    """Variation ratio of a committee's members (Beluch et al. 2018; paper, Eq. 3 and 4)."""

    name: ClassVar[str] = "ensemble"
    needs: ClassVar[frozenset[Need]] = frozenset({Need.COMMITTEE})

    def score(self, context: QueryContext) -> Tensor:
        """float64 [n] in [0, 1 − 1/C], multiples of 1/E."""
        assert context.committee is not None
        return variation_ratio(context.committee)
