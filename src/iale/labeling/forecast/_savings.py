"""Estimates from the random test share: what labels have gained and what more would gain, or why there is no estimate.

Legend of dimensions: P fits or sizes (points of a curve), T test samples, B draws; the first of the B rows is the
estimate itself, and the others make its interval.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from iale.labeling.forecast._curve import (
    Curves,
    Floats,
    accuracies,
    draw_curves,
    draw_test_weights,
    draw_weights,
    fit_curves,
    late_weights,
)
from iale.labeling.forecast._intervals import UNKNOWN, percentiles, wilson
from iale.labeling.forecast.status import Point, Range
from iale.labeling.record._fits import Fit, RandomFits
from iale.seeding import Stream

FEWEST_TESTS = 16
AHEAD = 50  # labels after which an accuracy is expected
_FEWEST_FITS = 4  # a curve has three parameters
_FEWEST_SIZES = 3  # of fits to random labels
_DRAWS = 300
_MOST_POINTS = 60
_BAND = 12  # numbers of labels at which the band of random labels is drawn
_NO_BETTER = 0.2  # chance that a strategy does no better than random choice, as it often does not
_LATER = ("gain", "expected", "at_random")  # what a curve tells
_OTHER_LABELS = 0.12
"""Variance of an accuracy, times labels: how it varies over other random labels, and what a power law misses early."""


@dataclass(frozen=True)
class Terms:
    """On which terms a project goes on."""

    batch: int  # labels between two fits
    test_share: float  # share of the labels that go to the test share
    seed: int  # root of the draws


@dataclass(frozen=True)
class Savings:
    """What can be told. The other fields mean the same as in `Status`."""

    accuracy: Range = UNKNOWN
    curve: tuple[Point, ...] = ()
    gain: Range = UNKNOWN
    more_gain: Range = UNKNOWN  # predicted rise of the accuracy from ``more`` labels
    more: int = 0  # a fifth of the labels so far, or a batch if that is more
    expected: Range = UNKNOWN
    at_random: Range = UNKNOWN
    random: tuple[Point, ...] = ()
    cannot_tell: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class _Drawn:
    """The learning curve, drawn B times."""

    labels: float  # n, labels of the last fit
    curves: Curves
    on_curve: tuple[float | None, ...]  # what the first curve says at each point; None if the point does not count
    tests: Floats  # float64 [B, T + 2], weights of the test samples, which all draws share
    stream: Stream  # root of further draws


def savings(fits: Sequence[Fit], random: RandomFits, tests: Mapping[str, str], terms: Terms) -> Savings:
    """What the test share tells, by the labels of its samples (``tests``).

    The interval of the accuracy is Wilson's. All others are percentiles of draws: each weighs the test samples and the
    fits anew, lets the curve begin elsewhere, and fits it again. One draw gives all quantities, so they agree.
    """
    if not fits:
        return Savings(cannot_tell={"accuracy": "no model yet: label samples of at least two classes."})
    if not tests:
        return Savings(cannot_tell={"accuracy": "the random test share has no labels yet."})
    fits, truth = _thinned(fits), dict(sorted(tests.items()))
    right, known = _matrix([fit.tests for fit in fits], truth)
    shares = [wilson(int((r * k).sum()), int(k.sum())) for r, k in zip(right, known, strict=True)]
    points = tuple(Point(fit.labels, share) for fit, share in zip(fits, shares, strict=True))
    missing = _missing(len(fits), len({fit.labels for fit in fits}), len(tests))
    if missing:
        return Savings(shares[-1], points, cannot_tell=dict.fromkeys(_LATER, missing))
    drawn = _draw(fits, right, known, Stream(terms.seed).child("savings", len(tests), len(fits)))
    n = drawn.labels
    more = max(terms.batch, math.ceil(n / 5))
    band, why_no_band = _at_random(drawn, random, truth)
    return Savings(
        accuracy=shares[-1],
        curve=tuple(Point(p.labels, p.accuracy, y) for p, y in zip(points, drawn.on_curve, strict=True)),
        gain=_gain(drawn, terms.batch),
        more_gain=_gain(drawn, more),
        more=more,
        expected=_accuracy_with(drawn, n + AHEAD * (1 - terms.test_share)),
        at_random=band[-1].accuracy if band else UNKNOWN,
        random=band,
        cannot_tell={"at_random": why_no_band} if why_no_band else {},
    )


def _draw(fits: Sequence[Fit], right: Floats, known: Floats, stream: Stream) -> _Drawn:
    tests = draw_test_weights(right.shape[1], _DRAWS, stream.child("tests").numpy())
    labels = np.array([fit.labels for fit in fits], dtype=np.float64)
    weights = draw_weights(len(fits), _DRAWS, stream.child("fits").numpy())
    begins = late_weights(labels, _DRAWS, stream.child("begins").numpy())
    # An accuracy counts as much as it was measured: its variance falls with the number of tests.
    weights *= begins * known.mean(axis=1)
    curves = fit_curves(labels, accuracies(*_with_prior(right, known), tests), weights)
    on_curve = (float(curves.at(x)[0]) if counts else None for x, counts in zip(labels, begins[0], strict=True))
    return _Drawn(float(labels[-1]), curves, tuple(on_curve), tests, stream)


def _missing(fits: int, sizes: int, tests: int) -> str:
    if tests < FEWEST_TESTS:
        are = "label is" if tests == 1 else "labels are"
        return f"{tests} {are} there from the random test share, and {FEWEST_TESTS} are needed."
    if min(fits, sizes) < _FEWEST_FITS:
        are = "model is" if min(fits, sizes) == 1 else "models are"
        return f"{min(fits, sizes)} {are} fitted, and {_FEWEST_FITS} are needed for a curve."
    return ""


def _matrix(predictions: Sequence[Mapping[str, str]], truth: Mapping[str, str]) -> tuple[Floats, Floats]:
    """float64 [P, T] each: 1 where a model is right, and 1 where it was asked."""
    right = [[p.get(sample) == label for sample, label in truth.items()] for p in predictions]
    known = [[sample in p for sample in truth] for p in predictions]
    return np.array(right, dtype=np.float64), np.array(known, dtype=np.float64)


def _with_prior(right: Floats, known: Floats) -> tuple[Floats, Floats]:
    """float64 [P, T + 2] each: after the tests the two of `draw_test_weights`, one always right and one never."""
    sides = np.broadcast_to([1.0, 0.0], (len(right), 2))
    return np.hstack([right, sides]), np.hstack([known, np.ones_like(sides)])


def _gain(drawn: _Drawn, more: int) -> Range:
    rise = drawn.curves.at(drawn.labels + more) - drawn.curves.at(drawn.labels)
    return percentiles(float(rise[0]), rise[1:])


def _accuracy_with(drawn: _Drawn, labels: float) -> Range:
    """The accuracy with so many labels to learn from."""
    heights = np.clip(drawn.curves.at(labels), 0.0, 1.0)
    return percentiles(float(heights[0]), heights[1:])


def _at_random(drawn: _Drawn, random: RandomFits, truth: Mapping[str, str]) -> tuple[tuple[Point, ...], str]:
    """What random labels give, from the fewest that models were fitted to up to as many as the last fit had.

    If that cannot be told, the text says why.

    Models were fitted to the few random labels of the test share; what more would give is drawn. Both curves belong
    to one classifier and one pool, and once every sample is labeled they meet. So in half of the draws random choice
    ends where the strategy's curve seems to end, and in the other half anywhere above; and in a fifth of them it does
    as well as the strategy.
    """
    if len(random.labels) < _FEWEST_SIZES:
        return (), "too few random labels are there to know what they alone would give."
    n, count = drawn.labels, len(truth)
    right, known = _matrix(random.predictions, truth)
    labels = np.array(random.labels, dtype=np.float64)
    # max(U, 0) with U uniform on −1 … 1: half of the draws are 0, and the mean is ∫ u/2 du over 0 … 1 = 1/4.
    higher = np.maximum(drawn.stream.child("ends").numpy().uniform(-1, 1, size=len(drawn.tests)), 0.0)
    higher[0] = 0.25
    ends = drawn.curves.a + higher * (1 - drawn.curves.a)
    heights = accuracies(*_with_prior(right, known), drawn.tests)
    # A share's own variance p (1 − p) / T, and that of choosing other random labels.
    noise = (heights * (1 - heights)).mean(axis=0) / count + _OTHER_LABELS / labels
    chance = draw_curves(labels, heights, ends, noise, drawn.stream.child("exponents").numpy())
    begin, most = float(min(labels.min(), n)), float(labels.max())
    alike = drawn.stream.child("alike").numpy().uniform(size=len(drawn.tests))
    points = []
    for at in np.unique(np.geomspace(begin, n, _BAND).round()).tolist():
        # The farther from what was measured, the likelier it is that the strategy is no better than random choice.
        share = _NO_BETTER * float(np.clip(math.log(at / most) / math.log(n / most), 0, 1)) if n > most else 0.0
        alone, chosen = np.clip(chance.at(at), 0.0, 1.0), np.clip(drawn.curves.at(at), 0.0, 1.0)
        found = np.where(alike < share, chosen, alone)
        points.append(Point(int(at), percentiles(float((1 - share) * alone[0] + share * chosen[0]), found[1:])))
    return tuple(points), ""


def _thinned(fits: Sequence[Fit]) -> list[Fit]:
    """At most 60 fits, evenly spaced, the last one among them: more cost time and say no more about the curve."""
    if len(fits) <= _MOST_POINTS:
        return list(fits)
    return [fits[at] for at in np.unique(np.linspace(0, len(fits) - 1, _MOST_POINTS).round().astype(int)).tolist()]
