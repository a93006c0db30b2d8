"""Not in the paper: for networks, is what they probably get wrong a better guide than what they are unsure about?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from iale.benchmark._experiment import RANDOM, RIVALS, Claim, Contest, Curve, Experiment
from iale.benchmark._experiments.geometry import SEES, SLOW, fitting, larger, of_whole, on_average
from iale.benchmark._sizes import Scale, Size
from iale.benchmark._views import BUILT_IN, RECORDED
from iale.benchmark.grid import GridConfig
from iale.benchmark.records import PoolName
from iale.strategies.base import Need
from iale.strategies.catalog import STRATEGIES

DOUBTS = "eherding"
SOME = (RANDOM, "margin", "badge", "maxherding", SEES, DOUBTS)
"""What a CNN is asked by."""
LARGE, BUDGET = 50, 320
"""Samples of a large acquisition, and labels at the end of runs with such."""
BESIDE, FOLLOWED = (SEES, "maxherding", "typiclust", "bait", "margin", "badge"), 3
"""Who is also asked in every state of some runs, which show whom Error Herding follows; seeds of these runs."""
FEWER = 700
"""Candidates of the pool that is a tenth as large; the digits are too few for both."""


def networks(size: Size) -> Experiment:
    """MLPs and CNNs on the whole pool; strategies that compare samples do so in the built-in geometry."""
    few = size.name == "smoke"  # a trial of the code alone
    mlp, cnn = size.fresh if few else _twice(size.fresh), size.small
    names, images = _names(size), () if few else size.seen_images
    wide, large = ((), ()) if few else (size.seen, tuple(name for name in size.seen if name != "digits"))
    last = max(BUDGET, mlp.shape.cycle.labeling_budget)
    grids = [grid for name in size.seen for grid in _grids(mlp, name, names)]
    grids += [_herd(size.fresh, name, acquisition_size=LARGE, labeling_budget=last) for name in wide]
    grids += [_herd(mlp, name, (DOUBTS,), ("subset",), subset_size=FEWER) for name in large]
    grids += [replace(_herd(mlp, name, (DOUBTS,)), beside=BESIDE, seeds=FOLLOWED) for name in wide]
    grids += [grid for name in images for grid in _grids(cnn, name, SOME)]
    decide = (size.mnist, size.features, "digits")  # the form was chosen on these
    duels = [_duel(mlp, name, SEES, counts=name not in decide) for name in size.seen]
    duels += [_duel(mlp, name, SEES, counts=name not in decide, wide=True) for name in wide]
    duels += [_duel(cnn, name, SEES, counts=name not in decide) for name in images]
    rivals = [name for name in (RANDOM, *RIVALS) if name in names]
    sure = [_duel(mlp, name, rival) for rival in rivals for name in size.seen]
    mean = [_pooled(mlp, size.seen, rival) for rival in names if rival != DOUBTS]
    claims = {
        "for networks, Error Herding is better than Uncertainty Herding": duels,
        "on each data set, Error Herding is better for an MLP than Random, Margin, and each expert of the paper": sure,
        "over all data sets, Error Herding is better for an MLP on average than each single strategy": mean,
    }
    if large:
        gains = [larger(mlp, name, _curve(mlp, name, DOUBTS), FEWER) for name in large]
        claims["Error Herding chooses better for an MLP from the whole pool than from a tenth of it"] = gains
    return Experiment(
        name="networks",
        title="Networks: what they are unsure about, or what they probably get wrong",
        claim="nothing about a second opinion.",
        grids=tuple(grids),
        claims=tuple(Claim("networks", text, "better", tuple(contests)) for text, contests in claims.items()),
        ranked=True,
    )


def _names(size: Size) -> tuple[str, ...]:
    """Every strategy that can choose from a whole pool."""
    return (RANDOM, SEES, DOUBTS) if size.name == "smoke" else tuple(name for name in STRATEGIES if name not in SLOW)


def _compares(name: str) -> bool:
    return Need.GEOMETRY in STRATEGIES[name]().needs


def _twice(scale: Scale) -> Scale:
    """With as many seeds again: of 48 comparisons that are corrected together, ten seeds could decide none."""
    return replace(scale, shape=replace(scale.shape, seeds=2 * scale.shape.seeds))


def _by_patches(scale: Scale) -> Scale:
    return replace(scale, shape=replace(scale.shape, geometry=BUILT_IN))


def _grids(scale: Scale, target: str, names: Sequence[str]) -> list[GridConfig]:
    """One for what sees the pool, and one for what does not, whose runs are those of the experiment `geometry`."""
    seeing, blind = (tuple(name for name in names if _compares(name) == sees) for sees in (True, False))
    runs = (_by_patches(scale).runs(target, seeing, pools=("whole",)), scale.runs(target, blind, pools=("whole",)))
    return [fitting(grid) for grid in runs]


def _herd(
    scale: Scale,
    target: str,
    names: Sequence[str] = (SEES, DOUBTS),
    pools: tuple[PoolName, ...] = ("whole",),
    **cycle: int,
) -> GridConfig:
    """Forms of herding; ``cycle`` changes sizes of the loop."""
    return fitting(_by_patches(scale).runs(target, names, pools=pools, **cycle))


def _curve(scale: Scale, target: str, name: str, *, wide: bool = False) -> Curve:
    found = of_whole(scale, target, name)
    found = replace(found, view=RECORDED[BUILT_IN]) if _compares(name) else found
    return replace(found, acquisition_size=LARGE) if wide else found


def _duel(scale: Scale, target: str, rival: str, *, counts: bool = True, wide: bool = False) -> Contest:
    own, other = (((1, _curve(scale, target, name, wide=wide)),) for name in (DOUBTS, rival))
    where = f"{scale.on(target)}, acquisitions of {LARGE if wide else scale.shape.cycle.acquisition_size}"
    return Contest(where, DOUBTS, rival, (own, other), counts)


def _pooled(scale: Scale, targets: Sequence[str], rival: str) -> Contest:
    return on_average(DOUBTS, rival, lambda name: [_curve(scale, target, name) for target in targets])
