"""Oracles by name: controls that read hidden labels, so they are neither strategies nor heuristics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from iale.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from iale.data.samples import DataSet
    from iale.learner import Oracle

_HOME = "iale.benchmark._look_ahead"
ORACLES: Registry[Callable[[DataSet, Tensor], Oracle]] = Registry(
    "oracle", {"best-of-random": f"{_HOME}:BestOfRandom", "greedy-look-ahead": f"{_HOME}:GreedyLookAhead"}
)
"""Classes; an oracle is made from a data set and a scoring set."""
