"""Oracles by name: controls that read hidden labels, so they are neither strategies nor heuristics."""

from __future__ import annotations

from iale.registry import Registry

ORACLES = Registry(
    "oracle",
    {
        "best-of-random": "iale.benchmark._look_ahead:BestOfRandom",
        "greedy-look-ahead": "iale.benchmark._look_ahead:GreedyLookAhead",
    },
)
"""Classes; an oracle is made from a data set and a scoring set."""
