"""Every experiment of the paper as a bench, and the controls that it lacks.

For each, the runs that settle its claim: all strategies of one figure are paired, on the same sub-pools. Runs that two
figures share are the same runs, and are played once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from iale.benchmark.bench import Bench, PolicyConfig, Scale
from iale.benchmark.config import PoolName
from iale.benchmark.sizes import Size
from iale.dagger.config import EXPERTS
from iale.policies.state import StateConfig
from iale.strategies.catalog import STRATEGIES

HEURISTICS = tuple(STRATEGIES)
REFERENCES = ("random", "margin")
"""What every policy is compared with: nothing, and the heuristic that is hardest to beat."""

ACQUISITIONS = (1, 2, 5, 10, 20, 40)
SUB_POOLS = (10, 20, 50, 100, 200, 400, 1000, 2000, 10_000)


def fig3(size: Size) -> Bench:
    """The main comparison; at the paper's size on the whole pool, too, which at the others only `fig8` affords."""
    scale, name = size.main, size.main.own(size.mnist)
    pools: tuple[PoolName, ...] = ("subset", "whole") if size.name == "paper" else ("subset",)
    policies: dict[str, PolicyConfig] = {name: scale.policy(size.mnist), **_alil(size.mnist, scale)}
    return Bench(
        "fig3",
        "Figure 3: a policy from MNIST against eight baselines",
        "IALE, trained on MNIST, is better than or on a par with every baseline on MNIST, Fashion-MNIST and KMNIST.",
        "curves",
        tuple(scale.runs(target, (*policies, *HEURISTICS), pools=pools) for target in size.targets),
        policies,
    )


def fig4(size: Size) -> Bench:
    """Figures 4 and 6: whom the policy resembles, and when."""
    scale, name = size.grid, size.grid.own(size.mnist)
    grids = tuple(scale.runs(target, (name,), beside=HEURISTICS) for target in size.targets)
    return Bench(
        "fig4",
        "Figures 4 and 6: overlap of the policy's choices with each heuristic's",
        "The policy resembles different heuristics at different stages, and chooses about half of the samples "
        "differently from any single one.",
        "overlap",
        grids,
        {name: scale.policy(size.mnist)},
    )


def fig5a(size: Size) -> Bench:
    """Figures 5a and 11a: the acquisition size."""
    scale, name = size.grid, size.grid.own(size.mnist)
    sizes = [k for k in ACQUISITIONS if k <= scale.cycle.labeling_budget - scale.cycle.initial_size]
    if size.name == "smoke":
        sizes = sizes[2:4]
    return Bench(
        "fig5a",
        "Figures 5a and 11: acquisition sizes from 1 to 40",
        "Below 10 samples an acquisition the size makes no clear difference.",
        "factor",
        tuple(scale.runs(size.fashion, (name, *REFERENCES), acquisition_size=k) for k in sizes),
        {name: scale.policy(size.mnist)},
        "cycle.acquisition_size",
    )


def fig5b(size: Size) -> Bench:
    """Figures 5b and 11b: the sub-pool."""
    scale, name = size.grid, size.grid.own(size.mnist)
    sizes = [n for n in SUB_POOLS if n <= (scale.pool_size or n)]
    if size.name == "smoke":
        sizes = sizes[1:3]
    return Bench(
        "fig5b",
        "Figure 5b: sub-pools from 10 to 10,000 samples, for the policy and for heuristics alike",
        "IALE needs a sub-pool that suits the acquisition size; much larger ones make it worse.",
        "factor",
        tuple(scale.runs(size.fashion, (name, *REFERENCES, "badge", "coreset"), subset_size=n) for n in sizes),
        {name: scale.policy(size.mnist)},
        "cycle.subset_size",
    )


def fig5c(size: Size) -> Bench:
    """Figures 5c and 12: leave one expert out."""
    scale, name = size.wide, size.wide.own(size.mnist)
    policies: dict[str, PolicyConfig] = {name: scale.policy(size.mnist)}
    for expert in EXPERTS:
        others = tuple(other for other in EXPERTS if other != expert)
        policies[f"{name}-without-{expert}"] = scale.policy(size.mnist, experts=others)
    return _of_policies(
        size,
        "fig5c",
        "Figures 5c and 12: policies with one expert left out",
        "The full set of experts is consistently among the best.",
        policies,
    )


def fig7(size: Size) -> Bench:
    """Figure 7: the source."""
    scale = size.main
    policies: dict[str, PolicyConfig] = {scale.own(source): scale.policy(source) for source in size.targets}
    return Bench(
        "fig7",
        "Figure 7: policies from three sources",
        "Policies from MNIST, Fashion-MNIST and KMNIST are alike: it makes no difference which is source and target.",
        "curves",
        tuple(scale.runs(target, (*policies, *REFERENCES)) for target in size.targets),
        policies,
    )


