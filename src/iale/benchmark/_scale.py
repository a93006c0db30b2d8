"""How large the runs of an experiment are.

A `Scale` says how large the runs with one classifier are, a `Size` collects the scales and data sets of "smoke",
"standard" or "paper", and an experiment says which runs there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from iale.benchmark.grid import GridConfig
from iale.benchmark.records import PoolName
from iale.classifiers.base import TrainingConfig
from iale.dagger.config import AlilConfig, DaggerConfig
from iale.learner import CycleConfig

SizeName = Literal["smoke", "standard", "paper"]
PolicyConfig = DaggerConfig | AlilConfig


@dataclass(frozen=True)
class Scale:
    """How large the runs with one classifier are.

    Attributes:
        classifier: its name.
        cycle: labels, acquisitions, sub-pool.
        training: how it is fitted.
        seeds: paired repetitions.
        pool_size: training samples that may be labeled; None takes all.
        test_size: test samples; None takes all.
        lessons: how a policy is trained; `policy` fills in its data set, classifier and training.
        alil: how an ALIL policy is trained, filled in the same way.
        remark: suffix of the names of its policies, if other scales train policies for the same classifier.
    """

    classifier: str
    cycle: CycleConfig
    training: TrainingConfig
    seeds: int
    pool_size: int | None
    test_size: int | None
    lessons: DaggerConfig
    alil: AlilConfig
    remark: str = ""

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
    """The data sets and the scales of one size.

    Attributes:
        name: smoke, standard or paper.
        main: of the main figures.
        grid: of the figures with one policy in many settings.
        wide: of the figures with many policies.
        mlp: of the figures with the MLP.
        resnet: of the figures with a ResNet-18.
        mnist: the data set that stands for MNIST, the usual source.
        fashion: the one that stands for Fashion-MNIST.
        kmnist: the one that stands for KMNIST.
        cifar: the one that stands for CIFAR-10.
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
        """The data sets on which many policies are compared; only the paper's size includes the source."""
        return self.targets if self.name == "paper" else self.targets[1:]
