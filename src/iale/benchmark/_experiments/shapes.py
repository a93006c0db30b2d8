"""Not in the paper: is a geometry of patches better than one of pixels, for images without a pretrained network?"""

from __future__ import annotations

from dataclasses import replace

from iale.benchmark._experiment import RANDOM, Claim, Contest, Curve, Experiment
from iale.benchmark._experiments.geometry import SEES, fitting, of_whole
from iale.benchmark._sizes import Scale, Size
from iale.benchmark._views import BUILT_IN, RECORDED
from iale.benchmark.grid import GridConfig

PATCHES = RECORDED[BUILT_IN]
LEADING = (RANDOM, "margin", "badge", "typiclust", "alfamix", "bait", "maxherding", SEES)


def shapes(size: Size) -> Experiment:
    """Linear heads on patches and on pixels, and MLPs that are asked in the one geometry or the other."""
    head, mlp = size.head, size.fresh
    of_patches = replace(head, shape=replace(head.shape, embeddings=BUILT_IN))
    by_patches = replace(mlp, shape=replace(mlp.shape, geometry=BUILT_IN))
    grids = []
    for name in size.seen_images:
        grids += [_whole(of_patches, name, LEADING), _whole(head, name, (SEES,))]
        grids += [_whole(by_patches, name, (SEES,)), _whole(mlp, name, (SEES,))]
    unseen = size.targets[1:]  # the form of patches was chosen on the others
    learns = tuple(_contest(head, name, counts=name in unseen) for name in size.seen_images)
    asks = tuple(_contest(mlp, name) for name in size.seen_images)
    return Experiment(
        name="shapes",
        title="Patches or pixels: the built-in geometry of images",
        claim="nothing about a geometry.",
        grids=tuple(grids),
        claims=(
            Claim("shapes", "a linear head on patches is better than one on pixels", "better", learns),
            Claim(
                "shapes", "an MLP that is asked by patches is as good as one that is asked by pixels", "as good", asks
            ),
        ),
    )


def _whole(scale: Scale, target: str, strategies: tuple[str, ...]) -> GridConfig:
    return fitting(scale.runs(target, strategies, pools=("whole",)))


def _contest(scale: Scale, target: str, *, counts: bool = True) -> Contest:
    pixels: Curve = of_whole(scale, target, SEES)
    sides = ((1, replace(pixels, view=PATCHES)),), ((1, pixels),)
    return Contest(scale.on(target), "patches", "pixels", sides, counts)
