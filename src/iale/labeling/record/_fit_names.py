"""What fits said, in the names that classes have now: they may have been renamed, merged, or removed since."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

Renames = Mapping[str, str | None]
"""Names that are not used any more, and the names that their classes have now; None if they were removed."""


def predictions_now(predicted: Mapping[str, str], renames: Renames) -> dict[str, str]:
    """Predicted classes, by sample; one that was removed keeps its name, and is wrong from then on."""
    return {sample: renames.get(name, name) or name for sample, name in predicted.items()}


def guess_now(guess: tuple[tuple[str, float], ...], renames: Renames) -> tuple[tuple[str, float], ...]:
    """A guess, best first: classes that were merged add up, and one that was removed is no guess."""
    total: defaultdict[str, float] = defaultdict(float)
    for name, probability in guess:
        if (now := renames.get(name, name)) is not None:
            total[now] += probability
    return tuple(sorted(total.items(), key=lambda pair: -pair[1]))
