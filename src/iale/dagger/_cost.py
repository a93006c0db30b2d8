"""What the episodes of a policy will cost, told before the first of them begins: it may take an hour."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from iale._many import many, spoken
from iale.classifiers._trial import LONG, rates
from iale.classifiers.base import Classifier
from iale.dagger._demonstrations import has_episode
from iale.dagger.config import AlilConfig, DaggerConfig
from iale.data.samples import DataSet
from iale.strategies._demand import demand
from iale.strategies.base import QueryStrategy


def tell_cost(
    config: DaggerConfig | AlilConfig,
    data: DataSet,
    classifier: Classifier,
    experts: Mapping[str, QueryStrategy],
    out: Path,
    workers: int = 1,
) -> None:
    """Says on stderr how many fits the episodes that are left have at most and, on a CPU, about how long they take.

    Experts that agree share a fit, so there may be fewer. What experts themselves compute is not foreseen, nor are
    early stops, linear heads, and the updates of the policy.

    Args:
        config: of the policy.
        data: the source.
        classifier: M.
        experts: the strategies that are imitated, by name; none for ALIL, whose experts are its choices.
        out: the run's folder, with the episodes that are finished.
        workers: episodes side by side.
    """
    left = sum(not has_episode(out, number) for number in range(1, config.episodes + 1))
    if left:
        print(_told(config, left, data, classifier, experts, workers), file=sys.stderr)


def _told(
    config: DaggerConfig | AlilConfig,
    left: int,
    data: DataSet,
    classifier: Classifier,
    experts: Mapping[str, QueryStrategy],
    workers: int,
) -> str:
    cycle = config.cycle
    every = config.retrain_every if isinstance(config, AlilConfig) else 1
    judged = config.choices if isinstance(config, AlilConfig) else len(experts)
    # Each step fits M, with all that experts need besides it, and then once for each expert, with its labels added.
    asked = demand(experts.values(), cycle.committee_size, cycle.monte_carlo_passes)
    steps = range(cycle.initial_size, cycle.labeling_budget, cycle.acquisition_size)
    before = [size for size in steps[::every] for _ in range(asked.fits)]
    after = [min(size + cycle.acquisition_size, cycle.labeling_budget) for size in steps for _ in range(judged)]
    told = f"{many(left, 'episode')} with at most {many(left * len(before + after), 'fit')} in all"
    measured = rates(classifier, data)
    if measured is None:
        return told
    # In an episode of faithful ALIL either the expert acts, which looks ahead, or the policy, which does not.
    looks = config.expert_probability if isinstance(config, AlilConfig) and config.variant == "faithful" else 1.0
    epochs, read = config.training.epochs, len(steps) * measured.prediction
    one = measured.seconds(before, epochs) + read * asked.predictions * (cycle.subset_size or 0)
    one += looks * (measured.seconds(after, epochs) + read * judged * config.scoring_size)
    seconds = left * one / max(1, min(workers, config.round_size))
    if seconds <= LONG:
        return told
    return f"{told}, which take about {spoken(seconds)}; what is finished is kept if you stop"
