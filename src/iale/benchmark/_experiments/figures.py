"""Figures 3 to 10 without 5c, and the running times: other data sets, other settings, other classifiers."""

from __future__ import annotations

from dataclasses import replace

from iale.benchmark._experiment import (
    HEURISTICS,
    RANDOM,
    REFERENCES,
    RIVALS,
    Claim,
    Contest,
    Experiment,
    ShareClaim,
    Side,
    TimeClaim,
)
from iale.benchmark._sizes import PolicyConfig, Scale, Size
from iale.benchmark.records import PoolName

ACQUISITIONS = (1, 2, 5, 10, 20, 40)
SUB_POOLS = (10, 20, 50, 100, 200, 400, 1000, 2000, 10_000)
USUAL, MUCH_LARGER = 10, 1000  # the paper's acquisition size, and sub-pools much larger than its 100 samples


def fig3(size: Size) -> Experiment:
    """The main comparison; the paper's size also plays it on the whole pool, which only `fig8` affords elsewhere."""
    scale, own, alil = size.main, size.main.own(size.mnist), size.main.alil_policies(size.mnist)
    policies: dict[str, PolicyConfig] = {own: scale.policy(size.mnist), **alil}
    pools: tuple[PoolName, ...] = ("subset", "whole") if size.name == "paper" else ("subset",)
    against_rivals = size.duels(scale, own, RIVALS)
    return Experiment(
        name="fig3",
        title="Figure 3: a policy from MNIST against eight baselines",
        claim="IALE, trained on MNIST, is better than or on a par with every baseline on MNIST, Fashion-MNIST and "
        "KMNIST.",
        grids=tuple(scale.runs(target, (*policies, *HEURISTICS), pools=pools) for target in size.targets),
        policies=policies,
        claims=(
            Claim("fig3", "IALE is better than Random", "better", size.duels(scale, own, [RANDOM])),
            Claim("fig3", "IALE is as good as every heuristic", "as good", against_rivals),
            Claim("fig3", "IALE is better than every heuristic", "better", against_rivals),
            Claim("fig3", "IALE is better than ALIL", "better", size.duels(scale, own, list(alil)), method=True),
        ),
    )


def fig4(size: Size) -> Experiment:
    scale, own = size.grid, size.grid.own(size.mnist)
    text = "the policy shares no more than about half of its choices with any single heuristic"
    curves = tuple(replace(scale.curve(target, own), beside=True) for target in size.targets)
    return Experiment(
        name="fig4",
        title="Figures 4 and 6: overlap of the policy's choices with each heuristic's",
        claim="The policy resembles different heuristics at different stages, and chooses about half of the samples "
        "differently from any single one.",
        figure="overlap",
        grids=tuple(replace(scale.runs(target, (own,)), beside=HEURISTICS) for target in size.targets),
        policies={own: scale.policy(size.mnist)},
        claims=(ShareClaim("fig4", text, curves, RIVALS),),
    )


def fig5a(size: Size) -> Experiment:
    scale, own = size.grid, size.grid.own(size.mnist)
    cycle = scale.shape.cycle
    sizes = [k for k in ACQUISITIONS if k <= cycle.labeling_budget - cycle.initial_size]
    if size.name == "smoke":
        sizes = sizes[2:4]

    def gain(k: int) -> Side:
        ours, random = (replace(scale.curve(size.fashion, name), acquisition_size=k) for name in (own, RANDOM))
        return (1, ours), (-1, random)

    def against_usual(k: int) -> Contest:
        where = scale.on(size.fashion)
        return Contest(where, f"gain with {k}", f"gain with {USUAL}", (gain(k), gain(USUAL)))

    text = "below acquisitions of 10 the size makes no clear difference to the gain over Random"
    return Experiment(
        name="fig5a",
        title="Figures 5a and 11: acquisition sizes from 1 to 40",
        claim="Below 10 samples an acquisition the size makes no clear difference.",
        figure="factor",
        factor="cycle.acquisition_size",
        grids=tuple(scale.runs(size.fashion, (own, *REFERENCES), acquisition_size=k) for k in sizes),
        policies={own: scale.policy(size.mnist)},
        claims=(Claim("fig5a", text, "alike", tuple(against_usual(k) for k in sizes if k < USUAL)),),
    )


def fig5b(size: Size) -> Experiment:
    scale, own = size.grid, size.grid.own(size.mnist)
    sizes = [n for n in SUB_POOLS if n <= (scale.shape.pool_size or n)]
    if size.name == "smoke":
        sizes = sizes[1:3]

    def smaller(n: int) -> Contest:
        usual, large = scale.curve(size.fashion, own), replace(scale.curve(size.fashion, own), subset_size=n)
        where = scale.on(size.fashion)
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


def fig7(size: Size) -> Experiment:
    scale = size.main
    policies = {scale.own(source): scale.policy(source) for source in size.targets}
    names = list(policies)
    pairs = [(first, second) for place, first in enumerate(names) for second in names[place + 1 :]]
    exchanged = tuple(scale.duel(target, *pair) for target in size.targets for pair in pairs)
    return Experiment(
        name="fig7",
        title="Figure 7: policies from three sources",
        claim="Policies from MNIST, Fashion-MNIST and KMNIST are alike: it makes no difference which is source and "
        "target.",
        grids=tuple(scale.runs(target, (*policies, *REFERENCES)) for target in size.targets),
        policies=policies,
        claims=(Claim("fig7", "the source makes no difference", "alike", exchanged, method=True),),
    )


