"""Figures 5a and 5b: one policy under other settings of the loop."""

from __future__ import annotations

from iale.benchmark._claims import Claim, Contest, Side
from iale.benchmark._experiment import Experiment
from iale.benchmark._experiments.contests import RANDOM, REFERENCES, curve
from iale.benchmark._scale import Size

ACQUISITIONS = (1, 2, 5, 10, 20, 40)
SUB_POOLS = (10, 20, 50, 100, 200, 400, 1000, 2000, 10_000)
USUAL, MUCH_LARGER = 10, 1000
"""The paper's acquisition size, and sub-pools that are much larger than its 100 samples."""


def fig5a(size: Size) -> Experiment:
    """Figures 5a and 11a: the acquisition size."""
    scale, own = size.grid, size.grid.own(size.mnist)
    sizes = [k for k in ACQUISITIONS if k <= scale.cycle.labeling_budget - scale.cycle.initial_size]
    if size.name == "smoke":
        sizes = sizes[2:4]

    def gain(k: int) -> Side:
        ours, random = (curve(scale, size.fashion, name, acquisition_size=k) for name in (own, RANDOM))
        return (1, ours), (-1, random)

    where, text = (
        f"{size.fashion}, {scale.classifier}",
        "below acquisitions of 10 the size makes no clear difference to the gain over Random",
    )
    gains = tuple(
        Contest(where, f"gain with {k}", f"gain with {USUAL}", (gain(k), gain(USUAL))) for k in sizes if k < USUAL
    )
    return Experiment(
        name="fig5a",
        title="Figures 5a and 11: acquisition sizes from 1 to 40",
        claim="Below 10 samples an acquisition the size makes no clear difference.",
        figure="factor",
        factor="cycle.acquisition_size",
        grids=tuple(scale.runs(size.fashion, (own, *REFERENCES), acquisition_size=k) for k in sizes),
        policies={own: scale.policy(size.mnist)},
        claims=(Claim("fig5a", text, "alike", gains),),
    )


def fig5b(size: Size) -> Experiment:
    """Figures 5b and 11b: the sub-pool."""
    scale, own = size.grid, size.grid.own(size.mnist)
    sizes = [n for n in SUB_POOLS if n <= (scale.pool_size or n)]
    if size.name == "smoke":
        sizes = sizes[1:3]

    def smaller(n: int) -> Contest:
        usual, large = curve(scale, size.fashion, own), curve(scale, size.fashion, own, subset_size=n)
        where = f"{size.fashion}, {scale.classifier}"
        return Contest(where, "sub-pool of 100", f"sub-pool of {n}", (((1, usual),), ((1, large),)))

    text = "the policy chooses better from 100 samples than from 1,000 and more"
    return Experiment(
        name="fig5b",
        title="Figure 5b: sub-pools from 10 to 10,000 samples, for the policy and for heuristics alike",
        claim="IALE needs a sub-pool that suits the acquisition size; much larger ones make it worse.",
        figure="factor",
        factor="cycle.subset_size",
        grids=tuple(scale.runs(size.fashion, (own, *REFERENCES, "badge", "coreset"), subset_size=n) for n in sizes),
        policies={own: scale.policy(size.mnist)},
        claims=(Claim("fig5b", text, "better", tuple(smaller(n) for n in sizes if n >= MUCH_LARGER)),),
    )
