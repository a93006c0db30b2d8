"""What the universal policy is trained on, and how."""

from __future__ import annotations

from dataclasses import dataclass, field

from iale.dagger.universal._family import family_of
from iale.errors import ConfigError
from iale.policies.universal import Form


@dataclass(frozen=True, kw_only=True)
class UniversalFitConfig:
    """How the policy learns from the states that were played.

    Attributes:
        epochs: maximum number of passes over all states after each round.
        patience: learning stops after this many passes without an improvement on the tasks that are set apart.
        learning_rate: of Adam, for the networks.
        gate_rate: of Adam, for the gates, which begin at 0.
        decay: L2 penalty of Adam.
        apart: share of the tasks that are set apart: nothing is learned from them, and they decide when learning
            stops.
        form: how the policy chooses: "herding" with the learned plan, or as a "selector" among proposals.
    """

    epochs: int = 30
    patience: int = 4
    learning_rate: float = 1e-3
    gate_rate: float = 1e-2
    decay: float = 1e-4
    apart: float = 0.1
    form: Form = "selector"

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.patience < 1:
            raise ConfigError("the universal policy needs at least 1 epoch and a patience of 1.")
        if min(self.learning_rate, self.gate_rate) <= 0 or self.decay < 0:
            raise ConfigError("learning rates must be above 0, and the decay at least 0.")
        if not 0 < self.apart <= 0.5:
            raise ConfigError(f"the share of tasks set apart must be above 0 and at most 0.5, not {self.apart}.")
        if self.form not in ("herding", "selector"):
            raise ConfigError(f"unknown form {self.form!r}: the known ones are herding, selector.")


@dataclass(frozen=True, kw_only=True)
class UniversalConfig:
    """A universal policy: the tasks it learns from, and what is asked in each of their states.

    Attributes:
        sources: data sets that tasks are made from, registered names or paths.
        held_out: families of data sets, such as mnist or cifar, that are left out of the sources.
        states: how many states are played in all.
        states_per_task: states of one run of active learning.
        rounds: after each, the policy learns from all states so far, and acts in the next.
        synthetic: share of the tasks that are drawn at random, from no data set.
        mlp: share of the tasks whose classifier is an MLP; most others have a linear head.
        cnn: share whose classifier is a CNN, if they are made from images: their states take minutes.
        proposals: different batches that are compared in a state.
        redraws: how often the labels of a batch are drawn: once the true ones, then from a reference model.
        far: share of the states in which two further acquisitions are played before a batch is judged.
        policy_probability: chance that the policy, not an expert, chooses what is labeled.
        scoring_size: labeled samples outside of the pool that judge a batch.
        seed: root of every draw.
        fit: how the policy learns.
    """

    sources: tuple[str, ...] = ("digits", "mnist", "cifar10-mobilenetv2")
    held_out: tuple[str, ...] = ()
    states: int = 20_000
    states_per_task: int = 6
    rounds: int = 3
    synthetic: float = 0.3
    mlp: float = 0.02
    cnn: float = 0.005
    proposals: int = 32
    redraws: int = 4
    far: float = 0.125
    policy_probability: float = 0.5
    scoring_size: int = 1000
    seed: int = 0
    fit: UniversalFitConfig = field(default_factory=UniversalFitConfig)

    def __post_init__(self) -> None:
        if min(self.states, self.states_per_task, self.rounds, self.redraws) < 1:
            raise ConfigError("the numbers of states, rounds and redraws must be at least 1.")
        if self.proposals < 2 or self.scoring_size < 10:
            raise ConfigError("a state needs at least 2 proposals and 10 scoring samples.")
        for name in ("synthetic", "mlp", "cnn", "far", "policy_probability"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"{name} must lie in 0 … 1, not {getattr(self, name)}.")
        if self.tasks < self.rounds:
            raise ConfigError(f"{self.tasks} tasks do not fill {self.rounds} rounds: raise the number of states.")
        # `learn` sets every so-many-th task apart, and would say so only after the first round was played.
        first = len(self.round_of(1))
        if first < round(1 / self.fit.apart):
            raise ConfigError(
                f"the first round is of {first} tasks, too few to set some apart: play more states, or raise --apart."
            )
        if not self.used_sources and self.synthetic < 1:
            raise ConfigError("all sources are held out: name other sources, or set synthetic to 1.")

    @property
    def used_sources(self) -> tuple[str, ...]:
        """The sources of families that are not held out."""
        out = {family_of(name) for name in self.held_out}
        return tuple(source for source in self.sources if family_of(source) not in out)

    @property
    def tasks(self) -> int:
        """How many tasks are played."""
        return -(-self.states // self.states_per_task)

    def round_of(self, number: int) -> range:
        """The tasks (1, 2, …) of a round (1, 2, …)."""
        return range((number - 1) * self.tasks // self.rounds + 1, number * self.tasks // self.rounds + 1)
