"""Not in the paper: what is gained by seeing the pool, and which strategy is best on average."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from iale.benchmark._experiment import RANDOM, Claim, Contest, Curve, Experiment, Side
from iale.benchmark._sizes import Scale, Size
from iale.benchmark.grid import GridConfig
from iale.strategies.catalog import STRATEGIES

SEES, BEST_BLIND = "uherding", ("margin", "badge")
SUB_POOLS = (100, 1000)
OF_NETWORKS = ("mc-dropout", "ensemble", "bald", "batchbald", "eherding")
"""Not for a linear head: it has no dropout, every fit of it is the same, and its second opinion would be its own."""
FEW = (RANDOM, "margin", "badge", "maxherding", "uherding", "bait")
"""Enough to see that it works."""
SLOW = ("bait-full", "batchbald", "refine")
"""What takes minutes for one query of the whole pool; these choose from 100 candidates only."""
TOO_WIDE, MOST = "bait-full", 500
"""With more labels, it refuses a head on the features: 100 candidates and as many labels point in too many of the 1,280
directions for a matrix that has ten rows for each."""


def geometry(size: Size) -> Experiment:
    """Strategies of the catalog with a linear head, an MLP and a CNN, from sub-pools and from the whole pool."""
    scales = {size.head: size.seen, size.fresh: size.seen, size.small: size.seen_images}
    grids = [grid for scale, targets in scales.items() for target in targets for grid in _grids(scale, target, size)]
    duel = size.fresh.runs(size.mnist, (RANDOM, "margin", SEES), pools=("whole",))
    grids.append(replace(duel, seeds=2 * duel.seeds))  # the one figure that a target was set for
    wide = {scale: targets for scale, targets in scales.items() if scale != size.small}
    against = tuple(
        _duel(scale, target, SEES, rival) for rival in BEST_BLIND for scale in wide for target in wide[scale]
    )
    pools = tuple(
        larger(scale, target, of_whole(scale, target, SEES), SUB_POOLS[0]) for scale in wide for target in wide[scale]
    )
    best = "from the whole pool, Uncertainty Herding is better than Margin and BADGE"
    return Experiment(
        name="geometry",
        title="Seeing the pool: strategies with and without a geometry",
        claim="nothing: all of its strategies see candidates through the classifier alone.",
        grids=tuple(grids),
        claims=(
            Claim("geometry", best, "better", against),
            Claim("geometry", "Uncertainty Herding chooses better from the whole pool than from 100", "better", pools),
        ),
        ranked=True,
    )


def _grids(scale: Scale, target: str, size: Size) -> list[GridConfig]:
    """All pools of one data set: 100 candidates, 1,000, and all."""
    names = FEW if size.name == "smoke" else tuple(STRATEGIES)
    served = [name for name in names if serves(name, scale)]
    if scale.shape.classifier == "linear" and target == size.features and scale.shape.cycle.labeling_budget > MOST:
        served = [name for name in served if name != TOO_WIDE]
    fast = tuple(name for name in served if name not in SLOW)
    grids = [scale.runs(target, fast, pools=("whole",))]
    for count in SUB_POOLS:
        if count <= (scale.shape.pool_size or count):
            names = fast if count > SUB_POOLS[0] else tuple(served)
            grids.append(scale.runs(target, names, subset_size=count))
    return [fitting(grid) for grid in grids]


def serves(name: str, scale: Scale) -> bool:
    """Whether a strategy can choose for the classifier of a scale."""
    return scale.shape.classifier != "linear" or name not in OF_NETWORKS


def fitting(grid: GridConfig) -> GridConfig:
    """The digits are few: all of them may be labeled, and all of their test samples count."""
    return replace(grid, pool_size=None, test_size=None) if grid.dataset == "digits" else grid


def of_whole(scale: Scale, target: str, strategy: str) -> Curve:
    """The runs of a strategy that chooses from all."""
    return replace(scale.curve(target, strategy), subset_size=None, pool="whole")


def _duel(scale: Scale, target: str, first: str, second: str) -> Contest:
    sides = ((1, of_whole(scale, target, first)),), ((1, of_whole(scale, target, second)),)
    return Contest(f"{scale.on(target)}, whole pool", first, second, sides)


def larger(scale: Scale, target: str, whole: Curve, few: int) -> Contest:
    """The runs that see the whole pool against those that see so many random candidates in each query."""
    part = replace(whole, subset_size=few, pool="subset")
    return Contest(scale.on(target), "whole pool", f"sub-pool of {few}", (((1, whole),), ((1, part),)))


def on_average(first: str, second: str, curves: Callable[[str], Sequence[Curve]]) -> Contest:
    """The means of two strategies over all data sets, seed by seed; ``curves`` gives one for each set."""

    def side(name: str) -> Side:
        every = curves(name)
        return tuple((1 / len(every), curve) for curve in every)

    return Contest("the mean over all", first, second, (side(first), side(second)))
