"""The three sizes of every experiment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from iale.benchmark.bench import PAPER_UPDATE, Scale
from iale.classifiers.base import TrainingConfig
from iale.dagger.config import AlilConfig, DaggerConfig, UpdateConfig
from iale.learner import CycleConfig

SizeName = Literal["smoke", "standard", "paper"]


@dataclass(frozen=True)
class Size:
    """The data sets and the scales of one size.

    Attributes:
        name: smoke, standard or paper.
        main: of the main figures.
        grid: of the figures with one policy in many settings.
        wide: of the figures with many policies.
        mlp: of the figures with the MLP.
        resnet: of the figures with a ResNet-18.
        mnist, fashion, kmnist, cifar: the data sets that stand for the paper's.
    """

    name: SizeName
    main: Scale
    grid: Scale
    wide: Scale
    mlp: Scale
    resnet: Scale
    mnist: str
    fashion: str
    kmnist: str
    cifar: str

    @property
    def targets(self) -> tuple[str, ...]:
        """The three data sets of most figures, each once."""
        return tuple(dict.fromkeys((self.mnist, self.fashion, self.kmnist)))

    @property
    def wide_targets(self) -> tuple[str, ...]:
        """The data sets on which many policies are compared; the source is one of them at the paper's size alone."""
        return self.targets if self.name == "paper" else self.targets[1:]


def smoke(training: TrainingConfig) -> Size:
    """Seconds for each experiment, on the embedded data sets: that it works, and nothing else."""
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
    sets = {"mnist": "digits", "fashion": "fashion-small", "kmnist": "digits", "cifar": "digits"}
    return Size("smoke", convolutional, scale, scale, scale, residual, **sets)


def standard(training: TrainingConfig) -> Size:
    """A few hours on two cores: the MLP carries the grids, the CNN the main figures; 10 paired seeds, or 20."""
    cycle, pool = CycleConfig(labeling_budget=200), 7000
    mlp = Scale(
        "mlp",
        cycle,
        replace(training, epochs=30),
        seeds=20,
        pool_size=pool,
        test_size=2000,
        lessons=DaggerConfig(episodes=16, round_size=8, scoring_size=1000, cycle=cycle),
        alil=AlilConfig(episodes=4, labeling_budget=100, scoring_size=500),
    )
    cnn = Scale(
        "cnn",
        replace(cycle, labeling_budget=100),
        replace(training, epochs=20),
        seeds=10,
        pool_size=pool,
        test_size=1000,
        lessons=DaggerConfig(episodes=16, round_size=4, scoring_size=500, cycle=replace(cycle, labeling_budget=120)),
        alil=AlilConfig(episodes=3, labeling_budget=60, scoring_size=500),
    )
    # A narrow network, small batches and few, large acquisitions: what a CPU can fit ten times over.
    rare = replace(cycle, labeling_budget=80, acquisition_size=20)
    resnet = replace(
        cnn,
        classifier="resnet18-narrow",
        cycle=rare,
        training=replace(training, epochs=10, batch_size=8),
        test_size=500,
        lessons=DaggerConfig(episodes=8, round_size=4, scoring_size=200, cycle=rare),
    )
    short = UpdateConfig(policy_epochs=50)
    grid = replace(mlp, seeds=10)
    wide = replace(grid, lessons=replace(mlp.lessons, episodes=8, round_size=4, update=short), remark="-short")
    return Size("standard", cnn, grid, wide, mlp, resnet, "mnist", "fashion-mnist", "kmnist-10k", "cifar10-jpeg")


def paper(training: TrainingConfig) -> Size:
    """The published scale (sections 4.1, 4.2 and A): for a GPU."""
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
    return Size("paper", cnn, cnn, cnn, mlp, resnet, "mnist", "fashion-mnist", "kmnist", "cifar10")


SIZES: dict[SizeName, Callable[[TrainingConfig], Size]] = {"smoke": smoke, "standard": standard, "paper": paper}
"""Sizes by name: functions of a training configuration, whose device and precision they keep."""
