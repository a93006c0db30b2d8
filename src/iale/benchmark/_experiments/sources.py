"""Figures 3, 4, 6 and 7, and the running times: policies from one data set that choose on others."""

from __future__ import annotations

from iale.benchmark._claims import Claim, ShareClaim, TimeClaim
from iale.benchmark._experiment import Experiment
from iale.benchmark._experiments.contests import HEURISTICS, RANDOM, REFERENCES, RIVALS, curve, duel, duels
from iale.benchmark._scale import PolicyConfig, Size
from iale.benchmark.records import PoolName


def fig3(size: Size) -> Experiment:
    """The main comparison; the paper's size also plays it on the whole pool, which only `fig8` affords elsewhere."""
    scale, own, alil = size.main, size.main.own(size.mnist), size.main.alil_policies(size.mnist)
    policies: dict[str, PolicyConfig] = {own: scale.policy(size.mnist), **alil}
    pools: tuple[PoolName, ...] = ("subset", "whole") if size.name == "paper" else ("subset",)
    against_rivals = tuple(duels(size, scale, own, RIVALS))
    return Experiment(
        name="fig3",
        title="Figure 3: a policy from MNIST against eight baselines",
        claim="IALE, trained on MNIST, is better than or on a par with every baseline on MNIST, Fashion-MNIST and "
        "KMNIST.",
        figure="curves",
        grids=tuple(scale.runs(target, (*policies, *HEURISTICS), pools=pools) for target in size.targets),
        policies=policies,
        claims=(
            Claim("fig3", "IALE is better than Random", "better", tuple(duels(size, scale, own, [RANDOM]))),
            Claim("fig3", "IALE is as good as every heuristic", "as good", against_rivals),
            Claim("fig3", "IALE is better than every heuristic", "better", against_rivals),
            Claim("fig3", "IALE is better than ALIL", "better", tuple(duels(size, scale, own, list(alil)))),
        ),
    )


def fig4(size: Size) -> Experiment:
    """Figures 4 and 6: which heuristics the policy resembles, and when."""
    scale, own = size.grid, size.grid.own(size.mnist)
    text = "the policy shares no more than about half of its choices with any single heuristic"
    curves = tuple(curve(scale, target, own, beside=True) for target in size.targets)
    return Experiment(
        name="fig4",
        title="Figures 4 and 6: overlap of the policy's choices with each heuristic's",
        claim="The policy resembles different heuristics at different stages, and chooses about half of the samples "
        "differently from any single one.",
        figure="overlap",
        grids=tuple(scale.runs(target, (own,), beside=HEURISTICS) for target in size.targets),
        policies={own: scale.policy(size.mnist)},
        claims=(ShareClaim("fig4", text, curves, RIVALS),),
    )


def fig7(size: Size) -> Experiment:
    """Figure 7: the source."""
    scale = size.main
    policies = {scale.own(source): scale.policy(source) for source in size.targets}
    names = list(policies)
    pairs = [(first, second) for place, first in enumerate(names) for second in names[place + 1 :]]
    exchanged = tuple(duel(scale, target, *pair) for target in size.targets for pair in pairs)
    return Experiment(
        name="fig7",
        title="Figure 7: policies from three sources",
        claim="Policies from MNIST, Fashion-MNIST and KMNIST are alike: it makes no difference which is source and "
        "target.",
        figure="curves",
        grids=tuple(scale.runs(target, (*policies, *REFERENCES)) for target in size.targets),
        policies=policies,
        claims=(Claim("fig7", "the source makes no difference", "alike", exchanged),),
    )


def runtime(size: Size) -> Experiment:
    """Section A.3.3: what a run costs."""
    scale, own = size.main, size.main.own(size.mnist)
    ours, random = (curve(scale, size.fashion, name) for name in (own, RANDOM))
    text = "a run with IALE takes about 1.05 times as long as one with Random"
    return Experiment(
        name="runtime",
        title="Section A.3.3: seconds of a run, as ratios to Random",
        claim="IALE costs 1.055 times a run with Random, BADGE 1.23, MC-Dropout 1.48, Ensemble 5.05.",
        figure="times",
        grids=(scale.runs(size.fashion, (own, *HEURISTICS), seeds=5),),
        policies={own: scale.policy(size.mnist)},
        claims=(TimeClaim("runtime", text, ours, random),),
    )
