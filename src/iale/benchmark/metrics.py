"""What a learning curve is worth.

Legend of dimensions: S seeds, P recorded points of a curve.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def area(accuracy: Sequence[float] | Floats) -> float:
    """AUC: the mean accuracy over the recorded points, 0 … 1, as in the published figures of the method.

    It is no trapezoid: every recorded point counts alike, the first and the last too.

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
    """The accuracy at the last recorded point with at most ``labels`` labels; None where the curve does not cover them.

    >>> accuracy_at([20, 50, 80], [0.5, 0.7, 0.8], 60), accuracy_at([20, 50, 80], [0.5, 0.7, 0.8], 100)
    (0.7, None)
    """
    if not labeled[0] <= labels <= labeled[-1]:
        return None
    return float(accuracy[int(np.searchsorted(np.asarray(labeled), labels, side="right")) - 1])


def curves(records: Sequence[dict[str, Any]]) -> Floats:
    """float64 [S, P]: the accuracies of runs with equal recorded points, seed by seed."""
    ordered = sorted(records, key=lambda record: int(record["seed"]))
    return np.asarray([record["accuracy"] for record in ordered], dtype=np.float64)
