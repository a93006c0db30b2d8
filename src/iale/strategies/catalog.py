"""The strategies by name; trained policies are looked up in `iale.policies`."""

from __future__ import annotations

from iale.registry import Registry

STRATEGIES = Registry(
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
    },
)
