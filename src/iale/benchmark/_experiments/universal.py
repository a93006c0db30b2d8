"""Not in the paper: a universal policy against every strategy, on families of data sets that it has not seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from iale.benchmark._experiment import RANDOM, RIVALS, Claim, Contest, Curve, Experiment, Side
from iale.benchmark._experiments.geometry import FEW, SLOW, larger, serves
from iale.benchmark._sizes import Scale, Size
from iale.benchmark.grid import GridConfig
from iale.dagger.universal._family import family_of
from iale.dagger.universal.config import UniversalConfig
from iale.strategies.catalog import STRATEGIES

ACQUISITIONS, BUDGET, SMALLER = (5, 10, 50), 300, 700
"""Labels between two fits; the last number of labels; candidates of the pool a tenth as large."""
BASE = "uherding"


def universal(size: Size) -> Experiment:
    """Each family of data sets is chosen from by a policy that was trained without it."""
    scales = {size.head: size.seen, size.fresh: size.seen, size.small: size.seen_images}
    if size.name == "smoke":  # networks take minutes, even small ones
        scales = {size.head: size.seen}
    places = [(scale, target) for scale, targets in scales.items() for target in targets]
    families = dict.fromkeys(family_of(target) for _, target in places)
    lessons = {name_of(family): replace(lessons_of(size), held_out=(family,)) for family in families}
    rivals = [name for name in dict.fromkeys((RANDOM, "margin", *RIVALS)) if name in _names(size)]
    return Experiment(
        name="universal",
        title="A universal policy against every strategy",
        claim="nothing: it trains one policy for each data set and classifier.",
        grids=tuple(grid for place in places for grid in _grids(*place, size)),
        policies=lessons,
        claims=(
            Claim(
                "universal",
                "(a) on each data set, the policy is better than Random, Margin, and each expert of the paper",
                "better",
                tuple(c for rival in rivals for scale, target in places for c in _duels(scale, target, rival, size)),
            ),
            Claim(
                "universal",
                "(b) over all data sets and classifiers, the policy is better on average than each single strategy",
                "better",
                tuple(_pooled(rival, places, size) for rival in _names(size)),
            ),
            Claim(
                "universal",
                "(c) on each data set, the policy is as good as Uncertainty Herding",
                "as good",
                tuple(c for scale, target in places for c in _duels(scale, target, BASE, size)),
            ),
            Claim(
                "universal",
                "(d) the policy chooses better from the whole pool than from a tenth of it",
                "better",
                tuple(_larger(scale, target, size) for scale, target in places),
            ),
        ),
        ranked=True,
    )


def name_of(family: str) -> str:
    """The name of the policy that was trained without a family."""
    return f"universal-without-{family}"


def lessons_of(size: Size) -> UniversalConfig:
    """How the policies are trained."""
    if size.name == "smoke":
        small = UniversalConfig(sources=("digits", "fashion-small"), states=10, states_per_task=1, rounds=1)
        return replace(small, proposals=12, redraws=2, scoring_size=100)
    return UniversalConfig()


def _names(size: Size) -> tuple[str, ...]:
    """Every strategy that can choose from a whole pool."""
    return FEW if size.name == "smoke" else tuple(name for name in STRATEGIES if name not in SLOW)


def _grids(scale: Scale, target: str, size: Size) -> list[GridConfig]:
    """The whole pool at each size of acquisition, and a tenth of it for the policy alone."""
    own = name_of(family_of(target))
    names = (own, *(name for name in _names(size) if serves(name, scale)))
    budget = scale.shape.cycle.labeling_budget if size.name == "smoke" else BUDGET
    whole = scale.runs(target, names, pools=("whole",), labeling_budget=budget)
    wide = [replace(whole, cycle=replace(whole.cycle, acquisition_size=k)) for k in _sizes(size)]
    few = scale.runs(target, (RANDOM, own), labeling_budget=budget, subset_size=_tenth(size))
    seeds = scale.shape.seeds if size.name == "smoke" else max(20, scale.shape.seeds)
    return [replace(grid, seeds=seeds) for grid in (*wide, few)]


def _sizes(size: Size) -> tuple[int, ...]:
    return ACQUISITIONS[:2] if size.name == "smoke" else ACQUISITIONS


def _tenth(size: Size) -> int:
    return 20 if size.name == "smoke" else SMALLER


def _curve(scale: Scale, target: str, strategy: str, acquisition: int) -> Curve:
    return replace(scale.curve(target, strategy), acquisition_size=acquisition, subset_size=None, pool="whole")


def _duels(scale: Scale, target: str, rival: str, size: Size) -> list[Contest]:
    """The policy against a strategy, for each size of acquisition."""
    if not serves(rival, scale):
        return []
    own = name_of(family_of(target))
    return [
        Contest(
            f"{scale.on(target)}, acquisitions of {k}",
            own,
            rival,
            (((1, _curve(scale, target, own, k)),), ((1, _curve(scale, target, rival, k)),)),
        )
        for k in _sizes(size)
    ]


def _pooled(rival: str, places: Sequence[tuple[Scale, str]], size: Size) -> Contest:
    """The mean over all places that can serve the rival, seed by seed."""
    served = [(scale, target, k) for scale, target in places if serves(rival, scale) for k in _sizes(size)]
    share = 1 / len(served)

    def side(name: str | None) -> Side:
        return tuple((share, _curve(s, t, name or name_of(family_of(t)), k)) for s, t, k in served)

    return Contest("the mean over all", "universal", rival, (side(None), side(rival)))


def _larger(scale: Scale, target: str, size: Size) -> Contest:
    whole = _curve(scale, target, name_of(family_of(target)), scale.shape.cycle.acquisition_size)
    return larger(scale, target, whole, _tenth(size))
