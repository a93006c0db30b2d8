"""How much a query looks at, and how far a run goes."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import SupportsIndex

from iale.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class QueryConfig:
    """What a single query looks at.

    Attributes:
        subset_size: size n of the random sub-pool that a query looks at; none looks at the whole pool.
        monte_carlo_passes: forward passes of MC-Dropout (K).
        committee_size: members of Ensemble, the classifier itself included.
    """

    subset_size: int | None = 100
    monte_carlo_passes: int = 20
    committee_size: int = 5

    def __post_init__(self) -> None:
        size = self.subset_size
        if size is not None and (not isinstance(size, SupportsIndex) or operator.index(size) < 1):
            raise ConfigError(f"the subset size must be at least 1, not {size!r:.40}: give an integer.")
        if self.monte_carlo_passes < 2 or self.committee_size < 2:
            raise ConfigError("MC-Dropout needs at least 2 passes and Ensemble 2 members.")


@dataclass(frozen=True, kw_only=True)
class CycleConfig(QueryConfig):
    """One run of active learning against known labels (paper, section 4.2): its queries, and how far it goes.

    Attributes:
        labeling_budget: number of labels at the end, the first ones included (B).
        acquisition_size: labels between two fits (acq).
        initial_size: class-balanced labels at the start.
    """

    labeling_budget: int = 1000
    acquisition_size: int = 10
    initial_size: int = 20

    def __post_init__(self) -> None:
        if self.acquisition_size < 1:
            raise ConfigError(f"the acquisition size must be at least 1, not {self.acquisition_size}.")
        if self.subset_size is not None and self.subset_size < self.acquisition_size:
            raise ConfigError(
                f"the acquisition size {self.acquisition_size} is larger than the sub-pool of "
                f"{self.subset_size}: choose a larger subset size or a smaller acquisition."
            )
        if self.labeling_budget < self.initial_size:
            raise ConfigError(
                f"the labeling budget {self.labeling_budget} is below the {self.initial_size} initial "
                f"labels: raise the budget."
            )
        super().__post_init__()
