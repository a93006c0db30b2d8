"""CoreSet: greedy k-center in the space of embeddings."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from torch import Tensor

from iale.strategies._k_center import k_center
from iale.strategies.base import Need, QueryContext, QueryStrategy


class CoreSet(QueryStrategy):
    """Each step chooses the candidate that is farthest from its nearest labeled or chosen sample.

    This is the greedy 2-approximation of the k-center problem (Sener & Savarese 2018, Algorithm 1). Distances are
    Euclidean, in float64. Of several candidates at the same distance, the first is chosen. So nothing is random, unless
    there is no labeled sample: then the first center is a uniform draw (one ``rng.integers(n)``).
    """

    name: ClassVar[str] = "coreset"
    needs: ClassVar[frozenset[Need]] = frozenset({Need.LABELED})

    def select(self, context: QueryContext, k: int, *, rng: np.random.Generator) -> Tensor:
        """int64 [k], in the order of choice; raises QueryError if an embedding is not finite."""
        assert context.labeled is not None
        return k_center(context.candidates.embeddings, context.labeled.embeddings, k, rng)
