"""Intervals and tests for few paired seeds, in float64.

Intervals are Student's t over seeds: a percentile bootstrap of 10 normal values covers 90 % where it says 95, t covers
95 as long as the values are roughly symmetric. Tests are Wilcoxon's signed-rank test, which asks nothing but that
symmetry, corrected by Holm for the comparisons of one column. The smallest p that n seeds can give is 2 / 2ⁿ.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from iale.benchmark.metrics import Floats
from iale.errors import ConfigError


@dataclass(frozen=True)
class Estimate:
    """A mean over seeds with its interval.

    Attributes:
        mean: of ``count`` values.
        low: lower end of the 95 % interval, or None for a single value.
        high: upper end.
        count: number of seeds.
    """

    mean: float
    low: float | None
    high: float | None
    count: int


@dataclass(frozen=True)
class Comparison:
    """A strategy against another one, seed by seed.

    Attributes:
        difference: of the paired values; positive where the strategy is better.
        wins: seeds on which it is better.
        ties: seeds on which both are equal.
        losses: seeds on which it is worse.
        p_value: of the two-sided Wilcoxon signed-rank test, or None for a single seed.
        p_holm: the same, corrected for all comparisons of one table.
    """

    difference: Estimate
    wins: int
    ties: int
    losses: int
    p_value: float | None
    p_holm: float | None = None


def half_width(values: ArrayLike, confidence: float = 0.95) -> Floats:
    """Half the width of the t interval of the mean over the first axis: values [S, …] to float64 […].

    Raises:
        ConfigError: there are fewer than two values.
    """
    array = np.asarray(values, dtype=np.float64)
    if len(array) < 2:
        raise ConfigError(f"an interval needs at least 2 seeds, {len(array)} came.")
    error = array.std(axis=0, ddof=1) / np.sqrt(len(array))
    return np.asarray(stats.t.ppf((1 + confidence) / 2, len(array) - 1) * error, dtype=np.float64)


def estimate(values: ArrayLike) -> Estimate:
    """Mean and 95 % interval of ``values`` [S]; no interval for a single seed."""
    array = np.asarray(values, dtype=np.float64)
    mean = float(array.mean())
    if len(array) < 2:
        return Estimate(mean, None, None, len(array))
    half = float(half_width(array))
    return Estimate(mean, mean - half, mean + half, len(array))


def signed_rank(differences: ArrayLike) -> float | None:
    """p of the two-sided Wilcoxon signed-rank test on ``differences`` [S]; zeros are left out.

    Exact for up to 50 seeds without ties. None for a single seed, 1 where all differences are zero.
    """
    array = np.asarray(differences, dtype=np.float64)
    if len(array) < 2:
        return None
    array = array[array != 0]
    if not len(array):
        return 1.0
    return float(stats.wilcoxon(array).pvalue)


def compare(values: Mapping[int, float], reference: Mapping[int, float]) -> Comparison | None:
    """``values`` against ``reference`` on the seeds that both have, or None where they share none.

    Args:
        values: a strategy's figure for each seed, higher is better.
        reference: the other one's.
    """
    shared = sorted(values.keys() & reference.keys())
    if not shared:
        return None
    pairs = np.asarray([(values[seed], reference[seed]) for seed in shared], dtype=np.float64)
    difference = pairs[:, 0] - pairs[:, 1]
    wins, losses = int((difference > 0).sum()), int((difference < 0).sum())
    ties = len(shared) - wins - losses
    return Comparison(estimate(difference), wins, ties, losses, signed_rank(difference))


def holm(p_values: Sequence[float]) -> list[float]:
    """Corrected p values, in the same order (Holm 1979): they bound the chance of one false finding in the family.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    corrected, highest = [0.0] * len(p_values), 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=lambda place: p_values[place])):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[place]))
        corrected[place] = highest
    return corrected
