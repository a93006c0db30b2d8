"""Learning curves: accuracy = a − b · n^(−c), the inverse power law (Cortes et al. 1993), with bootstrap draws.

Legend of dimensions: P points of a curve, T test samples, B draws.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_BEGIN, _BEGINS, _POINTS = 0.4, (0.2, 0.8), 4
_EXPONENTS = np.geomspace(0.1, 2.0, 40)
_USUAL, _USUAL_SPREAD = 0.5, 0.4
"""Exponents of learning curves, log-normal: 0.23 to 1.1 with 95%."""


@dataclass(frozen=True, eq=False)
class Curves:
    """B fitted curves.

    Attributes:
        a: float64 [B], where they end, at most 1.
        b: float64 [B], at least 0.
        c: float64 [B], how fast they rise.
    """

    a: Floats
    b: Floats
    c: Floats

    def at(self, labels: float) -> Floats:
        """float64 [B]: the accuracy with ``labels`` labels."""
        return np.asarray(self.a - self.b * labels**-self.c)

    def reach(self, accuracy: Floats | float) -> Floats:
        """float64 [B]: labels for an accuracy (one, or one for each curve); infinite where a curve ends below it."""
        missing = self.a - accuracy
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            labels = (self.b / missing) ** (1 / self.c)
        return np.where(missing <= 0, np.inf, labels)


def fit_curves(labels: Floats, accuracy: Floats, weights: Floats) -> Curves:
    """Fits one curve to each row by weighted least squares: a grid of exponents, and a and b in closed form.

    Args:
        labels: float64 [P], n of each point.
        accuracy: float64 [B, P].
        weights: float64 [B, P], how much each point counts.
    """
    best = np.full(len(accuracy), np.inf)
    a, b, c = np.ones(len(accuracy)), np.zeros(len(accuracy)), np.ones(len(accuracy))
    for exponent in _EXPONENTS:
        x = labels**-exponent
        end, drop = _line(x, accuracy, weights)
        error = (weights * np.square(end[:, None] - drop[:, None] * x - accuracy)).sum(axis=1)
        better = error < best
        best, c = np.where(better, error, best), np.where(better, exponent, c)
        a, b = np.where(better, end, a), np.where(better, drop, b)
    return Curves(a, b, c)


def draw_curves(labels: Floats, accuracy: Floats, ends: Floats, noise: Floats, rng: np.random.Generator) -> Curves:
    """One curve for each row, whose end is known; its exponent is drawn from what the points and experience leave open.

    A few points at the beginning of a curve say little of its exponent, and the best fit to them is often far off what
    comes. So it is drawn from a posterior: a log-normal prior, and normal errors of the points. b is fitted.

    Args:
        labels: float64 [P], n of each point.
        accuracy: float64 [B, P].
        ends: float64 [B], a of each curve.
        noise: float64 [P], variance of an accuracy.
        rng: for the draws; the first row gets the likeliest exponent.
    """
    weights = np.broadcast_to(1 / noise, accuracy.shape)
    surprise = np.square(np.log(_EXPONENTS / _USUAL) / _USUAL_SPREAD) / 2
    drops = np.stack([_drop(labels**-c, accuracy, weights, ends) for c in _EXPONENTS])  # [G, B]
    missed = ends[:, None] - drops[..., None] * labels ** -_EXPONENTS[:, None, None] - accuracy  # [G, B, P]
    chances = -(weights * np.square(missed)).sum(axis=2) / 2 - surprise[:, None]
    luck = rng.gumbel(size=chances.shape)
    luck[:, 0] = 0
    best = np.argmax(chances + luck, axis=0)
    return Curves(ends, drops[best, np.arange(len(ends))], _EXPONENTS[best])


def _line(x: Floats, y: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """a ≤ 1 and b ≥ 0 of a − b · x."""
    total = weights.sum(axis=1)
    mean_x, mean_y = (weights * x).sum(axis=1) / total, (weights * y).sum(axis=1) / total
    dx = x - mean_x[:, None]
    squares = (weights * dx * dx).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        b = np.where(squares > 0, -(weights * dx * y).sum(axis=1) / squares, 0.0)
    b = np.maximum(b, 0.0)
    a = mean_y + b * mean_x
    over = a > 1
    a = np.where(over, 1.0, a)
    return a, np.where(over, _drop(x, y, weights, np.ones(len(y))), b)


def _drop(x: Floats, y: Floats, weights: Floats, ends: Floats) -> Floats:
    """b ≥ 0 for a given a."""
    return np.asarray(np.maximum((weights * x * (ends[:, None] - y)).sum(axis=1) / (weights * x * x).sum(axis=1), 0.0))


def draw_weights(count: int, draws: int, rng: np.random.Generator) -> Floats:
    """float64 [1 + draws, count]: ones, then Bayesian bootstrap weights (Rubin 1981), which leave nothing out."""
    return np.concatenate([np.ones((1, count)), rng.exponential(size=(draws, count))])


def draw_test_weights(count: int, draws: int, rng: np.random.Generator) -> Floats:
    """float64 [1 + draws, count + 2]: `draw_weights`, then half a test that is always right, and half a one never.

    Without them 25 of 25 right would be 100 % in every draw. With them an accuracy is drawn from the posterior of a
    share with Jeffreys' prior.
    """
    halves = np.concatenate([np.full((1, 2), 0.5), rng.standard_gamma(0.5, size=(draws, 2))])
    return np.hstack([draw_weights(count, draws, rng), halves])


def late_weights(labels: Floats, draws: int, rng: np.random.Generator) -> Floats:
    """float64 [1 + draws, P]: which points of a curve count, 1 or 0: those from 40% of the labels on, then others.

    Real curves are no power laws all the way: the first points, of a strategy that is finding its feet, bend the end of
    a curve through all of them, and its slope comes out too small with too short an interval. The last points alone
    say little. So where a curve begins is drawn too, between a fifth and four fifths of its labels; on MNIST, with 30
    and 100 test samples, the 95% intervals of the slope so hold what came in 96% of the cases (without it, 46%).

    Args:
        labels: float64 [P]; the four largest always count.
        draws: how many.
        rng: for the draws.
    """
    low, high = np.log(_BEGINS).tolist()
    shares = np.append(_BEGIN, np.exp(rng.uniform(low, high, size=draws)))
    begins = np.minimum(shares * labels[-1], np.sort(labels)[-min(_POINTS, len(labels))])
    return np.asarray(labels >= begins[:, None], dtype=np.float64)


def accuracies(right: Floats, known: Floats, weights: Floats) -> Floats:
    """float64 [B, P]: weighted shares of the test samples that are right.

    Args:
        right: float64 [P, T], 1 where a model is right.
        known: float64 [P, T], 1 where it was asked.
        weights: float64 [B, T].
    """
    return np.asarray((weights @ (right * known).T) / np.maximum(weights @ known.T, 1e-12))
