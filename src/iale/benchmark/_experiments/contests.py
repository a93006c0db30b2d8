"""What experiments are built from: the strategies that everything is compared with, and the contests of claims.

A contest names its curves with the scale and the policy names that also build the grids, so a claim cannot ask for
runs that its experiment does not have.
"""

from __future__ import annotations

from collections.abc import Sequence

from iale.benchmark._experiment import Contest, Curve
from iale.benchmark._sizes import Scale, Size
from iale.strategies.catalog import STRATEGIES

RANDOM = "random"
HEURISTICS = tuple(STRATEGIES)
RIVALS = tuple(name for name in HEURISTICS if name != RANDOM)
REFERENCES = (RANDOM, "margin")
"""What every policy is compared with: no strategy at all, and the heuristic that is hardest to beat."""


def curve(scale: Scale, dataset: str, strategy: str) -> Curve:
    """The runs of a strategy on the sub-pool."""
    return Curve(dataset, scale.classifier, strategy, scale.cycle.acquisition_size, scale.cycle.subset_size)


def duel(scale: Scale, dataset: str, first: str, second: str, *, counts: bool = True) -> Contest:
    """One strategy against another on one data set."""
    sides = ((1, curve(scale, dataset, first)),), ((1, curve(scale, dataset, second)),)
    return Contest(f"{dataset}, {scale.classifier}", first, second, sides, counts)


def duels(
    size: Size, scale: Scale, first: str, seconds: Sequence[str], targets: Sequence[str] | None = None
) -> tuple[Contest, ...]:
    """One strategy against several on each target; on the source of the policies, duels are listed and do not count."""
    chosen = size.targets if targets is None else targets
    return tuple(duel(scale, t, first, second, counts=t != size.mnist) for t in chosen for second in seconds)


def residual_targets(size: Size) -> tuple[str, ...]:
    """The data sets on which a ResNet-18 is compared; below the paper's size it is affordable on one only."""
    return size.targets if size.name == "paper" else (size.fashion,)
