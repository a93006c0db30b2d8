"""TCM: TypiClust for the first acquisitions, Margin after them (Doucet et al. 2024)."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from torch import Tensor

from iale.strategies.base import Need, QueryContext, QueryStrategy
from iale.strategies.typiclust import TypiClust
from iale.strategies.uncertainty import Margin

_ACQUISITIONS = 3  # of TypiClust


class TCM(QueryStrategy):
    """`TypiClust` while fewer than 3·max(k, C) samples are labeled, then `Margin` (Doucet et al. 2024, section 3).

    The paper counts acquisitions: three of TypiClust, then Margin for ever. A strategy remembers nothing, so this one
    counts labels. From zero labels, with one k ≥ C throughout, the two are the same. A smaller k counts as C, since a
    few labels for each class are what Margin needs. Labels that were there before count, too; and somebody who asks for
    more samples than before may meet TypiClust again.

    The cost is that of the strategy in charge. The switch is a guess: where a classifier is useful earlier or later
    than that, a step is lost.
    """

    name: ClassVar[str] = "tcm"
    needs: ClassVar[frozenset[Need]] = frozenset({Need.GEOMETRY})
    starts_cold: ClassVar[bool] = True

    def select(self, context: QueryContext, k: int, *, rng: np.random.Generator) -> Tensor:
        """int64 [k], in the order of the strategy in charge; its errors are this one's, too."""
        assert context.labeled_geometry is not None
        few = len(context.labeled_geometry) < _ACQUISITIONS * max(k, context.num_classes)
        return (TypiClust() if few else Margin()).select(context, k, rng=rng)
