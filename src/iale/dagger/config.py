"""What a policy is trained on and how."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Literal

from iale._given import resize_of
from iale.classifiers.base import TrainingConfig
from iale.errors import ConfigError
from iale.learner import CycleConfig
from iale.policies.alil import Pooling
from iale.policies.state import StateConfig

EXPERTS = ("mc-dropout", "ensemble", "coreset", "badge", "confidence", "entropy")
"""The experts of the paper (section 4.2)."""


@dataclass(frozen=True, kw_only=True)
class LessonConfig:
    """What every policy is trained on.

    Attributes:
        dataset: the source, a registered name or a path.
        classifier: the classifier M that the policy watches.
        episodes: runs of active learning, each up to the labeling budget.
        expert_probability: chance that the expert, not the policy, chooses what is labeled (p).
        scoring_size: labeled samples of the source's training split that score the experts; never in a pool.
        pool_size: a random part of the source's training split, drawn per episode; none takes all.
        resize: height,width to resize the images of a folder to; none keeps them.
        seed: root of every draw.
        training: how M is fitted.
    """

    dataset: str = "mnist"
    classifier: str = "cnn"
    episodes: int = 100
    expert_probability: float = 0.5
    scoring_size: int = 100
    pool_size: int | None = None
    resize: tuple[int, ...] = ()
    seed: int = 0
    training: TrainingConfig = field(default_factory=TrainingConfig)

    def __post_init__(self) -> None:
        if self.episodes < 1:
            raise ConfigError("a policy needs at least 1 episode.")
        if not 0 <= self.expert_probability <= 1:
            raise ConfigError(f"the expert probability must lie in 0 … 1, not {self.expert_probability}.")
        if self.scoring_size < 1:
            raise ConfigError(f"the scoring set needs at least 1 sample, not {self.scoring_size}.")
        resize_of(self.resize)


@dataclass(frozen=True, kw_only=True)
class AdamConfig:
    """How a policy network is fitted.

    Attributes:
        policy_epochs: passes over all demonstrations after each round.
        policy_learning_rate: of Adam (betas 0.9 and 0.999, epsilon 1e-8, no weight decay).
        states_per_batch: states in one optimizer step, each with all its candidates.
    """

    policy_epochs: int = 100
    policy_learning_rate: float = 1e-3
    states_per_batch: int = 4

    def __post_init__(self) -> None:
        if self.policy_epochs < 1 or self.states_per_batch < 1:
            raise ConfigError("the policy needs at least 1 epoch and 1 state a batch.")
        if not self.policy_learning_rate > 0:
            raise ConfigError(f"the policy's learning rate must be above 0, not {self.policy_learning_rate}.")


@dataclass(frozen=True, kw_only=True)
class UpdateConfig(AdamConfig):
    """How the policy network is fitted to the demonstrations.

    The paper (section 4.2) takes 30 epochs and no permutations: ``UpdateConfig(policy_epochs=30, permute=False)``.

    Attributes:
        positive_weight: w weighs chosen candidates by w and the others by 1 − w in Eq. 2 (the authors' release takes
            0.9); none weighs all alike, as printed.
        permute: show every state under a random order of the embedding's units and of the classes. A classifier with
            other initial weights might have had any of these orders. Without them a policy memorizes its few states.
        warm_start: start from the weights of the last policy instead of new ones.
    """

    positive_weight: float | None = None
    permute: bool = True
    warm_start: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.positive_weight is not None and not 0 < self.positive_weight < 1:
            raise ConfigError(f"the positive weight must lie between 0 and 1, not {self.positive_weight}.")


@dataclass(frozen=True, kw_only=True)
class DaggerConfig(LessonConfig):
    """One policy (Algorithm 1). The defaults are the paper's, except for ``update``.

    Attributes:
        experts: the strategies it imitates.
        round_size: episodes that the same policy plays before it is updated; 1 is Algorithm 1 as printed, more can
            run side by side.
        schedule: "fixed" keeps expert_probability; "exponential" takes 0.9^episode (section A.2.1).
        cycle: budget, acquisition size, sub-pool.
        state: the parts of Eq. 1 that the policy sees.
        update: how the policy is fitted.
    """

    experts: tuple[str, ...] = EXPERTS
    round_size: int = 1
    schedule: Literal["fixed", "exponential"] = "fixed"
    cycle: CycleConfig = field(default_factory=CycleConfig)
    state: StateConfig = field(default_factory=StateConfig)
    update: UpdateConfig = field(default_factory=UpdateConfig)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.experts:
            raise ConfigError("a policy needs at least one expert to imitate.")
        if len(set(self.experts)) != len(self.experts):
            raise ConfigError("an expert is named twice: name each once.")
        if self.round_size < 1:
            raise ConfigError("a policy needs rounds of at least 1 episode.")
        if self.schedule not in ("fixed", "exponential"):
            raise ConfigError(f"unknown schedule {self.schedule!r}: the known ones are fixed, exponential.")
        if self.cycle.subset_size is None:
            raise ConfigError("a policy is trained on sub-pools: give a subset size.")

    def expert_chance(self, episode: int) -> float:
        """The chance that the expert acts in an episode (1, 2, …)."""
        # Section A.2.1 lets the policy act with 1 − 0.9^episode: at first the expert acts nearly always.
        return self.expert_probability if self.schedule == "fixed" else 0.9**episode


@dataclass(frozen=True, kw_only=True)
class AlilConfig(AdamConfig, LessonConfig):
    """One ALIL policy (Liu et al. 2018), under the classifier and the protocol of `DaggerConfig`.

    Attributes:
        variant: "faithful" does as Liu et al.: one coin for each episode, the policy's own action as the target if
            the policy acts, the sum of the labeled embeddings; "corrected" is DAgger: one coin for each step, the
            expert's action always as the target, and the mean of the embeddings.
        labeling_budget: number of labels at the end of an episode, the first ones included (B).
        initial_size: class-balanced labels at the start of an episode.
        choices: candidates that are drawn at each step, of which one is labeled (k of Liu et al.).
        retrain_every: labels between two fits of M; 1 as published. The look-ahead of the expert fits at every step.
        policy_epochs: passes over all demonstrations after each episode; 1 as published.
    """

    episodes: int = 20
    policy_epochs: int = 1
    policy_learning_rate: float = 1e-4
    states_per_batch: int = 32
    variant: Literal["faithful", "corrected"] = "faithful"
    labeling_budget: int = 1000
    initial_size: int = 20
    choices: int = 10
    retrain_every: int = 1

    round_size: ClassVar[int] = 1  # the weights carry over from episode to episode, so none can run side by side

    def __post_init__(self) -> None:
        LessonConfig.__post_init__(self)
        AdamConfig.__post_init__(self)
        if self.variant not in ("faithful", "corrected"):
            raise ConfigError(f"unknown variant {self.variant!r}: the known ones are faithful, corrected.")
        if self.choices < 2 or self.retrain_every < 1:
            raise ConfigError("ALIL needs at least 2 choices a step and 1 label between two fits.")
        if self.labeling_budget <= self.initial_size:
            raise ConfigError(
                f"the labeling budget {self.labeling_budget} leaves nothing to choose after the {self.initial_size} "
                f"initial labels: raise the budget."
            )

    @property
    def cycle(self) -> CycleConfig:
        """The run of active learning of an episode: one label from ``choices`` candidates at a time."""
        budget, initial = self.labeling_budget, self.initial_size
        return CycleConfig(labeling_budget=budget, acquisition_size=1, initial_size=initial, subset_size=self.choices)

    @property
    def pooling(self) -> Pooling:
        """How the policy sees the labeled embeddings."""
        return "sum" if self.variant == "faithful" else "mean"
