"""What runs will cost, told before the first of them begins: the first progress may be many minutes away."""

from __future__ import annotations

from collections.abc import Sequence

from iale._many import many, spoken
from iale.benchmark._play import Run, prepared_for
from iale.classifiers._trial import LONG, Rates, rates
from iale.data.samples import DataSet
from iale.strategies._demand import demand


def cost(runs: Sequence[Run], workers: int) -> str:
    """A sentence: how many fits there are and, on a CPU, about how long they take.

    What strategies and oracles themselves compute is not foreseen, nor are early stops and linear heads.
    """
    told = f"{many(len(runs), 'run')} with {many(sum(len(_sizes(run)) for run in runs), 'fit')} in all"
    measured: dict[object, tuple[Rates | None, DataSet]] = {}
    seconds = 0.0
    for run in runs:
        config = run.config
        seen = run.vectors or config.embeddings
        sizes = config.resize, config.neighbors
        kind = config.dataset, config.classifier_name, config.training, config.own, sizes, seen
        if kind not in measured:
            data, classifier, _ = prepared_for(config, run.vectors)
            measured[kind] = rates(classifier, data), data
        found, data = measured[kind]
        seconds += 0.0 if found is None else _seconds(run, found, data)
    if seconds / workers <= LONG:
        return told
    return f"{told}, which take about {spoken(seconds / workers)}; what is finished is kept if you stop"


def _sizes(run: Run) -> list[int]:
    """The number of labels at each fit."""
    cycle = run.config.cycle
    return [*range(cycle.initial_size, cycle.labeling_budget, cycle.acquisition_size), cycle.labeling_budget]


def _seconds(run: Run, measured: Rates, data: DataSet) -> float:
    config, cycle, sizes = run.config, run.config.cycle_of(run.pool), _sizes(run)
    strategies = [] if run.query_strategy is None else [run.query_strategy]
    asked = demand(strategies, cycle.committee_size, cycle.monte_carlo_passes)
    tested, pool = config.test_size or len(data.test), config.pool_size or len(data.train)
    predicted = sum(tested + asked.predictions * min(cycle.subset_size or pool, pool - size) for size in sizes)
    return asked.fits * measured.seconds(sizes, config.training.epochs) + predicted * measured.prediction
