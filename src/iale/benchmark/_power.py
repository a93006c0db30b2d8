"""What the seeds of an experiment can see, said before it runs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from iale.benchmark._experiment import Claim, Experiment
from iale.benchmark._judge import judge
from iale.benchmark._statistics import detectable, deviation
from iale.benchmark.records import Record

USUAL = 0.016
"""Standard deviation of a paired difference in AUC: the median over the experiments in docs/results.md."""


def foreseen(experiment: Experiment, records: Sequence[Record]) -> str:
    """A sentence about the smallest difference that the experiment's seeds will find in 8 of 10 cases.

    The deviation is that of the comparisons in ``records``, or the usual one if no comparison has enough seeds there.
    """
    spread, source = deviation_of(experiment, records), "in the runs so far"
    if spread is None:
        spread, source = USUAL, "as usual"
    seeds = min((grid.seeds for grid in experiment.grids), default=0)
    seen = detectable(seeds, spread)
    if seen is None:
        return "A single seed decides nothing: use at least 5."
    return (
        f"{seeds} seeds see a difference of {100 * seen:.1f} points of AUC in 8 of 10 cases (paired differences have a "
        f"standard deviation of {100 * spread:.1f} points, {source})."
    )


def deviation_of(experiment: Experiment, records: Sequence[Record]) -> float | None:
    """The median standard deviation of the paired differences, or None if there are none of 3 seeds or more."""
    claims = [claim for claim in experiment.claims if isinstance(claim, Claim)]
    found = [finding.comparison for claim in claims for finding in judge(claim, records)[1]]
    known = [deviation(c.difference) for c in found if c is not None and c.difference.count >= 3]
    return float(np.median([each for each in known if each is not None])) if known else None