def fig8(size: Size) -> Experiment:
    """Figure 8: other classifiers; with the MLP every heuristic also chooses from the whole pool."""
    mlp, resnet = size.mlp, size.resnet
    small, large = mlp.own(size.mnist), resnet.own(size.mnist)
    learned: dict[str, PolicyConfig] = {small: mlp.policy(size.mnist), **mlp.alil_policies(size.mnist)}
    few = HEURISTICS if size.name == "paper" else (*REFERENCES, "confidence")
    against_random, against_rivals = size.duels(mlp, small, [RANDOM]), size.duels(mlp, small, RIVALS)
    on_resnet = size.duels(resnet, large, [RANDOM, "confidence"], size.residual_targets)
    return Experiment(
        name="fig8",
        title="Figure 8: the MLP and the ResNet-18 as classifiers, on sub-pools and on the whole pool",
        claim="IALE works for classifiers from 2 to 18 layers and still outperforms the baselines.",
        grids=(
            *(mlp.runs(target, (*learned, *HEURISTICS), pools=("subset", "whole")) for target in size.targets),
            *(resnet.runs(target, (large, *few)) for target in size.residual_targets),
        ),
        policies={**learned, large: resnet.policy(size.mnist)},
        claims=(
            Claim("fig8", "with an MLP, IALE is better than Random", "better", against_random),
            Claim("fig8", "with an MLP, IALE is better than every heuristic", "better", against_rivals),
            Claim("fig8", "with a ResNet-18, IALE is better than Random and Confidence", "better", on_resnet),
        ),
    )


def fig9(size: Size) -> Experiment:
    cnn, resnet = size.main, size.resnet
    small, large = cnn.own(size.mnist), resnet.own(size.mnist)
    back = size.residual_targets
    on_cnn, on_resnet = size.duels(cnn, large, [RANDOM]), size.duels(resnet, small, [RANDOM], back)
    return Experiment(
        name="fig9",
        title="Figure 9: a policy that watched a ResNet-18 chooses for a CNN, and back",
        claim="A policy from a ResNet-18 is always among the best on a CNN, whatever the data set.",
        grids=(
            *(cnn.runs(target, (large, small, *REFERENCES)) for target in size.targets),
            *(resnet.runs(target, (small, large, *REFERENCES)) for target in back),
        ),
        policies={small: cnn.policy(size.mnist), large: resnet.policy(size.mnist)},
        claims=(
            Claim(
                "fig9",
                "a policy that watched a ResNet-18 is better than Random on a CNN",
                "better",
                on_cnn,
                method=True,
            ),
            Claim(
                "fig9",
                "a policy that watched a CNN is better than Random on a ResNet-18",
                "better",
                on_resnet,
                method=True,
            ),
        ),
    )


def fig10(size: Size) -> Experiment:
    """Figure 10: color images. Below the paper's size a ResNet learns next to nothing, so a CNN is shown as well."""
    cnn, resnet = size.main, size.resnet
    small, large = cnn.own(size.mnist), resnet.own(size.mnist)
    heuristics: tuple[str, ...] = (*REFERENCES, "confidence")
    scales: tuple[Scale, ...] = (resnet, cnn)
    if size.name == "paper":
        heuristics = HEURISTICS
        cycle = replace(resnet.shape.cycle, labeling_budget=10_000)
        scales = (replace(resnet, shape=replace(resnet.shape, cycle=cycle)),)
    both = " and a CNN" if cnn in scales else ""
    against_random = tuple(scale.duel(size.cifar, name, RANDOM) for scale in scales for name in (small, large))
    return Experiment(
        name="fig10",
        title=f"Figure 10: two policies from MNIST on CIFAR-10 with a ResNet-18{both}",
        claim="IALE is on a par with or better than Random on CIFAR-10, and the other baselines are not.",
        grids=tuple(scale.runs(size.cifar, (small, large, *heuristics)) for scale in scales),
        policies={small: cnn.policy(size.mnist), large: resnet.policy(size.mnist)},
        claims=(Claim("fig10", "on CIFAR-10, IALE is as good as Random or better", "as good", against_random),),
    )


def runtime(size: Size) -> Experiment:
    scale, own = size.main, size.main.own(size.mnist)
    ours, random = (scale.curve(size.fashion, name) for name in (own, RANDOM))
    runs = scale.runs(size.fashion, (own, *HEURISTICS))
    text = "a run with IALE takes about 1.05 times as long as one with Random"
    return Experiment(
        name="runtime",
        title="Section A.3.3: seconds of a run, as ratios to Random",
        claim="IALE costs 1.055 times a run with Random, BADGE 1.23, MC-Dropout 1.48, Ensemble 5.05.",
        figure="times",
        grids=(replace(runs, seeds=min(5, runs.seeds)),),
        policies={own: scale.policy(size.mnist)},
        claims=(TimeClaim("runtime", text, ours, random),),
    )
