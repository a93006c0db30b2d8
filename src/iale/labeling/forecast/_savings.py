"""What labels have brought and what more of them would bring, from the random test share; or that it cannot be told."""

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
from iale.labeling.forecast._intervals import UNKNOWN, Range, percentiles, wilson
from iale.labeling.record._fits import Fit, RandomFits
from iale.seeding import Stream

FEWEST_TESTS = 20
FEWEST_FITS = 4
DRAWS = 300
FAR = 20
"""A prediction of more than so many times the labels there are is not believed."""

WORTH = 0.01
"""A point of accuracy: less is not worth a fifth more labels."""

_MOST_POINTS = 60
_OTHER_LABELS = 0.12
"""Variance of an accuracy, times labels: over other labels, and for what a power law misses at its beginning."""


@dataclass(frozen=True)
class Point:
    """One fit on the learning curve.

    Attributes:
        labels: labels it was fitted on.
        accuracy: on the test share as it is labeled now.
        fitted: what the fitted curve says there; None before the part that it was fitted to.
    """

    labels: int
    accuracy: Range
    fitted: float | None = None


@dataclass(frozen=True)
class Advice:
    """Whether to go on.

    Attributes:
        stop: True: stop; False: go on; None: cannot tell yet.
        text: the advice in one sentence.
        reason: why, in one sentence.
    """

    stop: bool | None
    text: str
    reason: str


@dataclass(frozen=True)
class Savings:
    """What can be told.

    Attributes:
        accuracy: of the last model.
        curve: of all models.
        gain: predicted rise from the next batch.
        more_gain: predicted rise from a fifth more labels, or a batch if that is more.
        more: how many labels that is.
        target: the accuracy that ``to_target`` is about; None where there is none to aim at.
        to_target: labels still needed for it, those of the test share included.
        saved: labels saved against random choice.
        cannot_tell: what cannot be told yet, and why.
    """

    accuracy: Range = UNKNOWN
    curve: tuple[Point, ...] = ()
    gain: Range = UNKNOWN
    more_gain: Range = UNKNOWN
    more: int = 0
    target: float | None = None
    to_target: Range = UNKNOWN
    saved: Range = UNKNOWN
    cannot_tell: Mapping[str, str] = field(default_factory=dict)


def savings(
    fits: Sequence[Fit],
    random: RandomFits,
    tests: Mapping[str, str],
    *,
    batch: int,
    test_share: float,
    target: float | None,
    samples: int,
    seed: int,
) -> Savings:
    """What the test share tells.

    The interval of the accuracy is Wilson's. All others come from draws that weigh the test samples and the fits anew,
    begin the curve elsewhere, and fit it again.

    Args:
        fits: all finished fits.
        random: fits to random labels.
        tests: the labels of the test share, by id.
        batch: labels between two fits.
        test_share: share of the labels that go to the test share.
        target: an accuracy to be reached; None aims half way to what the curve can reach.
        samples: of the pool, labeled or not.
        seed: root of the draws.
    """
    if not fits:
        return Savings(cannot_tell={"accuracy": "no model is fitted yet: that takes labels of two classes."})
    if not tests:
        return Savings(cannot_tell={"accuracy": "no sample of the random test share is labeled yet."})
    fits = _thinned(fits)
    order = sorted(tests)
    right, known = _matrix([fit.tests for fit in fits], tests, order)
    points = tuple(
        Point(fit.labels, wilson(int((r * k).sum()), int(k.sum())))
        for fit, r, k in zip(fits, right, known, strict=True)
    )
    accuracy = points[-1].accuracy
    missing = _missing(len(fits), len({fit.labels for fit in fits}), len(tests))
    if missing:
        why = dict.fromkeys(("gain", "to_target", "saved"), missing)
        return Savings(accuracy, points, cannot_tell=why)
    stream = Stream(seed).child("savings", len(tests), len(fits))
    test_weights = draw_test_weights(len(order), DRAWS, stream.child("tests").numpy())
    labels = np.array([fit.labels for fit in fits], dtype=np.float64)
    fit_weights = draw_weights(len(fits), DRAWS, stream.child("fits").numpy())
    begins = late_weights(labels, DRAWS, stream.child("begins").numpy())
    fit_weights *= begins * known.mean(axis=1)
    curves = fit_curves(labels, accuracies(*_with_prior(right, known), test_weights), fit_weights)
    n = float(labels[-1])
    on_curve = [float(curves.at(x)[0]) if counts else None for x, counts in zip(labels, begins[0], strict=True)]
    points = tuple(Point(p.labels, p.accuracy, y) for p, y in zip(points, on_curve, strict=True))
    more = max(batch, math.ceil(n / 5))
    aim = target if target is not None else _half_way(float(curves.at(n)[0]), float(curves.a[0]))
    cannot_tell: dict[str, str] = {}
    saved = _saved(curves, n, random, tests, order, test_weights, samples, stream, cannot_tell)
    return Savings(
        accuracy=accuracy,
        curve=points,
        gain=_gain(curves, n, batch),
        more_gain=_gain(curves, n, more),
        more=more,
        target=aim,
        to_target=_to_target(curves, n, aim, test_share, cannot_tell),
        saved=saved,
        cannot_tell=cannot_tell,
    )


