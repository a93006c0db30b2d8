"""A strategy whose scores are known."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from iale.strategies.base import QueryContext, ScoringStrategy


class Fixed(ScoringStrategy):
    """Scores candidates as it is told to."""

    name: ClassVar[str] = "fixed"

    def __init__(self, scores: list[float]) -> None:
        self.scores = torch.tensor(scores, dtype=torch.float64)

    def score(self, context: QueryContext) -> Tensor:
        return self.scores
