"""Slow, plain versions of what the universal policy computes, one number at a time."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from iale.strategies.base import QueryContext
from iale.testing import reference

Floats = NDArray[np.float64]


def units(rows: Tensor) -> Floats:
    exact = rows.double().numpy()
    found: Floats = exact / np.maximum(np.linalg.norm(exact, axis=1, keepdims=True), 1e-300)
    return found


def kernel(one: Floats, other: Floats, bandwidth: float) -> float:
    return math.exp(-float(((one - other) ** 2).sum()) / bandwidth**2)


def total_variation(one: Floats, other: Floats) -> float:
    return float(np.abs(one - other).sum()) / 2


def softmax(logits: Tensor, heat: float) -> Floats:
    found: Floats = torch.softmax(logits.double() / heat, dim=-1).numpy()
    return found


def space_columns(rows: Floats, labeled: Floats, width: float, u: Sequence[float], predicted: Sequence[int]) -> Floats:
    """distance, covered, density, alike, gain: [n, 5]; every other candidate is compared."""
    n, found = len(rows), []
    m = [max((kernel(row, other, width) for other in labeled), default=0.0) for row in rows]
    left = sum(u[j] * (1 - m[j]) for j in range(n))
    for i, row in enumerate(rows):
        others = [j for j in range(n) if j != i]
        apart = min((float(np.linalg.norm(row - other)) for other in labeled), default=2.0)
        near = sorted(others, key=lambda j: float(np.linalg.norm(rows[j] - row)))[:5]
        gain = sum(u[j] * max(kernel(row, rows[j], width) - m[j], 0) for j in range(n)) / (left or 1)
        found.append(
            [
                math.log(1 + apart / width),
                m[i],
                float(np.mean([kernel(row, rows[j], width) for j in others])) if others else 0.0,
                float(np.mean([predicted[j] == predicted[i] for j in near])) if near else 1.0,
                math.log(min(1.0, max(1e-6, gain))),
            ]
        )
    return np.array(found)


def votes(rows: Floats, labeled: Floats, labels: Sequence[int], classes: int, width: float) -> Floats:
    found = np.full((len(rows), classes), 1 / classes)
    for i, row in enumerate(rows if len(labeled) else ()):
        weights = [kernel(row, other, width) for other in labeled]
        found[i] = [
            sum(w for w, y in zip(weights, labels, strict=True) if y == c) / sum(weights) for c in range(classes)
        ]
    return found


def margin_uncertainty(probs: Floats) -> float:
    first, second = sorted(probs.tolist(), reverse=True)[:2]
    return 1.0 - float(first - second)


def shares_below(values: Sequence[float]) -> list[float]:
    steps = [round(1e4 * float(np.float32(value))) for value in values]
    return [(sum(v < own for v in steps) + sum(v <= own for v in steps)) / 2 / len(steps) for own in steps]


def one_nearest(rows: Floats, labels: Sequence[int]) -> float:
    """The share of labeled samples whose nearest other one has the same label."""
    right = 0
    for i in range(len(rows)):
        others = [j for j in range(len(rows)) if j != i]
        right += labels[min(others, key=lambda j: float(np.linalg.norm(rows[j] - rows[i])))] == labels[i]
    return right / len(rows)


def widths(context: QueryContext) -> tuple[float, float]:
    """δ in the geometry and in the embedding."""
    assert context.labeled_geometry is not None
    assert context.labeled is not None
    views = context.labeled_geometry.read(), context.labeled.embeddings
    return reference.bandwidth(views[0], "median"), reference.bandwidth(views[1], "median")