def fig8(size: Size) -> Bench:
    """Figure 8: other classifiers; with the MLP every heuristic also on the whole pool."""
    mlp, resnet = size.mlp, size.resnet
    small, large = mlp.own(size.mnist), resnet.own(size.mnist)
    policies: dict[str, PolicyConfig] = {small: mlp.policy(size.mnist), **_alil(size.mnist, mlp)}
    grids = [mlp.runs(target, (*policies, *HEURISTICS), pools=("subset", "whole")) for target in size.targets]
    policies[large] = resnet.policy(size.mnist)
    few = (large, "random", "margin", "confidence")
    residual = size.targets if size.name == "paper" else (size.fashion,)
    grids += [resnet.runs(target, (large, *HEURISTICS) if size.name == "paper" else few) for target in residual]
    return Bench(
        "fig8",
        "Figure 8: the MLP and the ResNet-18 as classifiers, on sub-pools and on the whole pool",
        "IALE works for classifiers from 2 to 18 layers and still outperforms the baselines.",
        "curves",
        tuple(grids),
        policies,
    )


def fig9(size: Size) -> Bench:
    """Figure 9: from one classifier to another."""
    cnn, resnet = size.main, size.resnet
    small, large = cnn.own(size.mnist), resnet.own(size.mnist)
    back = size.targets if size.name == "paper" else (size.fashion,)
    return Bench(
        "fig9",
        "Figure 9: a policy that watched a ResNet-18 chooses for a CNN, and back",
        "A policy from a ResNet-18 is always among the best on a CNN, whatever the data set.",
        "curves",
        (
            *(cnn.runs(target, (large, small, *REFERENCES)) for target in size.targets),
            *(resnet.runs(target, (small, large, *REFERENCES)) for target in back),
        ),
        {small: cnn.policy(size.mnist), large: resnet.policy(size.mnist)},
    )


def fig10(size: Size) -> Bench:
    """Figure 10: color images. Below the paper's size a ResNet learns next to nothing, so the CNN stands beside it."""
    cnn, resnet = size.main, size.resnet
    small, large = cnn.own(size.mnist), resnet.own(size.mnist)
    heuristics = HEURISTICS if size.name == "paper" else (*REFERENCES, "confidence")
    if size.name == "paper":
        resnet = replace(resnet, cycle=replace(resnet.cycle, labeling_budget=10_000))
    scales = (resnet,) if size.name == "paper" else (resnet, cnn)
    return Bench(
        "fig10",
        "Figure 10: two policies from MNIST on CIFAR-10 with a ResNet-18" + (" and a CNN" if cnn in scales else ""),
        "IALE is on a par with or better than Random on CIFAR-10, and the other baselines are not.",
        "curves",
        tuple(scale.runs(size.cifar, (small, large, *heuristics)) for scale in scales),
        {small: cnn.policy(size.mnist), large: resnet.policy(size.mnist)},
    )


def fig13(size: Size) -> Bench:
    """Figure 13: what the state holds; at the paper's size with each set of experts."""
    scale, name = size.wide, size.wide.own(size.mnist)
    states = {"no-predictions": StateConfig(prediction=False), "no-gradients": StateConfig(gradient=False)}
    policies: dict[str, PolicyConfig] = {name: scale.policy(size.mnist)}
    for label, state in states.items():
        policies[f"{name}-{label}"] = scale.policy(size.mnist, state=state)
        for expert in EXPERTS if size.name == "paper" else ():
            others = tuple(other for other in EXPERTS if other != expert)
            policies[f"{name}-{label}-without-{expert}"] = scale.policy(size.mnist, state=state, experts=others)
    return _of_policies(
        size,
        "fig13",
        "Figure 13: policies whose state lacks predictions, or gradients",
        "Without gradients policies are worse; without predictions hardly.",
        policies,
    )


def schedule(size: Size) -> Bench:
    """Section A.2.1: who acts while the policy learns."""
    scale, name = size.wide, size.wide.own(size.mnist)
    return _of_policies(
        size,
        "schedule",
        "Section A.2.1: a fixed and an exponential schedule of DAgger",
        "The fixed schedule transfers better than the exponential one, by a small margin.",
        {
            name: scale.policy(size.mnist),
            f"{name}-exponential": scale.policy(size.mnist, schedule="exponential"),
        },
    )


