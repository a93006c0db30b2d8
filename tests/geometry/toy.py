"""A strategy that is easy to foresee: it asks for what lies farthest along the first axis of the geometry."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from iale.strategies.base import Need, QueryContext, QueryStrategy


class Farthest(QueryStrategy):
    name = "farthest"
    needs = frozenset({Need.GEOMETRY})
    starts_cold = True

    def select(self, context: QueryContext, k: int, *, rng: np.random.Generator) -> Tensor:
        assert context.geometry is not None
        assert context.labeled_geometry is not None
        return torch.argsort(context.geometry.read()[:, 0], descending=True, stable=True)[:k]


FARTHEST = "tests.geometry.toy:Farthest"


def farthest(points: Tensor, k: int, without: set[int]) -> list[int]:
    """What the strategy asks for, if these are all samples."""
    order = torch.argsort(points[:, 0], descending=True, stable=True).tolist()
    return [row for row in order if row not in without][:k]
