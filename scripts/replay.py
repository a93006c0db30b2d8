"""A fast replay of a linear head in NumPy: a state, the fit, and the calibration (docs/universal.md).

Hundreds of fits a minute, with a fixed strength. So the numbers are not those of `iale bench`, and their only use is to
say which idea is worth more.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from numpy.typing import NDArray

from iale.benchmark._views import PIXELS

if TYPE_CHECKING:
    from torch import Tensor

    from iale.data import Samples

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
Family: TypeAlias = tuple[Floats, Ints, Floats, Ints]
FAMILIES = ("digits", "mnist", "cifar10-mobilenetv2")
FOLDS = 5
STRENGTH = 0.02  # of the head, times the width
HEATS = np.exp(np.linspace(-1.5, 2.5, 41))  # the temperatures that are tried
WIDEST = 256  # principal components that a head sees of wider points


@dataclass
class State:
    """What a variant may see: n samples of the pool, L labeled, C classes."""

    same: Floats  # [n, n] cosines
    labeled: Ints  # [L]
    labels: Ints  # [L]
    classes: int
    logits: Floats  # [n, C]
    held_out: Floats  # [L, C] logits of fits without the sample
    heat: float
    free: NDArray[np.bool_]  # [n] not labeled
    rng: np.random.Generator
    inputs: Floats  # [n, D] what the head sees, with a last column of ones
    strength: float  # of its penalty
    folds: Ints  # [L]
    fold_logits: Floats  # [F, n, C] of fits without a fold
    truth: Ints  # [n], for controls (scripts/ceilings.py); no variant may read it

    @property
    def n(self) -> int:
        """Samples of the pool."""
        return len(self.same)

    def probs(self, *, calibrated: bool = True) -> Floats:
        """[n, C]."""
        return softmax(self.logits / (self.heat if calibrated else 1))

    def bandwidth(self) -> float:
        """The median distance of a labeled sample to its nearest one."""
        near = np.sqrt(np.maximum(2 - 2 * self.same[np.ix_(self.labeled, self.labeled)], 0))
        np.fill_diagonal(near, 9)
        return max(0.01, float(np.median(near.min(1))))

    def kernel(self, factor: float = 1.0) -> Floats:
        """[n, n], of the bandwidth times a factor."""
        near = self.same - 1
        near *= 2
        near /= (factor * self.bandwidth()) ** 2
        return np.exp(near, out=near)


def softmax(values: Floats) -> Floats:
    """Along the last axis."""
    raised = np.exp(values - values.max(-1, keepdims=True))
    answer: Floats = raised / raised.sum(-1, keepdims=True)
    return answer


def unsure(probs: Floats) -> Floats:
    """U = 1 − (p₁ − p₂)."""
    top = np.partition(probs, -2, axis=1)
    return (1 - (top[:, -1] - top[:, -2])).astype(np.float32)


def fit(inputs: Floats, targets: Floats, weights: Floats, strength: float) -> Floats:
    """Softmax regressions, several at once: inputs [R, L, D] with a last column of ones, weights [R, L]; [R, D, C].

    Accelerated steps under Böhning's bound of the curvature (1992), with restarts.
    """
    penalty = np.full(inputs.shape[2], strength, np.float32)
    penalty[-1] = 1e-4
    curved = 0.5 * np.einsum("rni,rn,rnj->rij", inputs, weights, inputs, optimize=True)
    step = np.linalg.inv(curved + np.diag(penalty))
    now = ahead = np.zeros((len(inputs), inputs.shape[2], targets.shape[2]), np.float32)
    pace = 1.0
    for turn in range(150):
        wrong = (softmax(inputs @ ahead) - targets) * weights[:, :, None]
        slope = np.swapaxes(inputs, 1, 2) @ wrong + penalty[:, None] * ahead
        move = step @ slope
        new = ahead - move
        if turn and (slope * (new - now)).sum() > 0:
            pace = 1.0
        faster = (1 + np.sqrt(1 + 4 * pace * pace)) / 2
        ahead, now, pace = new + ((pace - 1) / faster) * (new - now), new, faster
        if (move * slope).sum((1, 2)).max() < 1e-5 * inputs.shape[1]:
            break
    return now


def folds_of(labels: Ints, rng: np.random.Generator) -> Ints:
    """The fold of each labeled sample, stratified."""
    found = np.zeros(len(labels), np.int64)
    for label in np.unique(labels):
        own = rng.permutation(np.flatnonzero(labels == label))
        found[own] = (np.arange(len(own)) + rng.integers(FOLDS)) % FOLDS
    return found


def heat_of(logits: Floats, labels: Ints) -> float:
    """The temperature with the least negative log likelihood."""
    places = np.arange(len(labels))
    losses = [-np.log(np.maximum(softmax(logits / heat)[places, labels], 1e-12)).mean() for heat in HEATS]
    return float(HEATS[int(np.argmin(losses))])


def unit(rows: Floats) -> Floats:
    """Rows of length 1."""
    answer: Floats = (rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)).astype(np.float32)
    return answer


@dataclass
class Fitted:
    """A head after its fit, and the heads of a cross-validation."""

    heads: Floats  # [1 + F, D, C]
    folds: Ints  # [L]
    held_out: Floats  # [L, C]
    heat: float


def fitted(seen: Floats, places: Ints, said: Ints, classes: int, width: int, salt: int = 0) -> Fitted:
    """The head of the labeled samples ``places`` of the pool ``seen`` [n, D]; ``salt`` draws other folds."""
    folds = folds_of(said, np.random.default_rng([len(places), salt] if salt else len(places)))
    weights = np.stack([np.ones(len(places)), *(folds != fold for fold in range(FOLDS))]).astype(np.float32)
    inputs = np.broadcast_to(seen[places], (FOLDS + 1, len(places), seen.shape[1]))
    targets = np.broadcast_to(np.eye(classes, dtype=np.float32)[said], (FOLDS + 1, len(places), classes))
    heads = fit(inputs, targets, weights, STRENGTH * width)
    held_out = np.stack([seen[place] @ heads[1 + fold] for place, fold in zip(places, folds, strict=True)])
    return Fitted(heads, folds, held_out, heat_of(held_out, said))


def load(family: str, view: str = PIXELS) -> Family:
    """Points and labels of up to 20,000 training and 2,000 test samples, in a geometry that needs no file."""
    import torch

    from iale.benchmark._play import loaded

    data, rng = loaded(family, view)[0], np.random.default_rng(1)

    def drawn(samples: Samples, labels: Tensor, most: int) -> tuple[Floats, Ints]:
        kept = np.sort(rng.permutation(len(labels))[:most])
        rows = samples.batch(torch.as_tensor(kept)).numpy().reshape(len(kept), -1)
        return rows.astype(np.float32), labels.numpy()[kept].astype(np.int64)

    return (*drawn(data.train, data.train_labels, 20_000), *drawn(data.test, data.test_labels, 2_000))
