"""Random sampling, the baseline that every other strategy has to beat."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from iale.strategies.base import QueryContext, QueryStrategy


class Random(QueryStrategy):
    """k candidates drawn uniformly without replacement, in random order."""

    name: ClassVar[str] = "random"

    def select(self, context: QueryContext, k: int, *, rng: np.random.Generator) -> Tensor:
        """int64 [k]; reads nothing of the context but n."""
        return torch.from_numpy(rng.choice(len(context), size=k, replace=False).astype(np.int64))
