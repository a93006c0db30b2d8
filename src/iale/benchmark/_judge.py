"""Verdicts on comparisons and on claims, from records and times; docs/protocol.md states the rules."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from iale.benchmark._experiment import Claim, Contest, Curve, Kind, ShareClaim, Side, TimeClaim
from iale.benchmark._statistics import Comparison, Estimate, area, compare, correct, estimate
from iale.benchmark._times import RunTimes, Times, ratios
from iale.benchmark.records import Record
from iale.errors import StorageError

MARGIN = 0.005  # half a point of accuracy: nobody labels more for a smaller gain
LEVEL = 0.05  # p, corrected by Holm, must be below this
ALIKE = 0.01  # two sides are alike if their difference in AUC is below one point beyond doubt
WITHIN: Mapping[Kind, tuple[float, float]] = {
    "better": (0.0, 0.0),
    "as good": (-ALIKE, np.inf),
    "alike": (-ALIKE, ALIKE),
}
"""The differences that fit a claim: p asks whether the true one lies beyond them."""
_RATIOS = 5  # seeds that a claim about times needs
HALF = 0.5  # what "about half" of the choices means for their intervals
SAME, ABOUT = 1.0, 1.1  # what "about 1.05 times" means for the ratios of all seeds


class Verdict(StrEnum):
    """The verdict on a comparison or on a claim."""

    HOLDS = "holds"
    FAILS = "does not hold"
    NO_GAIN = f"no gain over {100 * MARGIN:g} points"
    OPEN = "undecided"
    NOT_RUN = "not run"


@dataclass(frozen=True)
class Finding:
    """How a contest came out; ``comparison`` is None if runs are missing."""

    contest: Contest
    comparison: Comparison | None
    verdict: Verdict


def verdict(comparison: Comparison, margin: float = MARGIN) -> Verdict:
    """The verdict on the claim that the first strategy is better than the second.

    HOLDS: the t interval of the difference lies above 0, and p is significant. FAILS: the interval lies below 0, and p
    is significant. NO_GAIN: the interval ends below ``margin``, whatever p is. OPEN: everything else, and always if
    there is a single seed or if no seed differs.
    """
    low, high = comparison.difference.low, comparison.difference.high
    if low is None or high is None or not comparison.wins + comparison.losses:
        return Verdict.OPEN
    if low > 0 and significant(comparison):
        return Verdict.HOLDS
    if high < 0 and significant(comparison):
        return Verdict.FAILS
    return Verdict.NO_GAIN if high < margin else Verdict.OPEN


def significant(comparison: Comparison) -> bool:
    """Whether p, corrected by Holm, is below 5 %."""
    return comparison.p_holm is not None and comparison.p_holm < LEVEL


def judge(claim: Claim, records: Sequence[Record]) -> tuple[Verdict, list[Finding]]:
    """The verdict on a claim and on each of its contests.

    The contests that count are one family for Holm's correction, and the others are a second one. For "as good" and
    "alike", p asks whether the difference lies beyond the margin, which is what refutes them.
    """
    areas = _areas(records)
    within = WITHIN[claim.kind]
    found = {c: compare(_values(areas, c.sides[0]), _values(areas, c.sides[1]), within) for c in claim.contests}
    corrected = correct({c: comparison for c, comparison in found.items() if c.counts})
    corrected |= correct({c: comparison for c, comparison in found.items() if not c.counts})
    findings = [Finding(c, corrected.get(c), _verdict(claim.kind, corrected.get(c))) for c in claim.contests]
    return _overall({finding.verdict for finding in findings if finding.contest.counts}), findings


def judge_shares(claim: ShareClaim, records: Sequence[Record]) -> tuple[Verdict, list[tuple[Verdict, Estimate]]]:
    """The verdict on a claim about shared choices, and on the share with each heuristic on each data set.

    A run's share is the mean over its steps. A share holds if its interval ends at half or below, and fails if its
    interval lies above half. A share of a single seed has no interval and is left out.
    """
    found: list[tuple[Verdict, Estimate]] = []
    for curve in claim.curves:
        runs = sorted((r for r in records if Curve.of(r) == curve), key=lambda r: r.seed)
        for other in claim.others:
            known = [float(np.mean(r.overlap[other])) for r in runs if other in r.overlap]
            share = estimate(known) if known else None
            if share is not None and share.low is not None and share.high is not None:
                above, below = share.low > HALF, share.high <= HALF
                found.append((Verdict.FAILS if above else Verdict.HOLDS if below else Verdict.OPEN, share))
    return _overall([verdict for verdict, _ in found]), found


def judge_times(claim: TimeClaim, records: Sequence[Record], times: Times) -> tuple[Verdict, list[float]]:
    """The verdict on a claim about times, and the ratio of each seed.

    The claim holds if all ratios lie within 1.00 and 1.10, and fails if all lie on the same side of that range. Fewer
    than five seeds decide nothing: a few ratios may lie on the wrong side by chance.
    """

    def seconds(curve: Curve) -> dict[int, float | None]:
        return {r.seed: times.get(r.key, RunTimes()).seconds for r in records if Curve.of(r) == curve}

    found = ratios(seconds(claim.first), seconds(claim.second))
    if not found:
        return Verdict.NOT_RUN, found
    low, high = min(found), max(found)
    if len(found) < _RATIOS:
        return Verdict.OPEN, found
    if low >= SAME and high <= ABOUT:
        return Verdict.HOLDS, found
    return Verdict.FAILS if low > ABOUT or high < SAME else Verdict.OPEN, found


def _areas(records: Sequence[Record]) -> Mapping[Curve, dict[int, float]]:
    """The AUC of each seed. A retrained policy is a different policy, so a curve that mixed both would mean nothing."""
    found: dict[Curve, dict[int, float]] = {}
    weights: dict[str, str | None] = {}
    for record in records:
        name, digest = record.strategy, record.config.weights
        if weights.setdefault(name, digest) != digest:
            raise StorageError(
                f"the records hold runs of two policies called {name} (by their weights {str(weights[name])[:12]} and "
                f"{str(digest)[:12]}): keep those of one."
            )
        found.setdefault(Curve.of(record), {})[record.seed] = area(record.accuracy)
    return found


def _values(areas: Mapping[Curve, dict[int, float]], side: Side) -> dict[int, float]:
    """The value of each seed that all curves of a side have."""
    curves = [areas.get(curve, {}) for _, curve in side]
    shared = set.intersection(*(set(curve) for curve in curves))
    return {seed: sum(sign * curve[seed] for (sign, _), curve in zip(side, curves, strict=True)) for seed in shared}


def _verdict(kind: Kind, comparison: Comparison | None) -> Verdict:
    if comparison is None:
        return Verdict.NOT_RUN
    if kind == "better":
        return verdict(comparison)
    low, high = comparison.difference.low, comparison.difference.high
    if low is None or high is None:
        return Verdict.OPEN
    # "As good" is a test of non-inferiority, "alike" two one-sided tests at 2.5 % each (Schuirmann 1987). A claim holds
    # if all of its comparisons do, so these need no correction (Berger 1982).
    if low > -ALIKE and (high < ALIKE or kind == "as good"):
        return Verdict.HOLDS
    # A difference that is there but may be smaller than the margin refutes neither.
    beyond = high <= -ALIKE or (kind == "alike" and low >= ALIKE)
    return Verdict.FAILS if beyond and significant(comparison) else Verdict.OPEN


def _overall(decided: Collection[Verdict]) -> Verdict:
    """The verdict on a claim from those of its contests: all must hold, and one that fails is enough to fail."""
    if not decided or Verdict.NOT_RUN in decided:
        return Verdict.NOT_RUN if set(decided) <= {Verdict.NOT_RUN} else Verdict.OPEN
    if set(decided) == {Verdict.HOLDS}:
        return Verdict.HOLDS
    if Verdict.FAILS in decided or set(decided) == {Verdict.NO_GAIN}:
        return Verdict.FAILS
    return Verdict.OPEN
