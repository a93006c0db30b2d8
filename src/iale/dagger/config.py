"""What a policy is trained on and how."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Literal

from iale.classifiers.base import TrainingConfig
from iale.errors import ConfigError
from iale.learner import CycleConfig
from iale.policies.state import StateConfig

EXPERTS = ("mc-dropout", "ensemble", "coreset", "badge", "confidence", "entropy")


@dataclass(frozen=True)
class UpdateConfig:
    """How the policy network is fitted to the demonstrations.

    The paper (section 4.2) takes 30 epochs and no permutations: ``UpdateConfig(policy_epochs=30, permute=False)``.

    Attributes:
        policy_epochs: passes over all demonstrations after each round.
        policy_learning_rate: of Adam (betas 0.9 and 0.999, epsilon 1e-8, no weight decay).
        states_per_batch: states, of n candidates each, in one optimiser step.
        positive_weight: w weighs chosen candidates by w and the others by 1 − w in Eq. 2 (the authors' release takes
            0.9); None weighs all alike, as printed.
        permute: show every state under a random order of the embedding's units and of the classes. Both are symmetries
            of a classifier whose weights are drawn anew, and without them a policy learns its few states by heart.
        warm_start: go on from the last policy instead of weights drawn anew.
    """

    policy_epochs: int = 100
    policy_learning_rate: float = 1e-3
    states_per_batch: int = 4
    positive_weight: float | None = None
    permute: bool = True
    warm_start: bool = False

    def __post_init__(self) -> None:
        if self.policy_epochs < 1 or self.states_per_batch < 1:
            raise ConfigError("the policy needs at least 1 epoch and 1 state a batch.")
        if not self.policy_learning_rate > 0:
            raise ConfigError(f"the policy's learning rate must be above 0, not {self.policy_learning_rate}.")
        if self.positive_weight is not None and not 0 < self.positive_weight < 1:
            raise ConfigError(f"the positive weight must lie between 0 and 1, not {self.positive_weight}.")


@dataclass(frozen=True)
class DaggerConfig:
    """One policy (Algorithm 1). The defaults are the paper's but for ``update``.

    Attributes:
        dataset: the source, a registered name or a path.
        classifier: the classifier M that the policy watches.
        experts: the strategies it imitates.
        episodes: runs of active learning, each up to the labeling budget.
        round_size: episodes driven by the same policy before it is updated; 1 is Algorithm 1 as printed, more can
            run side by side.
        expert_probability: chance that the best expert, not the policy, chooses a step's acquisition (p).
        schedule: "fixed" keeps expert_probability; "exponential" takes 0.9^episode (section A.2.1).
        scoring_size: labeled samples of the source's training split that score the experts; never in a pool.
        pool_size: a random part of the source's training split, drawn per episode; None takes all.
        seed: root of every draw.
        cycle: budget, acquisition size, sub-pool.
        training: how M is fitted.
        state: the parts of Eq. 1 that the policy sees.
        update: how the policy is fitted.
    """

    dataset: str = "mnist"
    classifier: str = "cnn"
    experts: tuple[str, ...] = EXPERTS
    episodes: int = 100
    round_size: int = 1
    expert_probability: float = 0.5
    schedule: Literal["fixed", "exponential"] = "fixed"
    scoring_size: int = 100
    pool_size: int | None = None
    seed: int = 0
    cycle: CycleConfig = field(default_factory=CycleConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    state: StateConfig = field(default_factory=StateConfig)
    update: UpdateConfig = field(default_factory=UpdateConfig)

    def __post_init__(self) -> None:
        if not self.experts:
            raise ConfigError("a policy needs at least one expert to imitate.")
        if len(set(self.experts)) != len(self.experts):
            raise ConfigError("an expert is named twice: name each once.")
        if self.round_size < 1:
            raise ConfigError("a policy needs rounds of at least 1 episode.")
        if self.schedule not in ("fixed", "exponential"):
            raise ConfigError(f"unknown schedule {self.schedule!r}: the known ones are fixed, exponential.")
        _check_lessons(self.episodes, self.expert_probability, self.scoring_size)
        if self.cycle.subset_size is None:
            raise ConfigError("a policy is trained on sub-pools: give a subset size.")

    def expert_chance(self, episode: int) -> float:
        """The chance that the expert acts in an episode (1, 2, …); the policy acts with 1 − 0.9^episode (A.2.1)."""
        return self.expert_probability if self.schedule == "fixed" else 0.9**episode


@dataclass(frozen=True)
class AlilConfig:
    """One ALIL policy (Liu et al. 2018), under the classifier and the protocol of `DaggerConfig`.

    Attributes:
        dataset: the source, a registered name or a path.
        classifier: the classifier M that the policy watches.
        variant: "faithful" does as Liu et al.: one coin for each episode, the policy's own action as the target where
            the policy acts, the sum of the labeled embeddings; "corrected" is DAgger: one coin for each step, the
            expert's action always as the target, and the mean of the embeddings.
        episodes: runs of active learning, each up to the labeling budget.
        labeling_budget: number of labels at the end of an episode, the first ones included (B).
        initial_size: class-balanced labels at the start of an episode.
        choices: candidates that are drawn at each step, of which one is labeled (k of Liu et al.).
        retrain_every: labels between two fits of M; 1 as published. The look-ahead of the expert fits at every step.
        expert_probability: chance that the expert, not the policy, chooses.
        scoring_size: labeled samples of the source's training split that score the look-ahead; never in a pool.
        pool_size: a random part of the source's training split, drawn per episode; None takes all.
        seed: root of every draw.
        policy_epochs: passes over all demonstrations after each episode; 1 as published.
        policy_learning_rate: of Adam (betas 0.9 and 0.999, epsilon 1e-8, no weight decay).
        states_per_batch: states, of k candidates each, in one optimiser step.
        training: how M is fitted.
    """

    dataset: str = "mnist"
    classifier: str = "cnn"
    variant: Literal["faithful", "corrected"] = "faithful"
    episodes: int = 20
    labeling_budget: int = 1000
    initial_size: int = 20
    choices: int = 10
    retrain_every: int = 1
    expert_probability: float = 0.5
    scoring_size: int = 100
    pool_size: int | None = None
    seed: int = 0
    policy_epochs: int = 1
    policy_learning_rate: float = 1e-4
    states_per_batch: int = 32
    training: TrainingConfig = field(default_factory=TrainingConfig)

    round_size: ClassVar[int] = 1  # the weights carry over, so no two episodes are played side by side

    def __post_init__(self) -> None:
        if self.variant not in ("faithful", "corrected"):
            raise ConfigError(f"unknown variant {self.variant!r}: the known ones are faithful, corrected.")
        if self.choices < 2 or self.retrain_every < 1:
            raise ConfigError("ALIL needs at least 2 choices a step and 1 label between two fits.")
        if self.policy_epochs < 1 or self.states_per_batch < 1:
            raise ConfigError("the policy needs at least 1 epoch and 1 state a batch.")
        if not self.policy_learning_rate > 0:
            raise ConfigError(f"the policy's learning rate must be above 0, not {self.policy_learning_rate}.")
        if self.labeling_budget <= self.initial_size:
            raise ConfigError(
                f"the labeling budget {self.labeling_budget} leaves nothing to choose after the {self.initial_size} "
                f"initial labels: raise the budget."
            )
        _check_lessons(self.episodes, self.expert_probability, self.scoring_size)

    @property
    def cycle(self) -> CycleConfig:
        """The run of active learning of an episode: one label from ``choices`` candidates at a time."""
        return CycleConfig(self.labeling_budget, 1, self.choices, self.initial_size)

    @property
    def pooling(self) -> Literal["sum", "mean"]:
        """How the policy sees the labeled embeddings."""
        return "sum" if self.variant == "faithful" else "mean"


def _check_lessons(episodes: int, expert_probability: float, scoring_size: int) -> None:
    if episodes < 1:
        raise ConfigError("a policy needs at least 1 episode.")
    if not 0 <= expert_probability <= 1:
        raise ConfigError(f"the expert probability must lie in 0 … 1, not {expert_probability}.")
    if scoring_size < 1:
        raise ConfigError(f"the scoring set needs at least 1 sample, not {scoring_size}.")
