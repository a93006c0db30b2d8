"""What a learning curve is worth, and intervals and tests for few paired seeds, in float64.

Intervals of a mean over S seeds are Student's t: mean ± t(S − 1, 0.975) · s / √S. They cover 95 % as long as the values
are roughly symmetric, while a nominal 95 % percentile bootstrap of 10 normal values covers only 90 %. Tests are
Wilcoxon's signed-rank test (1945), which assumes symmetry and nothing else, corrected by Holm (1979) for the
comparisons of one family. The smallest p that S seeds can give is 2 / 2^S.

A second interval of every difference is the bias-corrected and accelerated bootstrap (BCa, Efron 1987), which does not
assume symmetry: if both agree, the shape of the distribution did not matter. Verdicts use t.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, stats

from iale.errors import ConfigError
from iale.seeding import Stream

K = TypeVar("K")
Floats = NDArray[np.float64]

_RESAMPLES = 9_999
_DIGITS = 12  # decimals; AUCs are ratios of counts, so differences beyond this come from floating point alone
_POWER = 0.8  # chance of finding a difference
_BOOTSTRAP = Stream(0).child("statistics", "bootstrap")


@dataclass(frozen=True)
class Estimate:
    """A mean over seeds with its 95 % t interval."""

    mean: float
    low: float | None  # None for a single value
    high: float | None
    count: int  # number of seeds


@dataclass(frozen=True)
class Comparison:
    """A strategy against another one, seed by seed."""

    difference: Estimate  # positive if the first strategy is better
    wins: int  # seeds on which the first is better
    ties: int
    losses: int
    p_value: float | None  # of the two-sided Wilcoxon signed-rank test, maybe beyond a margin; None for a single seed
    bootstrap: tuple[float, float] | None  # 95 % BCa interval of the mean difference; None for a single seed
    p_holm: float | None = None  # corrected for all comparisons of one family; None before `correct`


def area(accuracy: Sequence[float] | Floats) -> float:
    """AUC: the mean accuracy over the recorded points, 0 … 1, as in the published figures of the method.

    This is not the trapezoidal rule: every recorded point has the same weight, the first and the last included.

    >>> area([0.25, 0.5, 0.75])
    0.5
    """
    return float(np.mean(np.asarray(accuracy, dtype=np.float64)))


def labels_to_reach(labeled: Sequence[int], accuracy: Sequence[float] | Floats, target: float) -> int | None:
    """The number of labels at the first recorded point whose accuracy is at least ``target``; None if none is.

    Two means of the same accuracies may differ in rounding, and count as equal.

    >>> labels_to_reach([20, 30, 40], [0.5, 0.8, 0.7], 0.7)
    30
    """
    reached = np.flatnonzero(np.asarray(accuracy, dtype=np.float64) >= target - 10.0**-_DIGITS)
    return int(labeled[reached[0]]) if len(reached) else None


def accuracy_at(labeled: Sequence[int], accuracy: Sequence[float] | Floats, labels: int) -> float | None:
    """The accuracy at the last recorded point with at most ``labels`` labels; None outside of the curve.

    >>> accuracy_at([20, 50, 80], [0.5, 0.7, 0.8], 60), accuracy_at([20, 50, 80], [0.5, 0.7, 0.8], 100)
    (0.7, None)
    """
    if not labeled[0] <= labels <= labeled[-1]:
        return None
    return float(accuracy[int(np.searchsorted(np.asarray(labeled), labels, side="right")) - 1])


def half_width(values: ArrayLike) -> Floats:
    """Half the width of the 95 % t interval of the mean over the first axis: values [S, …] to float64 […]."""
    array = np.asarray(values, dtype=np.float64)
    if len(array) < 2:
        raise ConfigError(f"an interval needs at least 2 seeds, not {len(array)}: run more.")
    error = array.std(axis=0, ddof=1) / np.sqrt(len(array))
    return np.asarray(stats.t.ppf(0.975, len(array) - 1) * error, dtype=np.float64)


def estimate(values: ArrayLike) -> Estimate:
    """Mean and 95 % interval of ``values`` [S]; no interval for a single seed."""
    array = np.asarray(values, dtype=np.float64)
    mean = float(array.mean())
    if len(array) < 2:
        return Estimate(mean, None, None, len(array))
    half = float(half_width(array))
    return Estimate(mean, mean - half, mean + half, len(array))


def deviation(value: Estimate) -> float | None:
    """The standard deviation of the values behind a mean, from its interval; None for a single value."""
    if value.high is None:
        return None
    return float((value.high - value.mean) * np.sqrt(value.count) / stats.t.ppf(0.975, value.count - 1))


def bootstrap_interval(values: ArrayLike) -> tuple[float, float] | None:
    """Ends of the 95 % BCa bootstrap interval of the mean of ``values`` [S] (Efron 1987), from 9,999 seeded resamples.

    None for a single value. If all values are equal, BCa is not defined, and both ends are that value.
    """
    array = np.asarray(values, dtype=np.float64)
    if len(array) < 2:
        return None
    largest = np.abs(array).max()
    if np.ptp(array) <= 1e-12 * largest:
        return float(array.mean()), float(array.mean())
    # The acceleration takes cubes of deviations, which underflow for tiny differences. Scaling by a power of two brings
    # the values near 1 and rounds nothing.
    exponent = int(np.frexp(largest)[1])
    scaled = np.ldexp(array, -exponent)
    found = stats.bootstrap(
        (scaled,), np.mean, n_resamples=_RESAMPLES, method="BCa", random_state=_BOOTSTRAP.numpy()
    ).confidence_interval
    return float(np.ldexp(found.low, exponent)), float(np.ldexp(found.high, exponent))


def interquartile_mean(values: ArrayLike) -> float:
    """The mean of ``values`` [S] without the lowest and the highest quarter, rounded down to whole seeds.

    >>> interquartile_mean([0.0, 1.0, 3.0, 100.0])
    2.0
    """
    return float(stats.trim_mean(np.asarray(values, dtype=np.float64), 0.25))


def signed_rank(differences: ArrayLike) -> float | None:
    """p of the two-sided Wilcoxon signed-rank test on ``differences`` [S]; zeros are left out, as Wilcoxon did.

    Always exact, also if some differences are equal in size. None for a single seed, and 1 if all differences are zero.
    """
    array = np.asarray(differences, dtype=np.float64)
    if len(array) < 2:
        return None
    array = array[array != 0]
    if not len(array):
        return 1.0
    # Differences of one size share the mean of their ranks. Twice a mean rank is an integer, so all sums are integers.
    ranks = np.rint(2 * stats.rankdata(np.abs(array))).astype(np.int64)
    chances = _rank_sums(ranks)
    positive = int(ranks[array > 0].sum())
    smaller, larger = chances[: positive + 1].sum(), chances[positive:].sum()
    return float(min(1.0, 2 * min(smaller, larger)))


def signed_rank_beyond(differences: Floats, within: tuple[float, float]) -> float | None:
    """p of `signed_rank` for differences [S] beyond the range ``within``, on the side of their mean; 1 if it is inside.

    Twice the one-sided p, so that the side need not be chosen beforehand.
    """
    low, high = within
    mean = float(differences.mean())
    if low < high and low <= mean <= high and len(differences) > 1:
        return 1.0
    return signed_rank(np.round(differences - (low if mean < low else high), _DIGITS) + 0.0)


def _rank_sums(ranks: NDArray[np.int64]) -> Floats:
    """float64 [sum of ranks + 1]: the chance of each sum of the positive ranks if every sign is a fair coin.

    Adding one rank after the other is a convolution with (1, 0, …, 0, 1) / 2. Only halvings and additions of
    non-negative numbers occur, so no digits cancel.
    """
    chances = np.zeros(int(ranks.sum()) + 1)
    chances[0] = 1.0
    for rank in ranks.tolist():
        raised = np.concatenate([np.zeros(rank), chances[: len(chances) - rank]])
        chances = (chances + raised) / 2
    return chances


def detectable(seeds: int, deviation: float) -> float | None:
    """The smallest true difference that ``seeds`` paired seeds find in 8 of 10 cases at p < 0.05.

    ``deviation`` is the standard deviation of a difference. The test is Student's, whose power is known exactly (the
    noncentral t distribution); Wilcoxon's needs about 5 % more seeds for normal differences. None for a single seed.

    >>> round(detectable(20, 1.3), 1)
    0.9
    """
    if seeds < 2:
        return None
    limit, degrees = stats.t.ppf(0.975, seeds - 1), seeds - 1
    # The other tail of the test adds less than 1e-4 at any useful power. At 2 × limit + 4 the power is above 95 %.
    shift = optimize.brentq(lambda shift: stats.nct.sf(limit, degrees, shift) - _POWER, 0.0, 2 * limit + 4)
    return float(shift * deviation / np.sqrt(seeds))


def compare(
    values: Mapping[int, float], reference: Mapping[int, float], within: tuple[float, float] = (0.0, 0.0)
) -> Comparison | None:
    """``values`` against ``reference``, numbers by seed, on the seeds that both have; None if they share no seed.

    p asks whether the difference lies beyond the range ``within``; by default, whether it is not zero.
    """
    shared = sorted(values.keys() & reference.keys())
    if not shared:
        return None
    pairs = np.asarray([(values[seed], reference[seed]) for seed in shared], dtype=np.float64)
    # Wilcoxon's ranks and the ties among the wins need equal differences to be equal to the bit.
    difference = np.round(pairs[:, 0] - pairs[:, 1], _DIGITS) + 0.0  # −0 is 0
    wins, losses = int((difference > 0).sum()), int((difference < 0).sum())
    ties = len(shared) - wins - losses
    p_value, interval = signed_rank_beyond(difference, within), bootstrap_interval(difference)
    return Comparison(estimate(difference), wins, ties, losses, p_value, interval)


def correct(comparisons: Mapping[K, Comparison | None]) -> dict[K, Comparison]:
    """The comparisons that exist, with p corrected by Holm for all of them as one family."""
    known = {name: comparison for name, comparison in comparisons.items() if comparison is not None}
    tested = {name: comparison.p_value for name, comparison in known.items() if comparison.p_value is not None}
    corrected = dict(zip(tested, holm(list(tested.values())), strict=True))
    return {name: replace(comparison, p_holm=corrected.get(name)) for name, comparison in known.items()}


def matrix(values: Mapping[str, Mapping[int, float]]) -> dict[tuple[str, str], Comparison]:
    """Every strategy against every strategy, by row and column.

    The family of Holm's correction is the n (n − 1) / 2 pairs. Pairs that share no seed are left out. A strategy
    against itself ties on every seed and belongs to no family.
    """
    names = list(values)
    pairs = {(a, b): compare(values[a], values[b]) for i, a in enumerate(names) for b in names[i + 1 :]}
    found = correct(pairs)
    alone = {(name, name): compare(values[name], values[name]) for name in names}
    diagonal = {pair: replace(own, p_holm=own.p_value) for pair, own in alone.items() if own is not None}
    return {**diagonal, **found, **{(b, a): _turned(comparison) for (a, b), comparison in found.items()}}


def holm(p_values: Sequence[float]) -> list[float]:
    """p values in the same order, corrected so that they bound the chance of any false finding (Holm 1979).

    The k-th smallest of m values (k from 0) is multiplied by m − k; the results never decrease in that order.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    corrected, highest = [0.0] * len(p_values), 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=lambda place: p_values[place])):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[place]))
        corrected[place] = highest
    return corrected


def _turned(comparison: Comparison) -> Comparison:
    """The same comparison seen from the other strategy."""
    gap, interval = comparison.difference, comparison.bootstrap
    low, high = (None, None) if gap.low is None or gap.high is None else (-gap.high, -gap.low)
    turned = None if interval is None else (-interval[1], -interval[0])
    difference, wins, losses = Estimate(-gap.mean, low, high, gap.count), comparison.losses, comparison.wins
    return replace(comparison, difference=difference, wins=wins, losses=losses, bootstrap=turned)
