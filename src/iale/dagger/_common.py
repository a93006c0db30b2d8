"""The fields that the configurations of all policies share."""

from __future__ import annotations

from dataclasses import dataclass, field

from iale.classifiers.base import TrainingConfig
from iale.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class LessonConfig:
    """What every policy is trained on.

    Attributes:
        dataset: the source, a registered name or a path.
        classifier: the classifier M that the policy watches.
        episodes: runs of active learning, each up to the labeling budget.
        expert_probability: chance that the expert, not the policy, chooses what is labeled (p).
        scoring_size: labeled samples of the source's training split that score the experts; never in a pool.
        pool_size: a random part of the source's training split, drawn per episode; None takes all.
        seed: root of every draw.
        training: how M is fitted.
    """

    dataset: str = "mnist"
    classifier: str = "cnn"
    episodes: int = 100
    expert_probability: float = 0.5
    scoring_size: int = 100
    pool_size: int | None = None
    seed: int = 0
    training: TrainingConfig = field(default_factory=TrainingConfig)

    def __post_init__(self) -> None:
        if self.episodes < 1:
            raise ConfigError("a policy needs at least 1 episode.")
        if not 0 <= self.expert_probability <= 1:
            raise ConfigError(f"the expert probability must lie in 0 … 1, not {self.expert_probability}.")
        if self.scoring_size < 1:
            raise ConfigError(f"the scoring set needs at least 1 sample, not {self.scoring_size}.")


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