def controls(size: Size) -> Bench:
    """What the paper does not ask: does imitation matter, do several experts, and what could be gained at most?"""
    scale, name = size.wide, size.wide.own(size.mnist)
    scale = replace(scale, pool_size=scale.pool_size or 50_000)  # oracles score on what is left
    policies: dict[str, PolicyConfig] = {
        name: scale.policy(size.mnist),
        f"{name}-random-expert": scale.policy(size.mnist, experts=("random",)),
        f"{name}-one-expert": scale.policy(size.mnist, experts=("ensemble",)),
    }
    strategies = (*policies, *REFERENCES, "ensemble", "best-of-random", "greedy-look-ahead")
    return Bench(
        "controls",
        "Controls: a policy of a random expert, of one expert, and look-ahead with true labels",
        "nothing; it has no such controls.",
        "factor",
        tuple(scale.runs(target, strategies) for target in size.wide_targets),
        policies,
        "strategy",
    )


def episodes(size: Size) -> Bench:
    """What the paper does not ask either: how much of the policy's quality is a matter of how long it learned?"""
    scale, name = size.wide, size.wide.own(size.mnist)
    policies: dict[str, PolicyConfig] = {name: scale.policy(size.mnist)}
    rounds = -(-scale.lessons.episodes // scale.lessons.round_size)  # as many updates, from fewer or more states
    for number in lengths(size):
        policies[f"{name}-{number}-episodes"] = scale.policy(
            size.mnist, episodes=number, round_size=-(-number // rounds)
        )
    return _of_policies(
        size,
        "episodes",
        "Controls: policies that learned from fewer and from more episodes",
        "nothing; its policies learn from 100 episodes each.",
        policies,
    )


def lengths(size: Size) -> tuple[int, int]:
    """Fewer and more episodes than the policies of most figures have: a quarter, and four times as many."""
    return max(1, size.wide.lessons.episodes // 4), 4 * size.wide.lessons.episodes


def runtime(size: Size) -> Bench:
    """Section A.3.3: what a run costs."""
    scale, name = size.main, size.main.own(size.mnist)
    return Bench(
        "runtime",
        "Section A.3.3: seconds of a run, as ratios to Random",
        "IALE costs 1.055 times a run with Random, BADGE 1.23, MC-Dropout 1.48, Ensemble 5.05.",
        "times",
        (scale.runs(size.fashion, (name, *HEURISTICS), seeds=5),),
        {name: scale.policy(size.mnist)},
    )


EXPERIMENTS: dict[str, Callable[[Size], Bench]] = {
    make.__name__: make
    for make in (fig3, fig4, fig5a, fig5b, fig5c, fig7, fig8, fig9, fig10, fig13, schedule, runtime, controls, episodes)
}
"""Every experiment by name: functions of a size."""


def _alil(source: str, scale: Scale) -> dict[str, PolicyConfig]:
    return {
        f"{scale.own(source)}-alil-faithful": scale.alil_policy(source, "faithful"),
        f"{scale.own(source)}-alil-corrected": scale.alil_policy(source, "corrected"),
    }


def _of_policies(size: Size, name: str, title: str, claim: str, policies: dict[str, PolicyConfig]) -> Bench:
    """Policies side by side, drawn as bars."""
    grids = tuple(size.wide.runs(target, (*policies, *REFERENCES)) for target in size.wide_targets)
    return Bench(name, title, claim, "factor", grids, policies, "strategy")


def with_changes(bench: Bench, *, seeds: int | None = None, add: tuple[str, ...] = ()) -> Bench:
    """The same bench with another number of seeds, or with strategies of one's own in every comparison."""
    grids = tuple(
        replace(grid, seeds=seeds or grid.seeds, strategies=tuple(dict.fromkeys((*grid.strategies, *add))))
        for grid in bench.grids
    )
    return replace(bench, grids=grids)


def on_datasets(bench: Bench, sizes: Mapping[str, tuple[int, int]]) -> Bench:
    """The same comparisons on other data sets, with the same policies.

    Args:
        bench: whose data sets are replaced.
        sizes: for each data set the number of its training and of its test samples. Where it is small, four fifths of
            the former may be labeled, so that oracles have samples to judge by, and all of the latter are measured on.
    """
    shapes = dict.fromkeys(replace(grid, dataset="") for grid in bench.grids)
    grids = tuple(
        replace(
            shape,
            dataset=name,
            pool_size=None if shape.pool_size is None else min(shape.pool_size, train * 4 // 5),
            test_size=None if shape.test_size is None else min(shape.test_size, test),
        )
        for name, (train, test) in sizes.items()
        for shape in shapes
    )
    return replace(bench, grids=grids)
