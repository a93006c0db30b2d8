"""Learning curves: accuracy(n) = a − b · n^(−c) for n labels, with bootstrap draws.

This is the inverse power law of Cortes et al. (1993, "Learning curves: asymptotic values and rate of convergence", NIPS
6). For a fixed exponent c the curve is a line in x = n^(−c), so every fit is a grid of exponents with a line in closed
form: no starting point, no iteration that can fail, and all B draws at once.

Legend of dimensions: P points of a curve, T test samples, B draws, G exponents.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_BEGIN, _BEGINS = 0.4, (0.2, 0.8)  # where the fitted part begins, as a share of the labels: in the estimate, in draws
_POINTS = 4  # that always count: one more than a, b and c
_EXPONENTS = np.geomspace(0.1, 2.0, 40)
_USUAL, _USUAL_SPREAD = 0.5, 0.4
"""Prior of an exponent: log c is normal around log 0.5, and 95% lie in 0.5 · exp(±1.96 · 0.4), which is 0.23 to 1.1."""


@dataclass(frozen=True, eq=False)
class Curves:
    """B fitted curves."""

    a: Floats  # float64 [B], the accuracy for n → ∞, at most 1
    b: Floats  # float64 [B], at least 0
    c: Floats  # float64 [B], how fast they rise

    def at(self, labels: float) -> Floats:
        """float64 [B]: the accuracy with ``labels`` labels."""
        return np.asarray(self.a - self.b * labels**-self.c)


def fit_curves(labels: Floats, accuracy: Floats, weights: Floats) -> Curves:
    """Fits one curve to each row by weighted least squares; labels [P], accuracy and weights [B, P]."""
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
    """One curve for each row, whose end is given. Its exponent is drawn from its posterior, and b is fitted.

    A few points at the beginning of a curve say little about its exponent, and the best fit to them is often far from
    what comes. So log p(c | y) = −Σ (y − ŷ_c)² / 2σ² + log prior(c) is taken on the grid of exponents; the first row
    gets the likeliest one. Labels [P], accuracy [B, P], ends a [B], and noise σ² [P], the variance of an accuracy.
    """
    weights = np.broadcast_to(1 / noise, accuracy.shape)
    surprise = np.square(np.log(_EXPONENTS / _USUAL) / _USUAL_SPREAD) / 2
    drops = np.stack([_drop(labels**-c, accuracy, weights, ends) for c in _EXPONENTS])  # [G, B]
    missed = ends[:, None] - drops[..., None] * labels ** -_EXPONENTS[:, None, None] - accuracy  # [G, B, P]
    chances = -(weights * np.square(missed)).sum(axis=2) / 2 - surprise[:, None]  # [G, B], log p(c | y) + constant
    # The largest of log p + Gumbel noise is a draw from p, so p need not be normalized (Yellott 1977).
    luck = rng.gumbel(size=chances.shape)
    luck[:, 0] = 0
    best = np.argmax(chances + luck, axis=0)
    return Curves(ends, drops[best, np.arange(len(ends))], _EXPONENTS[best])


def _line(x: Floats, y: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """a ≤ 1 and b ≥ 0 of y = a − b · x, by least squares under these bounds.

    Without bounds b = −Σ w dx y / Σ w dx², with dx = x − x̄, and a = ȳ + b x̄. More labels do not hurt in the long run
    (b ≥ 0), and no accuracy exceeds 1.
    """
    total = weights.sum(axis=1)
    mean_x, mean_y = (weights * x).sum(axis=1) / total, (weights * y).sum(axis=1) / total
    dx = x - mean_x[:, None]
    squares = (weights * dx * dx).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        # Points that all have one number of labels give no slope.
        b = np.where(squares > 0, -(weights * dx * y).sum(axis=1) / squares, 0.0)
    b = np.maximum(b, 0.0)
    a = mean_y + b * mean_x
    over = a > 1  # the best a is then 1, and b is fitted again for it
    a = np.where(over, 1.0, a)
    return a, np.where(over, _drop(x, y, weights, np.ones(len(y))), b)


def _drop(x: Floats, y: Floats, weights: Floats, ends: Floats) -> Floats:
    """b ≥ 0 for given a: Σ w x (a − y) / Σ w x²."""
    return np.asarray(np.maximum((weights * x * (ends[:, None] - y)).sum(axis=1) / (weights * x * x).sum(axis=1), 0.0))


def draw_weights(count: int, draws: int, rng: np.random.Generator) -> Floats:
    """float64 [1 + draws, count]: ones, then weights of the Bayesian bootstrap (Rubin 1981).

    They are Exp(1), which up to their sum is a flat Dirichlet distribution. Unlike the usual bootstrap, they leave
    nothing out, so four points never collapse into one.
    """
    return np.concatenate([np.ones((1, count)), rng.exponential(size=(draws, count))])


def draw_test_weights(count: int, draws: int, rng: np.random.Generator) -> Floats:
    """float64 [1 + draws, count + 2]: `draw_weights`, then half a test that is always right and half one that never is.

    Without these two, 25 of 25 right would be 100% in every draw. With them, r right and w wrong tests weigh Γ(r + ½)
    and Γ(w + ½), so an accuracy is drawn from Beta(r + ½, w + ½), its posterior under Jeffreys' prior.
    """
    halves = np.concatenate([np.full((1, 2), 0.5), rng.standard_gamma(0.5, size=(draws, 2))])
    return np.hstack([draw_weights(count, draws, rng), halves])


def late_weights(labels: Floats, draws: int, rng: np.random.Generator) -> Floats:
    """float64 [1 + draws, P]: which points of a curve count, 1 or 0; in the first row, those from 40% of the labels on.

    Real curves do not follow one power law from the start: the first points bend a curve through all of them, and its
    slope at the end comes out too small, with too short an interval. The last points alone say little. So each draw
    also draws where its curve begins, log-uniformly between 20% and 80% of the labels. On MNIST with 30 and 100 test
    samples, the 95% intervals of the slope then held the truth in 96% of the cases, and in 46% without these draws.
    """
    low, high = np.log(_BEGINS).tolist()
    shares = np.append(_BEGIN, np.exp(rng.uniform(low, high, size=draws)))
    begins = np.minimum(shares * labels[-1], np.sort(labels)[-min(_POINTS, len(labels))])
    return np.asarray(labels >= begins[:, None], dtype=np.float64)


def accuracies(right: Floats, known: Floats, weights: Floats) -> Floats:
    """float64 [B, P]: shares of the test samples that are right, by ``weights`` [B, T].

    ``right`` and ``known``, [P, T], are 1 where a model is right, and where it was asked.
    """
    return np.asarray((weights @ (right * known).T) / np.maximum(weights @ known.T, 1e-12))