def advise(found: Savings, *, left: int, target: float | None) -> Advice:
    """Whether to go on.

    Args:
        found: what can be told.
        left: samples without a label.
        target: an accuracy that was asked for.
    """
    if not left:
        return Advice(True, "Stop: there is nothing left to label.", "Every sample has been answered.")
    low = found.accuracy.low
    if target is not None and low is not None and low >= target:
        return Advice(
            True,
            "Stop: the target is reached.",
            f"Even the lower end of the interval, {low:.1%}, is not below the {target:.1%} asked for.",
        )
    high = found.more_gain.high
    if high is None:
        reason = next(iter(found.cannot_tell.values()), "the learning curve is too short.")
        return Advice(None, "Go on: it cannot be told yet what more labels would bring.", _sentence(reason))
    if high < WORTH:
        return Advice(
            True,
            "Stop: more labels are hardly worth it.",
            f"{found.more} more labels are predicted to add at most {100 * high:.1f} points of accuracy.",
        )
    value = max(0.0, found.more_gain.value or 0.0)
    return Advice(
        False,
        "Go on: the classifier still learns.",
        f"{found.more} more labels are predicted to add {100 * value:.1f} points of accuracy, at most "
        f"{100 * high:.1f}.",
    )


def _missing(fits: int, sizes: int, tests: int) -> str:
    if tests < FEWEST_TESTS:
        return f"{tests} labels of the random test share are there, and {FEWEST_TESTS} are needed."
    if min(fits, sizes) < FEWEST_FITS:
        return f"{min(fits, sizes)} models are fitted, and {FEWEST_FITS} are needed for a curve."
    return ""


def _matrix(
    predictions: Sequence[Mapping[str, str]], tests: Mapping[str, str], order: Sequence[str]
) -> tuple[Floats, Floats]:
    """float64 [P, T] each: where a model is right, and where it was asked."""
    right = np.array([[p.get(sample) == tests[sample] for sample in order] for p in predictions], dtype=np.float64)
    known = np.array([[sample in p for sample in order] for p in predictions], dtype=np.float64)
    return right, known


def _with_prior(right: Floats, known: Floats) -> tuple[Floats, Floats]:
    """float64 [P, T + 2] each: after the tests the two of `draw_test_weights`, one always right and one never."""
    sides = np.broadcast_to([1.0, 0.0], (len(right), 2))
    return np.hstack([right, sides]), np.hstack([known, np.ones_like(sides)])


def _gain(curves: Curves, n: float, more: int) -> Range:
    rise = curves.at(n + more) - curves.at(n)
    return percentiles(float(rise[0]), rise[1:])


def _half_way(now: float, end: float) -> float | None:
    """A whole percent about half way to the end of the curve; None where that is no further."""
    aim = math.floor(100 * (now + end) / 2) / 100
    return aim if aim > now else None


def _to_target(curves: Curves, n: float, aim: float | None, test_share: float, cannot_tell: dict[str, str]) -> Range:
    if aim is None:
        cannot_tell["to_target"] = "the curve has no higher accuracy to aim at."
        return UNKNOWN
    needed = np.maximum(curves.reach(aim) - n, 0.0) / (1 - test_share)
    found = percentiles(float(needed[0]), needed[1:], FAR * n)
    if found.value is None:
        cannot_tell["to_target"] = f"the curve may end below {aim:.0%} or reach it far beyond the labels there are."
    return found


def _saved(
    curves: Curves,
    n: float,
    random: RandomFits,
    tests: Mapping[str, str],
    order: Sequence[str],
    weights: Floats,
    samples: int,
    stream: Stream,
    cannot_tell: dict[str, str],
) -> Range:
    """Labels that random choice would need for the same accuracy, less those there are.

    Random choice is known up to the few labels of the test share, and what it does beyond is drawn. Both curves belong
    to one classifier and one pool, and with every label given they meet: in half of the draws where the strategy's
    curve seems to end, in the others anywhere above. And nobody labels more samples than there are.
    """
    if len(random.labels) < 3:
        cannot_tell["saved"] = "too few random labels are there to know what random choice would have given."
        return UNKNOWN
    right, known = _matrix(random.predictions, tests, order)
    labels = np.array(random.labels, dtype=np.float64)
    higher = np.maximum(stream.child("ends").numpy().uniform(-1, 1, size=len(weights)), 0.0)
    higher[0] = 0.25  # the mean
    ends = curves.a + higher * (1 - curves.a)
    heights = accuracies(*_with_prior(right, known), weights)
    noise = (heights * (1 - heights)).mean(axis=0) / len(order) + _OTHER_LABELS / labels
    chance = draw_curves(labels, heights, ends, noise, stream.child("exponents").numpy())
    needed = chance.reach(curves.at(n))
    low, high = np.quantile(np.minimum(needed[1:], samples - len(order)), [0.025, 0.975]).tolist()
    if low <= n:
        cannot_tell["saved"] = (
            f"random choice would have needed {low:,.0f} to {high:,.0f} labels instead of {n:,.0f}, as far as the "
            f"{len(order)} random ones tell: a larger test share tells more."
        )
        return UNKNOWN
    return percentiles(float(needed[0] - n), needed[1:] - n, samples - len(order) - n)


def _thinned(fits: Sequence[Fit]) -> list[Fit]:
    """At most 60 fits, evenly spaced, the last one among them."""
    if len(fits) <= _MOST_POINTS:
        return list(fits)
    return [fits[at] for at in np.unique(np.linspace(0, len(fits) - 1, _MOST_POINTS).round().astype(int)).tolist()]


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
