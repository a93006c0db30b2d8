"""How large the runs of an experiment are.

A `Scale` says how large the runs with one classifier are, a `Size` collects the scales and data sets of "smoke",
"standard" or "paper", and an experiment says which runs there are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from iale.benchmark._experiment import Contest, Curve
from iale.benchmark._views import PIXELS
from iale.benchmark.grid import GridConfig
from iale.benchmark.records import PoolName
from iale.classifiers.base import TrainingConfig
from iale.dagger.config import AlilConfig, DaggerConfig, UpdateConfig
from iale.dagger.universal.config import UniversalConfig
from iale.learner import CycleConfig

SizeName = Literal["smoke", "standard", "paper"]
PolicyConfig = DaggerConfig | AlilConfig | UniversalConfig


@dataclass(frozen=True)
class Scale:
    """How large the runs with one classifier are.

    It also names the curves of claims, so a claim cannot ask for runs that its experiment does not have.
    """

    shape: GridConfig  # of all grids; `runs` fills in data set and strategies
    lessons: DaggerConfig  # how a policy is trained; `policy` fills in data set, classifier and training
    alil: AlilConfig
    remark: str = ""  # suffix of its policies' names, if other scales train policies for the same classifier

    def runs(
        self, dataset: str, strategies: Sequence[str], *, pools: tuple[PoolName, ...] = ("subset",), **cycle: int
    ) -> GridConfig:
        """Runs on one data set; ``cycle`` changes sizes of the loop."""
        sizes, names = replace(self.shape.cycle, **cycle), tuple(strategies)
        return replace(self.shape, dataset=dataset, strategies=names, pools=pools, cycle=sizes)

    def own(self, source: str) -> str:
        """The name of the policy from ``source`` that watched this classifier."""
        return f"{source}-{self.shape.classifier}{self.remark}"

    def policy(self, dataset: str, **changes: Any) -> DaggerConfig:
        """How a policy is trained on ``dataset``; ``changes`` are fields of `DaggerConfig`."""
        classifier, training = self.shape.classifier, self.shape.training
        return replace(self.lessons, dataset=dataset, classifier=classifier, training=training, **changes)

    def alil_policies(self, source: str) -> dict[str, AlilConfig]:
        """How both variants of ALIL are trained on ``source``, by the names of the policies: as published first."""
        made = replace(self.alil, dataset=source, classifier=self.shape.classifier, training=self.shape.training)
        return {f"{self.own(source)}-alil-{kind}": replace(made, variant=kind) for kind in ("faithful", "corrected")}

    def on(self, dataset: str) -> str:
        """Where a contest takes place, for people."""
        return f"{dataset}, {self.shape.classifier}"

    def curve(self, dataset: str, strategy: str) -> Curve:
        """The runs of a strategy on the sub-pool."""
        cycle = self.shape.cycle
        return Curve(dataset, self.shape.classifier, strategy, cycle.acquisition_size, cycle.subset_size)

    def duel(self, dataset: str, first: str, second: str, *, counts: bool = True) -> Contest:
        """One strategy against another on one data set."""
        sides = ((1, self.curve(dataset, first)),), ((1, self.curve(dataset, second)),)
        return Contest(self.on(dataset), first, second, sides, counts)


@dataclass(frozen=True, kw_only=True)
class Size:
    """The scales of one size, and the data sets that stand for those of the paper; MNIST is the usual source."""

    name: SizeName
    main: Scale  # of the main figures
    grid: Scale  # of the figures with one policy in many settings
    wide: Scale  # of the figures with many policies
    mlp: Scale
    resnet: Scale
    head: Scale  # of linear heads on the geometry
    fresh: Scale  # of MLPs that are fitted with equal batches
    small: Scale  # of CNNs that are
    mnist: str = "mnist"
    fashion: str = "fashion-mnist"
    kmnist: str = "kmnist"
    cifar: str = "cifar10"
    features: str = "cifar10-mobilenetv2"

    @property
    def seen(self) -> tuple[str, ...]:
        """The data sets of the experiment on geometry: images, and features of a pretrained network."""
        return tuple(dict.fromkeys(("digits", *self.targets, self.cifar, self.features)))

    @property
    def seen_images(self) -> tuple[str, ...]:
        """Those of them that a CNN can read."""
        return tuple(name for name in self.seen if name != self.features)

    @property
    def targets(self) -> tuple[str, ...]:
        """The three data sets of most figures, each once."""
        return tuple(dict.fromkeys((self.mnist, self.fashion, self.kmnist)))

    @property
    def wide_targets(self) -> tuple[str, ...]:
        """The data sets on which many policies are compared; only the paper's size includes the source."""
        return self.targets if self.name == "paper" else self.targets[1:]

    @property
    def residual_targets(self) -> tuple[str, ...]:
        """The data sets on which a ResNet-18 is compared; below the paper's size it is affordable on one only."""
        return self.targets if self.name == "paper" else (self.fashion,)

    def duels(
        self, scale: Scale, first: str, seconds: Sequence[str], targets: Sequence[str] | None = None
    ) -> tuple[Contest, ...]:
        """One strategy against several on each target; duels on the source of the policies do not count."""
        chosen = self.targets if targets is None else targets
        return tuple(scale.duel(t, first, second, counts=t != self.mnist) for t in chosen for second in seconds)


