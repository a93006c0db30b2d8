"""Contexts whose points lie in clusters, for strategies that look at the geometry."""

from __future__ import annotations

import torch
from torch import Tensor

from iale.classifiers.base import Outputs
from iale.geometry.points import Points
from iale.seeding import Stream
from iale.strategies.base import QueryContext


def context_of(points: Tensor, labeled: int = 0, num_classes: int = 2) -> QueryContext:
    """The first ``labeled`` of the ``points`` [L + n, G] are labeled, the others candidates; nobody has fitted."""
    count, every = len(points) - labeled, torch.arange(len(points))
    blank = Outputs(torch.zeros(count, num_classes), torch.zeros(count, 0))
    return QueryContext(
        blank,
        num_classes,
        labeled=blank.at(torch.zeros(labeled, dtype=torch.int64)),
        labels=torch.zeros(labeled, dtype=torch.int64),
        geometry=Points(points, every[labeled:]),
        labeled_geometry=Points(points, every[:labeled]),
    )


def blobs(sizes: tuple[int, ...], dim: int = 3, seed: int = 0, apart: float = 50.0) -> tuple[Tensor, Tensor]:
    """Points [n, G] in round clusters that are far ``apart``, and the cluster of each, int64 [n]."""
    generator = Stream(seed, ("clustered",)).torch()
    which = torch.repeat_interleave(torch.arange(len(sizes)), torch.tensor(sizes))
    centers = apart * torch.stack([torch.arange(len(sizes)) + 1.0] * dim, dim=1)
    return centers[which] + torch.randn(len(which), dim, generator=generator), which
