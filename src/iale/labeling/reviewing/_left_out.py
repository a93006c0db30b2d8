"""What a model says about each label that has not seen this label: leave-one-out in closed form.

Legend of dimensions: n labeled samples, C classes, D numbers of a point, m landmarks.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from iale.seeding import Stream

Floats = NDArray[np.float64]

_LANDMARKS = 300
_RIDGES = np.logspace(-6, 2, 17)  # of the mean variance of the features
_SHARPNESS = np.logspace(-0.5, 2.5, 31)


def left_out_probabilities(points: Floats, labels: NDArray[np.int64], classes: int) -> Floats:
    """float64 [n, C]: for each sample the probabilities of a model that learned from all others.

    The model is a ridge regression of the classes on radial basis functions around m random samples. Its prediction
    without sample i is (p_i - h_ii y_i) / (1 - h_ii), with h the diagonal of the hat matrix, so nothing is fitted n
    times (Hastie, Tibshirani and Friedman 2009, Eq. 7.64). The ridge has the least squared error on samples left out,
    and the sharpness of the softmax the least cross-entropy there.

    Args:
        points: float64 [n, D].
        labels: int64 [n], from 0 to C - 1.
        classes: C.
    """
    hot = np.eye(classes)[labels]  # [n, C]
    scores = _left_out(_around_landmarks(points), hot)
    return _sharpened(scores, labels)


def _around_landmarks(points: Floats) -> Floats:
    """exp(-d² / median d²) to at most 300 of the points: [n, m]."""
    some = Stream(0).child("landmarks").numpy().permutation(len(points))[:_LANDMARKS]
    marks = points[some]
    squared = np.square(points).sum(axis=1)[:, None] + np.square(marks).sum(axis=1) - 2 * points @ marks.T
    squared = np.maximum(squared, 0.0)
    usual = float(np.median(squared))
    features = np.exp(-squared / usual) if usual > 0 else np.exp(-squared)
    return np.asarray(features - features.mean(axis=0))


def _left_out(features: Floats, hot: Floats) -> Floats:
    """[n, C]: the scores of each sample without its own label."""
    features = np.column_stack([features, np.ones(len(features))])
    values, vectors = np.linalg.eigh(features.T @ features)  # [m + 1]
    values = np.maximum(values, 0.0)
    turned = features @ vectors  # [n, m + 1]
    onto = turned.T @ hot
    best, found = np.inf, hot
    for ridge in _RIDGES * float(values.mean()):
        weights = 1.0 / (values + ridge)
        own = np.minimum((np.square(turned) * weights).sum(axis=1), 1 - 1e-9)[:, None]  # h_ii
        scores = (turned @ (weights[:, None] * onto) - own * hot) / (1 - own)
        error = float(np.square(scores - hot).mean())
        if error < best:
            best, found = error, scores
    return found


def _sharpened(scores: Floats, labels: NDArray[np.int64]) -> Floats:
    """Probabilities: softmax of the scores times what makes the labels likeliest."""
    best, found = np.inf, scores
    rows = np.arange(len(scores))
    for factor in _SHARPNESS:
        raised = np.exp(factor * (scores - scores.max(axis=1, keepdims=True)))
        probabilities = raised / raised.sum(axis=1, keepdims=True)
        loss = float(-np.log(probabilities[rows, labels] + 1e-12).mean())
        if loss < best:
            best, found = loss, probabilities
    return found
