"""Figures 8, 9 and 10: other classifiers, from one classifier to another, and color images."""

from __future__ import annotations

from dataclasses import replace

from iale.benchmark._experiment import HEURISTICS, RANDOM, REFERENCES, RIVALS, Claim, Experiment
from iale.benchmark._sizes import PolicyConfig, Scale, Size


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
        figure="curves",
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
        figure="curves",
        grids=(
            *(cnn.runs(target, (large, small, *REFERENCES)) for target in size.targets),
            *(resnet.runs(target, (small, large, *REFERENCES)) for target in back),
        ),
        policies={small: cnn.policy(size.mnist), large: resnet.policy(size.mnist)},
        claims=(
            Claim("fig9", "a policy that watched a ResNet-18 is better than Random on a CNN", "better", on_cnn),
            Claim("fig9", "a policy that watched a CNN is better than Random on a ResNet-18", "better", on_resnet),
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
        figure="curves",
        grids=tuple(scale.runs(size.cifar, (small, large, *heuristics)) for scale in scales),
        policies={small: cnn.policy(size.mnist), large: resnet.policy(size.mnist)},
        claims=(Claim("fig10", "on CIFAR-10, IALE is as good as Random or better", "as good", against_random),),
    )
