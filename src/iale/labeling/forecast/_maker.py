"""How the status of a project is made, and when it advises to stop."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from iale._many import many
from iale.labeling.forecast._intervals import UNKNOWN, cohens_kappa
from iale.labeling.forecast._no_model import why_no_model
from iale.labeling.forecast._savings import AHEAD, Savings, Terms, savings
from iale.labeling.forecast.status import Advice, Status
from iale.labeling.reader import ProjectReader
from iale.labeling.record._journal import Event
from iale.labeling.suggesting._sources import Suggested

_FEWEST_PAIRS = 10
_WORTH = 0.01  # a point of accuracy: less is not worth a fifth more labels


class StatusMaker:
    """Makes the status of a project; what the fits tell is computed once for every change.

    Threads may share it without a lock. Two that ask at once may compute the same, and labeling never waits for that.
    """

    def __init__(self, project: ProjectReader) -> None:
        self._project, self._suggested = project, Suggested(project)
        self._known: tuple[object, Savings] = (None, Savings())

    def make(self, *, fitting: bool = False, problem: str = "") -> Status:
        """The status now."""
        project, config = self._project, self._project.config
        fits, latest = project.fits.all, project.fits.latest
        last = fits[-1] if fits else None
        decisions, tests = project.decisions(), project.labels_to_test_on()
        found = self._savings(tests)
        if not fits:
            found = Savings(cannot_tell={"accuracy": why_no_model(project, fitting=fitting, problem=problem)})
        by_class = _by_class(project.classes, decisions.values())
        labeled, unshown = sum(by_class.values()), project.unshown()
        pairs = [(a.label, b.label, b.sample or "") for a, b in project.answered_twice() if a.label and b.label]
        few = f"two people labeled {many(len(pairs))}, and {_FEWEST_PAIRS} are needed."
        enough = len(pairs) >= _FEWEST_PAIRS
        return Status(
            samples=project.count,
            labeled=labeled,
            skipped=len(decisions) - labeled,
            missing=project.missing(),
            unshown=len(unshown),
            tested=len(tests),
            by_class=by_class,
            people=project.people(),
            fitting=fitting,
            problem=problem,
            notices=(*project.notices, *([last.notice] if last is not None and last.notice else [])),
            fits=latest.fit if latest is not None else len(fits),
            fitted_on=last.labels if last is not None else 0,
            fitted_at=last.time if last is not None else None,
            model=latest.model if latest is not None else "",
            strategy=last.strategy if last is not None else config.strategy,
            confidence=latest.confidence if latest is not None else None,
            accuracy=found.accuracy,
            curve=found.curve,
            batch=config.batch,
            gain=found.gain,
            target=config.target,
            ahead=AHEAD,
            expected=found.expected,
            at_random=found.at_random,
            random=found.random,
            kappa=cohens_kappa([(a, b) for a, b, _ in pairs]) if enough else UNKNOWN,
            twice=len(pairs),
            disagreements=tuple(sample for a, b, sample in pairs if a != b),
            sources=self._suggested.sources(),
            advice=advise(found, left=project.count - len(decisions) - len(unshown), target=config.target),
            cannot_tell={**found.cannot_tell, **({} if enough else {"kappa": few})},
        )

    def _savings(self, tests: Mapping[str, str]) -> Savings:
        project, config = self._project, self._project.config
        fits, random = project.fits.all, project.fits.random
        now = (tuple(sorted(tests.items())), fits[-1:], random.labels)
        before, found = self._known
        if now != before:
            terms = Terms(config.batch, config.test_share, config.seed)
            found = savings(fits, random, tests, terms)
            self._known = now, found  # in one step
        return found


def _by_class(classes: Iterable[str], decisions: Iterable[Event]) -> dict[str, int]:
    """How many labels each class has."""
    counts = Counter(event.label for event in decisions)
    return {name: counts[name] for name in classes}


def advise(found: Savings, *, left: int, target: float | None) -> Advice:
    """Whether to go on; ``left`` samples have no label."""
    if not left:
        return Advice(
            True, "Stop: there is nothing left to label.", "Every sample that can be shown has been answered."
        )
    low = found.accuracy.low
    if target is not None and low is not None and low >= target:
        return Advice(
            True,
            "Stop: the target is reached.",
            f"Even the lower end of the interval, {low:.1%}, is not below the target of {target:.1%}.",
        )
    high = found.more_gain.high
    if high is None:
        reason = next(iter(found.cannot_tell.values()), "the learning curve is too short.")
        return Advice(
            None,
            "Keep labeling: it is too early to say what more labels would bring.",
            f"{reason[:1].upper()}{reason[1:]}",
        )
    # The upper end decides, so noise alone never stops a project that still learns.
    if high < _WORTH:
        return Advice(
            True,
            "Stop: more labels are hardly worth it.",
            f"{found.more} more labels are predicted to add at most {100 * high:.1f} points of accuracy.",
        )
    value = max(0.0, found.more_gain.value or 0.0)
    return Advice(
        False,
        "Keep labeling: the classifier still learns.",
        f"{found.more} more labels are predicted to add {100 * value:.1f} points of accuracy, at most "
        f"{100 * high:.1f}.",
    )
