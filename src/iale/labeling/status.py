"""What a project can say about itself in one look."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Range:
    """A number with its 95% interval; None where it cannot be told.

    Attributes:
        value: the estimate.
        low: the lower end.
        high: the upper end; None with a lower end means "at least that".
    """

    value: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Point:
    """One fit on the learning curve.

    Attributes:
        labels: labels it was fitted on.
        accuracy: on the test share as it is now, with its interval.
        fitted: what the fitted curve says there; None without one.
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
class Status:
    """A project now; `dataclasses.asdict` makes JSON of it.

    Attributes:
        samples: how many there are.
        labelled: how many have a label.
        skipped: how many were skipped.
        missing: labelled samples whose file was deleted or has changed.
        tested: labels of the test share.
        by_class: labels of each class.
        people: labels by each person.
        fitting: whether a fit is running.
        problem: why the last fit failed, or empty.
        notices: what was found damaged, deleted, changed, or chosen instead.
        fits: fits so far.
        fitted_on: labels of the last finished one.
        fitted_at: when it finished, in seconds since 1970; None without one.
        strategy: the strategy it chose with.
        confidence: mean probability of the likeliest class over the candidates it looked at; None without a model.
        accuracy: of the last model on the test share.
        curve: accuracies of all models.
        batch: labels between two fits.
        gain: predicted rise of the accuracy from the next batch.
        target: the accuracy that ``to_target`` is about.
        to_target: labels still needed for it.
        saved: labels saved against random choice.
        kappa: agreement on samples labelled twice.
        twice: samples labelled twice.
        disagreements: how many of them got two labels.
        advice: whether to go on.
        cannot_tell: what cannot be told yet, each with the reason.
    """

    samples: int
    labelled: int
    skipped: int
    missing: int
    tested: int
    by_class: dict[str, int]
    people: dict[str, int]
    fitting: bool
    problem: str
    notices: tuple[str, ...]
    fits: int
    fitted_on: int
    fitted_at: float | None
    strategy: str
    confidence: float | None
    accuracy: Range
    curve: tuple[Point, ...]
    batch: int
    gain: Range
    target: float
    to_target: Range
    saved: Range
    kappa: Range
    twice: int
    disagreements: int
    advice: Advice
    cannot_tell: dict[str, str]
