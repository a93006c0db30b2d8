"""How many fits a cross-validation adds, for those who foresee what a query costs."""

from __future__ import annotations

from collections.abc import Set

from iale.strategies.base import Need

_FOLDS = 5


def folds_for(needs: Set[Need]) -> int:
    """Fits beside those of the classifier and its committee, which calibrate it, if one of ``needs`` asks for that."""
    return _FOLDS if needs & {Need.TEMPERATURE, Need.FOLDS, Need.OPINION} else 0
