"""BALD: disagreement of passes with dropout that are each sure (Houlsby et al. 2011; Gal et al. 2017).

Shapes: K Monte-Carlo passes, n candidates, C classes.
"""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from iale.strategies._mutual import mutual_information
from iale.strategies.base import Need, QueryContext, ScoringStrategy


class Bald(ScoringStrategy):
    """Mutual information of label and pass: H(p̄) − mean over passes of H(p), with p̄ the mean of the passes, in nats.

    Both entropies are of one candidate. (One public implementation averages the second over the batch, so that scores
    depend on the other candidates.) A batch may be full of near-duplicates: see `BatchBald`. It takes O(K·n·C) time,
    and 32 MiB of memory besides the scores.
    """

    name: ClassVar[str] = "bald"
    needs: ClassVar[frozenset[Need]] = frozenset({Need.MONTE_CARLO})

    def score(self, context: QueryContext) -> Tensor:
        """float64 [n] in [0, min(ln C, ln K)]; raises QueryError if a probability is not finite."""
        assert context.monte_carlo is not None
        return mutual_information(context.monte_carlo)
