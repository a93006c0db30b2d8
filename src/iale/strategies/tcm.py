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

    The paper counts acquisitions: three of TypiClust, and then only Margin. A strategy has no memory, so this one
    counts labels. If you start without labels and always use the same k ≥ C, both are the same. A smaller k counts as
    C, because Margin needs a few labels for each class. Labels that you had from the start count, too. If you ask for
    more samples than before, TypiClust may come back.

    The cost is that of the strategy in charge. The time of the switch is a guess.
    """

    name: ClassVar[str] = "tcm"
    needs: ClassVar[frozenset[Need]] = frozenset({Need.GEOMETRY})
    starts_cold: ClassVar[bool] = True

    def select(self, context: QueryContext, k: int, *, rng: np.random.Generator) -> Tensor:
        """int64 [k], in the order of the strategy in charge; its errors are this one's, too."""
        assert context.labeled_geometry is not None
        few = len(context.labeled_geometry) < _ACQUISITIONS * max(k, context.num_classes)
        return (TypiClust() if few else Margin()).select(context, k, rng=rng)
