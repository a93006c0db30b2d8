"""Not in the paper: for networks, is what they probably get wrong a better guide than what they are unsure about?"""

from __future__ import annotations

from dataclasses import replace

from iale.benchmark._experiment import RANDOM, Claim, Contest, Experiment
from iale.benchmark._experiments.geometry import SEES, fitting, of_whole
from iale.benchmark._sizes import Scale, Size
from iale.benchmark._views import BUILT_IN, RECORDED
from iale.benchmark.grid import GridConfig

DOUBTS = "eherding"
BLIND = (RANDOM, "margin", "badge")


def networks(size: Size) -> Experiment:
    """MLPs and CNNs on the whole pool, compared in the built-in geometry."""
    mlp, cnn = _by_patches(size.fresh), _by_patches(size.small)
    grids = [_whole(mlp, name, (SEES, DOUBTS)) for name in size.seen]
    grids += [_whole(cnn, name, (*BLIND, SEES, DOUBTS)) for name in size.seen_images]
    decide = (size.mnist, size.features, "digits")  # the form was chosen on these
    duels = tuple(
        _duel(scale, name, counts=name not in decide)
        for scale, names in ((mlp, size.seen), (cnn, size.seen_images))
        for name in names
    )
    return Experiment(
        name="networks",
        title="Networks: what they are unsure about, or what they probably get wrong",
        claim="nothing about a second opinion.",
        grids=tuple(grids),
        claims=(Claim("networks", "for networks, Error Herding is better than Uncertainty Herding", "better", duels),),
    )


def _by_patches(scale: Scale) -> Scale:
    return replace(scale, shape=replace(scale.shape, geometry=BUILT_IN))


def _whole(scale: Scale, target: str, strategies: tuple[str, ...]) -> GridConfig:
    return fitting(scale.runs(target, strategies, pools=("whole",)))


def _duel(scale: Scale, target: str, *, counts: bool) -> Contest:
    one, other = (
        replace(of_whole(scale, target, name), view=RECORDED[scale.shape.geometry]) for name in (DOUBTS, SEES)
    )
    return Contest(f"{scale.on(target)}, whole pool", DOUBTS, SEES, (((1, one),), ((1, other),)), counts)
