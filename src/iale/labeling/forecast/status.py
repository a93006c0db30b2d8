"""What a project can say of itself in one look."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from iale.labeling.forecast._agreement import cohens_kappa
from iale.labeling.forecast._intervals import UNKNOWN, Range
from iale.labeling.forecast._savings import Advice, Point, Savings, advise, savings

if TYPE_CHECKING:
    from iale.labeling.reader import ProjectReader

__all__ = ["Advice", "Point", "Range", "Status", "StatusMaker"]

FEWEST_PAIRS = 10


@dataclass(frozen=True)
class Status:
    """A project now; `dataclasses.asdict` makes JSON of it.

    Attributes:
        samples: how many there are.
        labeled: how many have a label.
        skipped: how many were skipped.
        missing: answered samples whose file was deleted or has changed.
        tested: labels of the test share.
        by_class: labels of each class.
        people: labels by each person.
        fitting: whether a fit is running.
        problem: why the last fit failed, or empty.
        notices: what was found damaged, deleted, changed, or chosen instead.
        fits: fits so far.
        fitted_on: labels of the last finished one.
        fitted_at: when it finished, in seconds since 1970; None without one.
        strategy: what chose the samples that it asks for.
        confidence: mean probability of the likeliest class over the candidates it looked at; None without a model.
        accuracy: of the last model on the test share.
        curve: accuracies of all models.
        batch: labels between two fits.
        gain: predicted rise of the accuracy from the next batch.
        target: the accuracy that ``to_target`` is about; None where there is none.
        to_target: labels still needed for it.
        saved: labels saved against random choice.
        kappa: agreement on samples labeled twice.
        twice: samples labeled twice.
        disagreements: ids of those that got two labels.
        advice: whether to go on.
        cannot_tell: what of accuracy, gain, to_target, saved and kappa cannot be told yet, and why.
    """

    samples: int
    labeled: int
    skipped: int
    missing: int
    tested: int
    by_class: Mapping[str, int]
    people: Mapping[str, int]
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
    target: float | None
    to_target: Range
    saved: Range
    kappa: Range
    twice: int
    disagreements: tuple[str, ...]
    advice: Advice
    cannot_tell: Mapping[str, str]


class StatusMaker:
    """Makes the status of a project; what the fits tell is computed once for every change.

    Args:
        project: whose status it is.
    """

    def __init__(self, project: ProjectReader) -> None:
        self._project = project
        self._lock = threading.Lock()
        self._known: tuple[object, Savings] = (None, Savings())

    def make(self, *, fitting: bool = False, problem: str = "") -> Status:
        """The status now."""
        project, config = self._project, self._project.config
        fits, latest = project.fits.all, project.fits.latest
        decisions = project.decisions()
        tests = project.labels_to_test_on()
        found = self._savings(tests)
        by_class = dict.fromkeys(project.classes, 0)
        for event in decisions.values():
            if event.label is not None:
                by_class[event.label] += 1
        pairs = [(a.label, b.label, b.sample or "") for a, b in project.answered_twice() if a.label and b.label]
        cannot_tell = dict(found.cannot_tell)
        kappa = cohens_kappa([(str(a), str(b)) for a, b, _ in pairs])
        if len(pairs) < FEWEST_PAIRS:
            kappa = UNKNOWN
            cannot_tell["kappa"] = f"{len(pairs)} samples were labeled by two people, and {FEWEST_PAIRS} are needed."
        last = fits[-1] if fits else None
        notices = (*project.notices, *([last.notice] if last is not None and last.notice else []))
        labeled = sum(by_class.values())
        missing = project.missing()
        return Status(
            samples=project.count,
            labeled=labeled,
            skipped=len(decisions) - labeled,
            missing=missing,
            tested=len(tests),
            by_class=by_class,
            people=project.people(),
            fitting=fitting,
            problem=problem,
            notices=notices,
            fits=len(fits),
            fitted_on=last.labels if last is not None else 0,
            fitted_at=last.time if last is not None else None,
            strategy=last.strategy if last is not None else config.strategy,
            confidence=latest.confidence if latest is not None else None,
            accuracy=found.accuracy,
            curve=found.curve,
            batch=config.fit_every,
            gain=found.gain,
            target=found.target,
            to_target=found.to_target,
            saved=found.saved,
            kappa=kappa,
            twice=len(pairs),
            disagreements=tuple(sample for a, b, sample in pairs if a != b),
            advice=advise(found, left=project.count - len(decisions), target=config.target),
            cannot_tell=cannot_tell,
        )

    def _savings(self, tests: Mapping[str, str]) -> Savings:
        project, config = self._project, self._project.config
        fits, random = project.fits.all, project.fits.random
        now = (tuple(sorted(tests.items())), len(fits), random.labels)
        with self._lock:
            if now != self._known[0]:
                found = savings(
                    fits,
                    random,
                    tests,
                    batch=config.fit_every,
                    test_share=config.test_share,
                    target=config.target,
                    samples=project.count,
                    seed=config.seed,
                )
                self._known = now, found
            return self._known[1]
