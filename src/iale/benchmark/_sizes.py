"""The three sizes of every experiment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from iale.benchmark._scale import Scale, Size, SizeName
from iale.classifiers.base import TrainingConfig
from iale.dagger.config import AlilConfig, DaggerConfig, UpdateConfig
from iale.learner import CycleConfig

PAPER_UPDATE = UpdateConfig(policy_epochs=30, states_per_batch=1, permute=False)
"""How the paper fits its policies (section 4.2)."""


def smoke(training: TrainingConfig) -> Size:
    """Seconds for each experiment, on the embedded data sets: proves that everything works, and nothing else."""
    cycle = CycleConfig(labeling_budget=40, subset_size=30, monte_carlo_passes=2, committee_size=2)
    scale = Scale(
        "mlp",
        cycle,
        replace(training, epochs=2),
        seeds=2,
        pool_size=200,
        test_size=50,
        lessons=DaggerConfig(
            episodes=2,
            round_size=2,
            scoring_size=50,
            cycle=cycle,
            update=UpdateConfig(policy_epochs=1, states_per_batch=4),
        ),
        alil=AlilConfig(episodes=1, labeling_budget=22, choices=3, scoring_size=50),
    )
    convolutional = replace(scale, classifier="cnn", training=replace(training, epochs=1))
    residual = replace(convolutional, classifier="resnet18-narrow")
    return Size(
        name="smoke",
        main=convolutional,
        grid=scale,
        wide=scale,
        mlp=scale,
        resnet=residual,
        mnist="digits",
        fashion="fashion-small",
        kmnist="digits",
        cifar="digits",
    )


def standard(training: TrainingConfig) -> Size:
    """A few hours on two cores: the MLP carries the grids, the CNN the main figures; 10 paired seeds, or 20."""
    mlp, cnn, resnet = _standard_mlp(training), _standard_cnn(training), _standard_resnet(training)
    grid = replace(mlp, seeds=10)
    short = replace(mlp.lessons, episodes=8, round_size=4, update=UpdateConfig(policy_epochs=50))
    return Size(
        name="standard",
        main=cnn,
        grid=grid,
        wide=replace(grid, lessons=short, remark="-short"),
        mlp=mlp,
        resnet=resnet,
        mnist="mnist",
        fashion="fashion-mnist",
        kmnist="kmnist-10k",
        cifar="cifar10-jpeg",
    )


def _standard_mlp(training: TrainingConfig) -> Scale:
    cycle = CycleConfig(labeling_budget=200)
    return Scale(
        "mlp",
        cycle,
        replace(training, epochs=30),
        seeds=20,
        pool_size=7000,
        test_size=2000,
        lessons=DaggerConfig(episodes=16, round_size=8, scoring_size=1000, cycle=cycle),
        alil=AlilConfig(episodes=4, labeling_budget=100, scoring_size=500),
    )


def _standard_cnn(training: TrainingConfig) -> Scale:
    return Scale(
        "cnn",
        CycleConfig(labeling_budget=100),
        replace(training, epochs=20),
        seeds=10,
        pool_size=7000,
        test_size=1000,
        lessons=DaggerConfig(episodes=16, round_size=4, scoring_size=500, cycle=CycleConfig(labeling_budget=120)),
        alil=AlilConfig(episodes=3, labeling_budget=60, scoring_size=500),
    )


def _standard_resnet(training: TrainingConfig) -> Scale:
    """A narrow network, small batches, and few but large acquisitions: what a CPU can fit ten times over."""
    rare = CycleConfig(labeling_budget=80, acquisition_size=20)
    return replace(
        _standard_cnn(training),
        classifier="resnet18-narrow",
        cycle=rare,
        training=replace(training, epochs=10, batch_size=8),
        test_size=500,
        lessons=DaggerConfig(episodes=8, round_size=4, scoring_size=200, cycle=rare),
    )


def paper(training: TrainingConfig) -> Size:
    """The published scale (sections 4.1, 4.2 and A), for a GPU."""
    cycle = CycleConfig()
    cnn = Scale(
        "cnn",
        cycle,
        replace(training, epochs=100),
        seeds=10,
        pool_size=None,
        test_size=None,
        lessons=DaggerConfig(update=PAPER_UPDATE),
        alil=AlilConfig(),
    )
    mlp, resnet = (replace(cnn, classifier=name) for name in ("mlp", "resnet18"))
    return Size(
        name="paper",
        main=cnn,
        grid=cnn,
        wide=cnn,
        mlp=mlp,
        resnet=resnet,
        mnist="mnist",
        fashion="fashion-mnist",
        kmnist="kmnist",
        cifar="cifar10",
    )


SIZES: dict[SizeName, Callable[[TrainingConfig], Size]] = {"smoke": smoke, "standard": standard, "paper": paper}
"""Sizes by name: functions of a training configuration, whose device and precision they keep."""
