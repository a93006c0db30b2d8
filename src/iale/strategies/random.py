"""Random sampling, the baseline for every other strategy."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from iale.strategies.base import QueryContext, QueryStrategy


class Random(QueryStrategy):
    """k candidates drawn uniformly without replacement, in random order."""

    name: ClassVar[str] = "random"
    reads_outputs: ClassVar[bool] = False
    starts_cold: ClassVar[bool] = True

    def select(self, context: QueryContext, k: int, *, rng: np.random.Generator) -> Tensor:
        """int64 [k]; reads only n from the context."""
        return torch.from_numpy(rng.choice(len(context), size=k, replace=False).astype(np.int64))