def smoke(training: TrainingConfig) -> Size:
    """Seconds for each experiment, on the embedded data sets: proves that everything works, and nothing else."""
    cycle = CycleConfig(labeling_budget=40, subset_size=30, monte_carlo_passes=2, committee_size=2)
    update = UpdateConfig(policy_epochs=1, states_per_batch=4)
    lessons = DaggerConfig(episodes=2, round_size=2, scoring_size=50, cycle=cycle, update=update)
    alil = AlilConfig(episodes=1, labeling_budget=22, choices=3, scoring_size=50)
    shape = GridConfig(geometry=PIXELS, classifier="cnn", seeds=2, pool_size=200, test_size=50, cycle=cycle)
    mlp = Scale(replace(shape, classifier="mlp", training=replace(training, epochs=2)), lessons, alil)
    cnn = Scale(replace(shape, classifier="cnn", training=replace(training, epochs=1)), lessons, alil)
    head = _head(replace(mlp, shape=replace(mlp.shape, training=training)))
    resnet = _with(cnn, "resnet18-narrow")
    size = Size(name="smoke", main=cnn, grid=mlp, wide=mlp, mlp=mlp, resnet=resnet, head=head, fresh=mlp, small=cnn)
    return replace(size, mnist="digits", fashion="fashion-small", kmnist="digits", cifar="digits", features="digits")


def standard(training: TrainingConfig) -> Size:
    """A few hours on two cores: the MLP carries the grids, the CNN the main figures; 10 paired seeds, or 20."""
    fresh, fresh_cnn = _standard_mlp(training), _standard_cnn(training)
    fresh = replace(fresh, shape=replace(fresh.shape, seeds=10))
    head = _head(replace(fresh, shape=replace(fresh.shape, training=training)))
    training = replace(training, batches="remainder")  # as in the kept records and in the policies that come with iale
    mlp, cnn = _standard_mlp(training), _standard_cnn(training)
    grid = replace(mlp, shape=replace(mlp.shape, seeds=10))
    short = replace(mlp.lessons, episodes=8, round_size=4, update=UpdateConfig(policy_epochs=50))
    # A narrow network, small batches, and few but large acquisitions: what a CPU can fit ten times over.
    rare, small = CycleConfig(labeling_budget=80, acquisition_size=20), replace(training, epochs=10, batch_size=8)
    shape = replace(cnn.shape, classifier="resnet18-narrow", cycle=rare, training=small, test_size=500)
    resnet = Scale(shape, DaggerConfig(episodes=8, round_size=4, scoring_size=200, cycle=rare), cnn.alil)
    wide = replace(grid, lessons=short, remark="-short")
    size = Size(
        name="standard", main=cnn, grid=grid, wide=wide, mlp=mlp, resnet=resnet, head=head, fresh=fresh, small=fresh_cnn
    )
    return replace(size, kmnist="kmnist-10k", cifar="cifar10-jpeg")


def _standard_mlp(training: TrainingConfig) -> Scale:
    cycle, fit = CycleConfig(labeling_budget=200), replace(training, epochs=30)
    shape = GridConfig(
        geometry=PIXELS, classifier="mlp", seeds=20, pool_size=7000, test_size=2000, cycle=cycle, training=fit
    )
    lessons = DaggerConfig(episodes=16, round_size=8, scoring_size=1000, cycle=cycle)
    return Scale(shape, lessons, AlilConfig(episodes=4, labeling_budget=100, scoring_size=500))


def _standard_cnn(training: TrainingConfig) -> Scale:
    cycle, fit = CycleConfig(labeling_budget=100), replace(training, epochs=20)
    shape = GridConfig(
        geometry=PIXELS, classifier="cnn", seeds=10, pool_size=7000, test_size=1000, cycle=cycle, training=fit
    )
    lessons = DaggerConfig(episodes=16, round_size=4, scoring_size=500, cycle=CycleConfig(labeling_budget=120))
    return Scale(shape, lessons, AlilConfig(episodes=3, labeling_budget=60, scoring_size=500))


def paper(training: TrainingConfig) -> Size:
    """The published scale (sections 4.1, 4.2 and A), for a GPU."""
    shape = GridConfig(geometry=PIXELS, classifier="cnn", seeds=10, training=replace(training, epochs=100))
    update = UpdateConfig(policy_epochs=30, states_per_batch=1, permute=False)
    cnn = Scale(shape, DaggerConfig(update=update), AlilConfig())
    mlp, resnet = _with(cnn, "mlp"), _with(cnn, "resnet18")
    head = _head(replace(cnn, shape=replace(shape, training=training)))
    return Size(name="paper", main=cnn, grid=cnn, wide=cnn, mlp=mlp, resnet=resnet, head=head, fresh=mlp, small=cnn)


def _head(scale: Scale) -> Scale:
    """Linear heads on the geometry, of which only the device is left of how networks are trained."""
    training = TrainingConfig(device=scale.shape.training.device)
    return replace(scale, shape=replace(scale.shape, classifier="linear", embeddings=PIXELS, training=training))


def _with(scale: Scale, classifier: str) -> Scale:
    return replace(scale, shape=replace(scale.shape, classifier=classifier))


SIZES: dict[SizeName, Callable[[TrainingConfig], Size]] = {"smoke": smoke, "standard": standard, "paper": paper}
"""Sizes by name: functions of a training configuration, whose device and precision they keep."""
