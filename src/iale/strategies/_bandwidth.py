"""How far a sample reaches: the bandwidth of a kernel, from the distances between labeled samples."""

from __future__ import annotations

from typing import Literal

import torch

from iale.geometry.points import Points
from iale.strategies._unit import unit_rows

Rule = Literal["median", "smallest"]
CLOSEST = 0.01
"""Unit rows that are closer than this count as the same, and no bandwidth is smaller."""

_ROWS = 1024


def find_bandwidth(labeled: Points, rule: Rule) -> float:
    """The median or smallest distance of a labeled sample to its nearest labeled neighbor; 1 if none has a neighbor.

    Distances are between unit rows. Samples closer than 0.01 count as the same, not as neighbors.
    """
    nearest = []
    for start in range(0, len(labeled), _ROWS):
        rows = unit_rows(labeled.read(start, start + _ROWS))
        found = torch.full((len(rows),), torch.inf, dtype=torch.float64)
        for other in range(0, len(labeled), _ROWS):
            distances = torch.cdist(rows, unit_rows(labeled.read(other, other + _ROWS)))
            distances[distances < CLOSEST] = torch.inf
            found = torch.minimum(found, distances.amin(dim=1))
        nearest.append(found[found < torch.inf])
    every = torch.cat(nearest) if nearest else torch.empty(0)
    if not len(every):
        return 1.0
    return float(every.quantile(0.5) if rule == "median" else every.min())
