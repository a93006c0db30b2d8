"""Samples as short vectors that need no model, to spread the first samples and to find near-duplicates."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from iale.data.samples import SampleKind

_SIDE = 16  # pixels
ALIKE = {"image": 0.98, "text": 0.95, "row": 0.999}  # the smallest cosines between sketches of near-duplicates


def sketches(batch: Tensor, kind: SampleKind) -> NDArray[np.float32]:
    """float32 [B, D], rows of length 1 or 0, of uint8 or float32 [B, …].

    Images are averaged over their channels to 16 x 16 pixels, minus their mean, so brightness and contrast do not
    count. Texts are taken as they are, and rows of features minus their mean.
    """
    values = batch.float()
    if values.dim() == 4:
        values = torch.nn.functional.adaptive_avg_pool2d(values.mean(dim=1, keepdim=True), _SIDE)
    flat = values.flatten(1)
    if kind != "text":
        flat = flat - flat.mean(dim=1, keepdim=True)
    length = flat.norm(dim=1, keepdim=True)
    return np.asarray((flat / torch.where(length > 0, length, 1.0)).numpy(), dtype=np.float32)


def spread(points: NDArray[np.float32], count: int, rng: np.random.Generator, near: Tensor | None = None) -> list[int]:
    """Positions of ``count`` points far from one another (k-means++, Arthur & Vassilvitskii 2007).

    Each is drawn with a probability proportional to its squared distance from the nearest one before it. Unlike
    farthest-first order, this does not begin with all the outliers. ``near``, float64 [n], holds squared distances to
    what is chosen already; None if nothing is.
    """
    values = points.astype(np.float64)
    nearest = np.full(len(values), np.inf) if near is None else near.double().numpy().copy()
    open_ = np.ones(len(values), dtype=bool)
    chosen: list[int] = []
    while len(chosen) < min(count, len(values)):
        weights = np.where(open_, np.where(np.isfinite(nearest), nearest, 1.0), 0.0)
        if not weights.sum() > 0:
            weights = open_.astype(np.float64)  # only copies of chosen points are left
        position = int(rng.choice(len(values), p=weights / weights.sum()))
        chosen.append(position)
        open_[position] = False
        nearest = np.minimum(nearest, np.square(values - values[position]).sum(axis=1))
    return chosen


def keep_apart(order: NDArray[np.float32], before: Iterable[NDArray[np.float32]], alike: float) -> list[int]:
    """Positions in a ranking with near-duplicates at its end.

    A sample that looks like one ranked higher, or like one of those ``before``, would teach little that is new. The
    ranking is float32 [n, D] and each part of ``before`` [m, D]; ``alike`` is the smallest cosine of near-duplicates.
    """
    same = np.asarray(order @ order.T >= alike)
    known = np.zeros(len(order), dtype=bool)
    for part in before:
        known |= (order @ part.T >= alike).any(axis=1)
    kept: list[int] = []
    late: list[int] = []
    for position in range(len(order)):
        (late if known[position] or same[position, kept].any() else kept).append(position)
    return kept + late
