"""Numbers with an interval."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_Z = 1.959963984540054  # the 97.5% point of the normal distribution


@dataclass(frozen=True)
class Range:
    """A number with its 95% interval; all None where it cannot be told.

    Attributes:
        value: the estimate; None with a lower end alone means "at least that".
        low: the lower end.
        high: the upper end; None where there is no bound.
    """

    value: float | None = None
    low: float | None = None
    high: float | None = None


UNKNOWN = Range()
"""What cannot be told."""


def wilson(right: int, count: int) -> Range:
    """A share ``right / count`` with Wilson's score interval (1927); nothing for a count of 0."""
    if not count:
        return Range()
    share, spread = right / count, _Z * _Z / count
    middle = (share + spread / 2) / (1 + spread)
    half = _Z * math.sqrt(share * (1 - share) / count + spread / (4 * count)) / (1 + spread)
    # At the ends the formula gives 0 and 1 but for rounding.
    return Range(share, middle - half if right else 0.0, middle + half if right < count else 1.0)


def percentiles(value: float, draws: NDArray[np.float64] | Sequence[float], most: float = math.inf) -> Range:
    """The middle 95% of bootstrap draws; what is above ``most`` or infinite counts as beyond all bounds.

    Without an upper bound only the lower end is told, and nothing where that is not above 0.

    Args:
        value: the estimate itself.
        draws: float64 [B], infinite where a draw has no bound.
        most: above this nothing is believed.
    """
    ordered = np.sort(np.asarray(draws, dtype=np.float64))
    low, high = (float(ordered[int(q * (len(ordered) - 1))]) for q in (0.025, 0.975))
    if math.isfinite(high) and high <= most and math.isfinite(value):
        return Range(value, min(low, value), max(high, value))
    low = min(low, most)
    return Range(None, low, None) if 0 < low < math.inf else UNKNOWN
