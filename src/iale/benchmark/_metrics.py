"""What a learning curve is worth, in one number."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def area(accuracy: Sequence[float] | Floats) -> float:
    """AUC: the mean accuracy over the recorded points, 0 … 1, as in the published figures of the method.

    This is not the trapezoidal rule: every recorded point has the same weight, the first and the last included.

    >>> area([0.25, 0.5, 0.75])
    0.5
    """
    return float(np.mean(np.asarray(accuracy, dtype=np.float64)))


def labels_to_reach(labeled: Sequence[int], accuracy: Sequence[float] | Floats, target: float) -> int | None:
    """The number of labels at the first recorded point whose accuracy is at least ``target``; None if none is.

    >>> labels_to_reach([20, 30, 40], [0.5, 0.8, 0.7], 0.7)
    30
    """
    reached = np.flatnonzero(np.asarray(accuracy, dtype=np.float64) >= target)
    return int(labeled[reached[0]]) if len(reached) else None


def accuracy_at(labeled: Sequence[int], accuracy: Sequence[float] | Floats, labels: int) -> float | None:
    """The accuracy at the last recorded point with at most ``labels`` labels; None outside of the curve.

    >>> accuracy_at([20, 50, 80], [0.5, 0.7, 0.8], 60), accuracy_at([20, 50, 80], [0.5, 0.7, 0.8], 100)
    (0.7, None)
    """
    if not labeled[0] <= labels <= labeled[-1]:
        return None
    return float(accuracy[int(np.searchsorted(np.asarray(labeled), labels, side="right")) - 1])
