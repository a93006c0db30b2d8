"""Not in the paper: is Uncertainty Herding the best choice for what most people fit, a linear head?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from iale.benchmark._experiment import RANDOM, RIVALS, Claim, Contest, Curve, Experiment
from iale.benchmark._experiments.geometry import SEES, SLOW, fitting, larger, of_whole, on_average, serves
from iale.benchmark._experiments.networks import FEWER, LARGE
from iale.benchmark._experiments.shapes import PATCHES
from iale.benchmark._sizes import Scale, Size
from iale.benchmark._views import BUILT_IN
from iale.benchmark.grid import GridConfig
from iale.strategies.catalog import STRATEGIES

SOME = (RANDOM, "margin", "badge", "typiclust", "bait", "maxherding", SEES)
"""What is compared in small and in large acquisitions."""
SMALL, BUDGET = 5, 320
"""Samples of a small acquisition, and labels at the end of runs with large ones."""


def heads(size: Size) -> Experiment:
    """Linear heads on patches, or on the features of a pretrained network, which choose from the whole pool."""
    trial = size.name == "smoke"
    names = SOME if trial else tuple(name for name in STRATEGIES if serves(name, size.head) and name not in SLOW)
    rivals = tuple(name for name in (RANDOM, *RIVALS) if name in names)
    others = tuple(name for name in names if name != SEES)
    seen, few = size.seen, tuple(name for name in size.seen if name != "digits")
    grids = [grid for name in seen for grid in _usual(size, name, names, rivals)]
    claims = {
        "on each data set, Uncertainty Herding is better for a linear head than Random and each expert of the paper": [
            _duel(size, name, rival) for rival in rivals for name in seen
        ],
        "over all data sets, Uncertainty Herding is better for a linear head on average than each other strategy": [
            _pooled(size, rival) for rival in others
        ],
    }
    if not trial:
        for acquisition, last in ((SMALL, size.head.shape.cycle.labeling_budget), (LARGE, BUDGET)):
            sizes = {"acquisition_size": acquisition, "labeling_budget": last}
            grids += [fitting(_scale(size, name).runs(name, SOME, pools=("whole",), **sizes)) for name in seen]
            claims[f"the same in acquisitions of {acquisition}"] = [_pooled(size, r, acquisition) for r in SOME[:-1]]
        tenth = [_scale(size, name).runs(name, (SEES,), subset_size=FEWER) for name in few]
        grids += [_twice(grid) for grid in tenth]
        claims["Uncertainty Herding chooses better for a linear head from the whole pool than from a tenth of it"] = [
            larger(_scale(size, name), name, _curve(size, name, SEES), FEWER) for name in few
        ]
    return Experiment(
        name="heads",
        title="Linear heads: is Uncertainty Herding the best choice for them?",
        claim="nothing about linear heads.",
        grids=tuple(grids),
        claims=tuple(Claim("heads", text, "better", tuple(contests)) for text, contests in claims.items()),
        ranked=True,
    )


def _scale(size: Size, target: str) -> Scale:
    """Heads on patches; features are what they are."""
    if target not in size.seen_images:
        return size.head
    return replace(size.head, shape=replace(size.head.shape, embeddings=BUILT_IN))


def _usual(size: Size, target: str, names: Sequence[str], rivals: Sequence[str]) -> list[GridConfig]:
    """The runs in acquisitions of the usual size; on features, which cost most, some have fewer seeds."""
    grid = fitting(_scale(size, target).runs(target, names, pools=("whole",)))
    if target in size.seen_images:
        return [_twice(grid)]
    twice = (*rivals, SEES)
    once = tuple(name for name in names if name not in twice)
    return [_twice(replace(grid, strategies=twice)), replace(grid, strategies=once)]


def _twice(grid: GridConfig) -> GridConfig:
    return replace(grid, seeds=2 * grid.seeds)


def _curve(size: Size, target: str, name: str, acquisition: int | None = None) -> Curve:
    found = of_whole(_scale(size, target), target, name)
    found = replace(found, view=PATCHES) if target in size.seen_images else found
    return found if acquisition is None else replace(found, acquisition_size=acquisition)


def _duel(size: Size, target: str, rival: str) -> Contest:
    sides = ((1, _curve(size, target, SEES)),), ((1, _curve(size, target, rival)),)
    return Contest(size.head.on(target), SEES, rival, sides)


def _pooled(size: Size, rival: str, acquisition: int | None = None) -> Contest:
    return on_average(SEES, rival, lambda name: [_curve(size, target, name, acquisition) for target in size.seen])
