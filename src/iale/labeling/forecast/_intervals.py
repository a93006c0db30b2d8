"""Numbers with an interval."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from iale.labeling.forecast.status import Range

_Z = 1.959963984540054  # the 97.5% point of the normal distribution
UNKNOWN = Range()


def wilson(right: int, count: int) -> Range:
    """A share p = ``right / count`` with Wilson's score interval (1927); `UNKNOWN` for a count of 0.

    (p + z²/2n ± z √(p (1 − p) / n + z²/4n²)) / (1 + z²/n). Unlike p ± z √(p (1 − p) / n), it keeps its 95% for few
    tests and near 0 and 1: 25 of 25 right gives 86.7% to 100%.
    """
    if not count:
        return UNKNOWN
    share, spread = right / count, _Z * _Z / count
    middle = (share + spread / 2) / (1 + spread)
    half = _Z * math.sqrt(share * (1 - share) / count + spread / (4 * count)) / (1 + spread)
    # The formula gives exactly 0 and 1 there, apart from rounding.
    return Range(share, middle - half if right else 0.0, middle + half if right < count else 1.0)


def percentiles(value: float, draws: NDArray[np.float64]) -> Range:
    """An estimate with the middle 95% of its bootstrap draws; the estimate itself is never outside."""
    ordered = np.sort(draws)
    low, high = (float(ordered[int(q * (len(ordered) - 1))]) for q in (0.025, 0.975))
    return Range(value, min(low, value), max(high, value))


def cohens_kappa(pairs: Sequence[tuple[str, str]]) -> Range:
    """κ = (p_o − p_e) / (1 − p_e), with p_o the observed agreement and p_e that of chance; 0 is chance, 1 is perfect.

    The interval is Cohen's for large samples, κ ± z √(p_o (1 − p_o) / n) / (1 − p_e). If both people use one and the
    same class, chance alone always agrees: κ is not defined, and `UNKNOWN` is returned.
    """
    count = len(pairs)
    if not count:
        return UNKNOWN
    first, second = Counter(a for a, _ in pairs), Counter(b for _, b in pairs)
    observed = sum(a == b for a, b in pairs) / count
    chance = sum(first[name] * second[name] for name in first) / count**2
    if chance == 1:
        return UNKNOWN
    kappa = (observed - chance) / (1 - chance)
    half = _Z * math.sqrt(observed * (1 - observed) / count) / (1 - chance)
    return Range(kappa, max(-1.0, kappa - half), min(1.0, kappa + half))
