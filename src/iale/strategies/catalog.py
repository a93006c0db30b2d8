"""The strategies that have a name. `iale.policies.find_strategy` also knows trained policies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from iale.registry import Registry

if TYPE_CHECKING:  # names alone need no PyTorch
    from collections.abc import Callable

    from iale.strategies.base import QueryStrategy


BASELINES = ("random", "confidence", "margin", "entropy", "mc-dropout", "ensemble", "coreset", "badge")
"""The heuristics of the paper, and Margin. This list is fixed: the experiments of the paper use it."""

DEFAULT_STRATEGY = "eherding"
"""The strategy if none is named: the best on average, by the rule in `docs/protocol.md`."""

STRATEGIES: Registry[Callable[[], QueryStrategy]] = Registry(
    "strategy",
    {
        "random": "iale.strategies.random:Random",
        "confidence": "iale.strategies.uncertainty:Confidence",
        "margin": "iale.strategies.uncertainty:Margin",
        "entropy": "iale.strategies.uncertainty:Entropy",
        "mc-dropout": "iale.strategies.committee:MCDropout",
        "ensemble": "iale.strategies.committee:Ensemble",
        "coreset": "iale.strategies.coreset:CoreSet",
        "badge": "iale.strategies.badge:Badge",
        "typiclust": "iale.strategies.typiclust:TypiClust",
        "probcover": "iale.strategies.probcover:ProbCover",
        "dropquery": "iale.strategies.dropquery:DropQuery",
        "alfamix": "iale.strategies.alfamix:AlfaMix",
        "tcm": "iale.strategies.tcm:TCM",
        "bait": "iale.strategies.bait:Bait",
        "bait-full": "iale.strategies.bait:BaitFull",
        "bald": "iale.strategies.bald:Bald",
        "batchbald": "iale.strategies.batchbald:BatchBald",
        "power-margin": "iale.strategies.power:power_margin",
        "refine": "iale.strategies.refine:Refine",
        "maxherding": "iale.strategies.herding:MaxHerding",
        "uherding": "iale.strategies.herding:UncertaintyHerding",
        "eherding": "iale.strategies.herding:ErrorHerding",
    },
)
"""Functions without arguments that return a strategy; register your own with ``STRATEGIES.register``."""
