"""Whether to go on labeling."""

from __future__ import annotations

from iale.labeling.forecast._savings import Savings
from iale.labeling.forecast.status import Advice

_WORTH = 0.01  # a point of accuracy: less is not worth a fifth more labels


def advise(found: Savings, *, left: int, target: float | None) -> Advice:
    """Whether to go on; ``left`` samples have no label."""
    if not left:
        return Advice(True, "Stop: there is nothing left to label.", "Every sample has been answered.")
    low = found.accuracy.low
    if target is not None and low is not None and low >= target:
        return Advice(
            True,
            "Stop: the target is reached.",
            f"Even the lower end of the interval, {low:.1%}, is not below the target of {target:.1%}.",
        )
    high = found.more_gain.high
    if high is None:
        reason = next(iter(found.cannot_tell.values()), "the learning curve is too short.")
        return Advice(
            None, "Go on: it cannot be told yet what more labels would bring.", f"{reason[:1].upper()}{reason[1:]}"
        )
    # The upper end decides, so noise alone never stops a project that still learns.
    if high < _WORTH:
        return Advice(
            True,
            "Stop: more labels are hardly worth it.",
            f"{found.more} more labels are predicted to add at most {100 * high:.1f} points of accuracy.",
        )
    value = max(0.0, found.more_gain.value or 0.0)
    return Advice(
        False,
        "Go on: the classifier still learns.",
        f"{found.more} more labels are predicted to add {100 * value:.1f} points of accuracy, at most "
        f"{100 * high:.1f}.",
    )
