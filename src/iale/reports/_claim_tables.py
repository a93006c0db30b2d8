"""The tables of the page of results: verdicts on claims, and what decides them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from iale.benchmark._experiment import AnyClaim, Claim, ShareClaim, TimeClaim
from iale.benchmark._judge import Finding, Verdict, judge, judge_shares, judge_times
from iale.benchmark._statistics import area, compare, correct, estimate
from iale.benchmark._times import Times
from iale.benchmark.records import Record
from iale.reports._markup import Table
from iale.reports._overlap import mean_overlap, watched
from iale.reports._panels import Panel, classifier_name, display_name
from iale.reports._summary import costs
from iale.reports._tables import INTERVALS, NONE, compared, percent, points
from iale.strategies.catalog import STRATEGIES

_INTERVALS = (*INTERVALS[:2], "p (Holm)")


def claim_table(claims: Sequence[tuple[AnyClaim, Sequence[Record]]], times: Times) -> Table:
    """The verdict on each claim from the records of its experiment; claims about AUCs come first."""
    lines = [_auc_line(claim, records) for claim, records in claims if isinstance(claim, Claim)]
    lines += [_share_line(claim, records) for claim, records in claims if isinstance(claim, ShareClaim)]
    lines += [_time_line(claim, records, times) for claim, records in claims if isinstance(claim, TimeClaim)]
    return Table(["claim", "experiment", "verdict", "comparisons", "differences, points"], lines)


def contest_table(claim: Claim, findings: Sequence[Finding]) -> Table:
    """The comparisons that decide a claim, and those that are only listed."""
    lines = []
    for finding in findings:
        contest, comparison = finding.contest, finding.comparison
        name = f"{_shown(contest.first)} − {_shown(contest.second)}" + ("" if contest.counts else " (source)")
        if comparison is None:
            lines.append([name, contest.where, finding.verdict, *[NONE] * 5])
            continue
        won = f"{comparison.wins}-{comparison.ties}-{comparison.losses}"
        lines.append([name, contest.where, finding.verdict, *compared(comparison)[1:], won])
    return Table(["AUC", "on", f"{claim.kind}?", "points", *_INTERVALS, "W-T-L"], lines)


def pool_tables(records: Sequence[Record]) -> dict[str, Table]:
    """Each strategy on the sub-pool against itself on the whole pool, by data set and classifier.

    Only strategies that ran on both pools are listed, so most experiments have no table.
    """
    areas: dict[tuple[str, str], dict[tuple[str, str], dict[int, float]]] = {}
    for record in sorted(records, key=lambda record: (record.dataset, record.seed)):
        strategies = areas.setdefault((record.dataset, record.classifier), {})
        strategies.setdefault((record.strategy, record.pool), {})[record.seed] = area(record.accuracy)
    found = {}
    for (target, model), own in areas.items():
        learned = sorted({name for name, _ in own} - set(STRATEGIES))
        names = [n for n in (*STRATEGIES, *learned) if (n, "subset") in own and (n, "whole") in own]
        gains = correct({name: compare(own[name, "subset"], own[name, "whole"]) for name in names})
        lines = []
        for name, gain in gains.items():
            pools = (percent(estimate(list(own[name, pool].values()))) for pool in ("whole", "subset"))
            lines.append([_shown(name), *pools, *compared(gain)[1:]])
        if lines:
            header = ["strategy", "whole pool, AUC %", "sub-pool, AUC %", "gain, points", *_INTERVALS]
            found[f"{target}, {classifier_name(model)}"] = Table(header, lines)
    return found


def overlap_table(found: Sequence[Panel]) -> Table | None:
    """The share of a policy's choices that each heuristic would have made too; None if no others were asked."""
    lines = [
        [display_name(name), panel.title, percent(share)]
        for panel, entry in watched(found)
        for name, share in mean_overlap(entry).items()
    ]
    return Table(["heuristic", "on", "choices it shares with the policy, %"], lines) if lines else None


def ratio_table(panel: Panel, times: Times) -> Table:
    """Times relative to Random's run of the same seed, the fastest strategy first."""
    display = {entry.name: entry.display for entry in panel.entries}
    lines = []
    for cost in sorted(costs(panel, times), key=lambda cost: cost.seconds_ratio or 0.0):
        ratios = [NONE if r is None else f"{r:.2f}" for r in (cost.seconds_ratio, cost.fit_ratio, cost.query_ratio)]
        span = NONE if cost.span is None else f"{cost.span[0]:.2f} … {cost.span[1]:.2f}"
        lines.append([display[cost.name], ratios[0], span, *ratios[1:]])
    header = ["strategy", "seconds of a run, × Random", "over the seeds", "fits, × Random", "queries, × Random"]
    return Table(header, lines)


def _auc_line(claim: Claim, records: Sequence[Record]) -> list[str]:
    verdict, findings = judge(claim, records)
    counted = [finding for finding in findings if finding.contest.counts]
    counts = Counter(finding.verdict for finding in counted)
    means = [f.comparison.difference.mean for f in counted if f.comparison is not None]
    span = NONE if not means else points(min(means))
    if means and max(means) != min(means):
        span += f" … {points(max(means))}"
    told = ", ".join(f"{counts[name]} {name}" for name in sorted(counts))
    return [claim.text, claim.experiment, verdict, told, span]


def _share_line(claim: ShareClaim, records: Sequence[Record]) -> list[str]:
    verdict, found = judge_shares(claim, records)
    if not found:
        return [claim.text, claim.experiment, verdict, NONE, NONE]
    counts, means = Counter(each for each, _ in found), [share.mean for _, share in found]
    told = (
        f"{counts[Verdict.HOLDS]} share less than half, {counts[Verdict.FAILS]} more, {counts[Verdict.OPEN]} undecided"
    )
    return [claim.text, claim.experiment, verdict, told, f"{100 * min(means):.0f} … {100 * max(means):.0f} % shared"]


def _time_line(claim: TimeClaim, records: Sequence[Record], times: Times) -> list[str]:
    verdict, found = judge_times(claim, records, times)
    span = [f"{min(found):.2f} … {max(found):.2f} over the seeds", f"median {np.median(found):.2f} ×"] if found else []
    return [claim.text, claim.experiment, verdict, *(span or [NONE, NONE])]


def _shown(name: str) -> str:
    return display_name(name) if name in STRATEGIES else name
