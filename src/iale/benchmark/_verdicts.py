"""What a paired comparison says, in words; docs/protocol.md states the rules."""

from __future__ import annotations

from enum import StrEnum

from iale.benchmark._statistics import Comparison

MARGIN = 0.005
"""Half a point of accuracy: nobody labels more for a smaller gain."""

LEVEL = 0.05
"""p, corrected by Holm, must be below this."""


class Verdict(StrEnum):
    """The verdict on a comparison or on a claim."""

    HOLDS = "holds"
    FAILS = "does not hold"
    NO_GAIN = f"no gain over {100 * MARGIN:g} points"
    OPEN = "undecided"
    NOT_RUN = "not run"


def verdict(comparison: Comparison, margin: float = MARGIN) -> Verdict:
    """The verdict on the claim that the first strategy is better than the second.

    HOLDS: the t interval of the difference lies above 0, and p is significant. FAILS: the interval lies below 0, and p
    is significant. NO_GAIN: the interval ends below ``margin``, whatever p is. OPEN: everything else, and always if
    there is a single seed or if no seed differs.
    """
    low, high = comparison.difference.low, comparison.difference.high
    if low is None or high is None or not comparison.wins + comparison.losses:
        return Verdict.OPEN
    if low > 0 and significant(comparison):
        return Verdict.HOLDS
    if high < 0 and significant(comparison):
        return Verdict.FAILS
    return Verdict.NO_GAIN if high < margin else Verdict.OPEN


def significant(comparison: Comparison) -> bool:
    """Whether p, corrected by Holm, is below 5 %."""
    return comparison.p_holm is not None and comparison.p_holm < LEVEL
