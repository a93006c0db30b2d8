"""A summary of a project."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from iale.labeling.suggesting._sources import Source


@dataclass(frozen=True)
class Range:
    """A number with its 95% interval; all None if unknown.

    Attributes:
        value: the estimate.
        low: the lower end.
        high: the upper end.
    """

    value: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Point:
    """One fit on the learning curve.

    Attributes:
        labels: labels it was fitted on.
        accuracy: on the test share as it is labeled now.
        fitted: what the fitted curve says there; None before the part that the curve was fitted to.
    """

    labels: int
    accuracy: Range
    fitted: float | None = None


@dataclass(frozen=True)
class Advice:
    """Whether to go on labeling.

    Attributes:
        stop: True means stop, False means go on, None means that it cannot be told yet.
        text: the advice in one sentence.
        reason: why, in one sentence.
    """

    stop: bool | None
    text: str
    reason: str


@dataclass(frozen=True)
class Status:
    """A project now; `dataclasses.asdict` makes JSON of it.

    Attributes:
        samples: how many there are.
        labeled: how many have a label.
        skipped: how many were skipped.
        missing: answered samples whose file was deleted or has changed.
        unshown: samples without an answer that no page can show.
        tested: labels of the test share.
        by_class: labels of each class.
        people: labels by each person.
        fitting: whether a fit is running.
        problem: why the last fit failed, or empty.
        notices: what was found damaged, deleted or changed, and what was used instead of what was asked for.
        fits: fits so far.
        fitted_on: labels of the last finished fit.
        fitted_at: when it finished, in seconds since 1970; None before the first one.
        model: which model is in use and why, in one sentence; empty before the first fit.
        strategy: the strategy that chose the samples to label next.
        confidence: mean probability of the likeliest class over the last fit's candidates; None before the first fit.
        accuracy: of the last model, on the test share.
        curve: accuracies of all models.
        batch: labels between two fits.
        gain: predicted rise of the accuracy from the next batch.
        target: the accuracy to reach; None if none was given.
        ahead: how many more labels ``expected`` is about.
        expected: the accuracy that is expected after so many more labels.
        at_random: the accuracy that as many random labels as the last fit had would give, for comparison.
        random: the same for fewer labels, as a curve with a band.
        kappa: agreement on samples that two people labeled.
        twice: how many samples two people labeled.
        disagreements: ids of those that got two different labels.
        sources: who suggests classes, and how often each was right.
        advice: whether to go on.
        cannot_tell: which of accuracy, gain, expected, at_random and kappa cannot be told yet, and why.
    """

    samples: int
    labeled: int
    skipped: int
    missing: int
    unshown: int
    tested: int
    by_class: Mapping[str, int]
    people: Mapping[str, int]
    fitting: bool
    problem: str
    notices: tuple[str, ...]
    fits: int
    fitted_on: int
    fitted_at: float | None
    model: str
    strategy: str
    confidence: float | None
    accuracy: Range
    curve: tuple[Point, ...]
    batch: int
    gain: Range
    target: float | None
    ahead: int
    expected: Range
    at_random: Range
    random: tuple[Point, ...]
    kappa: Range
    twice: int
    disagreements: tuple[str, ...]
    sources: tuple[Source, ...]
    advice: Advice
    cannot_tell: Mapping[str, str]
