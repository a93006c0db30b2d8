"""How large the runs of an experiment are.

A `Scale` says how large the runs with one classifier are, a `Size` collects the scales and data sets of "smoke",
"standard" or "paper", and an experiment says which runs there are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from iale.benchmark.grid import GridConfig
from iale.benchmark.records import PoolName
from iale.classifiers.base import TrainingConfig
from iale.dagger.config import AlilConfig, DaggerConfig, UpdateConfig
from iale.learner import CycleConfig

SizeName = Literal["smoke", "standard", "paper"]
PolicyConfig = DaggerConfig | AlilConfig

PAPER_UPDATE = UpdateConfig(policy_epochs=30, states_per_batch=1, permute=False)
"""How the paper fits its policies (section 4.2)."""


@dataclass(frozen=True)
class Scale:
    """How large the runs with one classifier are; of policies, `policy` fills in data set, classifier and training."""

    classifier: str
    cycle: CycleConfig
    training: TrainingConfig
    seeds: int
    pool_size: int | None  # training samples that may be labeled; None takes all
    test_size: int | None
    lessons: DaggerConfig  # how a policy is trained
    alil: AlilConfig
    remark: str = ""  # suffix of its policies' names, if other scales train policies for the same classifier

    def runs(
        self,
        dataset: str,
        strategies: Sequence[str],
        *,
        pools: tuple[PoolName, ...] = ("subset",),
        beside: tuple[str, ...] = (),
        seeds: int | None = None,
        **cycle: int,
    ) -> GridConfig:
        """Runs on one data set; ``cycle`` changes sizes of the loop."""
        return GridConfig(
            dataset=dataset,
            classifier=self.classifier,
            strategies=tuple(strategies),
            seeds=min(seeds or self.seeds, self.seeds),
            pools=pools,
            pool_size=self.pool_size,
            test_size=self.test_size,
            beside=beside,
            cycle=replace(self.cycle, **cycle),
            training=self.training,
        )

    def own(self, source: str) -> str:
        """The name of the policy from ``source`` that watched this classifier."""
        return f"{source}-{self.classifier}{self.remark}"

    def policy(self, dataset: str, **changes: Any) -> DaggerConfig:
        """How a policy is trained on ``dataset``; ``changes`` are fields of `DaggerConfig`."""
        return replace(self.lessons, dataset=dataset, classifier=self.classifier, training=self.training, **changes)

    def alil_policies(self, source: str) -> dict[str, AlilConfig]:
        """How both variants of ALIL are trained on ``source``, by the names of the policies: as published first."""
        made = replace(self.alil, dataset=source, classifier=self.classifier, training=self.training)
        return {
            f"{self.own(source)}-alil-faithful": replace(made, variant="faithful"),
            f"{self.own(source)}-alil-corrected": replace(made, variant="corrected"),
        }


@dataclass(frozen=True, kw_only=True)
class Size:
    """The scales of one size, and the data sets that stand for those of the paper; MNIST is the usual source."""

    name: SizeName
    main: Scale  # of the main figures
    grid: Scale  # of the figures with one policy in many settings
    wide: Scale  # of the figures with many policies
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
        """The data sets on which many policies are compared; only the paper's size includes the source."""
        return self.targets if self.name == "paper" else self.targets[1:]


def smoke(training: TrainingConfig) -> Size:
    """Seconds for each experiment, on the embedded data sets: proves that everything works, and nothing else."""
    cycle = CycleConfig(labeling_budget=40, subset_size=30, monte_carlo_passes=2, committee_size=2)
    update = UpdateConfig(policy_epochs=1, states_per_batch=4)
    lessons = DaggerConfig(episodes=2, round_size=2, scoring_size=50, cycle=cycle, update=update)
    alil = AlilConfig(episodes=1, labeling_budget=22, choices=3, scoring_size=50)
    scale = Scale(
        "mlp", cycle, replace(training, epochs=2), seeds=2, pool_size=200, test_size=50, lessons=lessons, alil=alil
    )
    convolutional = replace(scale, classifier="cnn", training=replace(training, epochs=1))
    return Size(
        name="smoke",
        main=convolutional,
        grid=scale,
        wide=scale,
        mlp=scale,
        resnet=replace(convolutional, classifier="resnet18-narrow"),
        mnist="digits",
        fashion="fashion-small",
        kmnist="digits",
        cifar="digits",
    )


def standard(training: TrainingConfig) -> Size:
    """A few hours on two cores: the MLP carries the grids, the CNN the main figures; 10 paired seeds, or 20."""
    mlp, cnn = _standard_mlp(training), _standard_cnn(training)
    grid = replace(mlp, seeds=10)
    short = replace(mlp.lessons, episodes=8, round_size=4, update=UpdateConfig(policy_epochs=50))
    # A narrow network, small batches, and few but large acquisitions: what a CPU can fit ten times over.
    rare = CycleConfig(labeling_budget=80, acquisition_size=20)
    resnet = replace(
        cnn,
        classifier="resnet18-narrow",
        cycle=rare,
        training=replace(training, epochs=10, batch_size=8),
        test_size=500,
        lessons=DaggerConfig(episodes=8, round_size=4, scoring_size=200, cycle=rare),
    )
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
    lessons = DaggerConfig(episodes=16, round_size=8, scoring_size=1000, cycle=cycle)
    alil = AlilConfig(episodes=4, labeling_budget=100, scoring_size=500)
    return Scale(
        "mlp", cycle, replace(training, epochs=30), seeds=20, pool_size=7000, test_size=2000, lessons=lessons, alil=alil
    )


def _standard_cnn(training: TrainingConfig) -> Scale:
    lessons = DaggerConfig(episodes=16, round_size=4, scoring_size=500, cycle=CycleConfig(labeling_budget=120))
    alil = AlilConfig(episodes=3, labeling_budget=60, scoring_size=500)
    cycle = CycleConfig(labeling_budget=100)
    return Scale(
        "cnn", cycle, replace(training, epochs=20), seeds=10, pool_size=7000, test_size=1000, lessons=lessons, alil=alil
    )


def paper(training: TrainingConfig) -> Size:
    """The published scale (sections 4.1, 4.2 and A), for a GPU."""
    lessons = DaggerConfig(update=PAPER_UPDATE)
    cnn = Scale(
        "cnn",
        CycleConfig(),
        replace(training, epochs=100),
        seeds=10,
        pool_size=None,
        test_size=None,
        lessons=lessons,
        alil=AlilConfig(),
    )
    return Size(
        name="paper",
        main=cnn,
        grid=cnn,
        wide=cnn,
        mlp=replace(cnn, classifier="mlp"),
        resnet=replace(cnn, classifier="resnet18"),
        mnist="mnist",
        fashion="fashion-mnist",
        kmnist="kmnist",
        cifar="cifar10",
    )


SIZES: dict[SizeName, Callable[[TrainingConfig], Size]] = {"smoke": smoke, "standard": standard, "paper": paper}
"""Sizes by name: functions of a training configuration, whose device and precision they keep."""
