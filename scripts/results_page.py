"""The page of all results: every claim with its verdict, and what decides it, from records alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from iale.benchmark._evidence import Evidence
from iale.benchmark._experiment import AnyClaim, Claim, Experiment, ShareClaim, TimeClaim, records_of, wanted
from iale.benchmark._judge import ALIKE, Finding, Verdict, judge, judge_shares, judge_times
from iale.benchmark._statistics import Comparison, area, compare, correct, estimate
from iale.benchmark._times import Times
from iale.benchmark.records import Record
from iale.reports._markup import Table, markdown, markdown_text
from iale.reports._overlap import mean_overlap, watched
from iale.reports._panels import Panel, classifier_name, display_name, panels
from iale.reports._provenance import provenance
from iale.reports._summary import costs
from iale.reports._tables import INTERVALS, NONE, compared, counts, percent, points, policy_table
from iale.reports._times import TIMES_NOTE
from iale.strategies.catalog import BASELINES

_INTERVALS = (*INTERVALS[:2], "p (Holm)")


@dataclass(frozen=True)
class Commands:
    """The command lines that make everything again, as the page shows them.

    Attributes:
        size: the name of the size.
        page: makes the page from the records.
        records: makes all records.
        experiments: makes the records of one experiment, by its name.
    """

    size: str
    page: str
    records: str
    experiments: Mapping[str, str]


def results_page(
    evidence: Evidence, experiments: Sequence[Experiment], reading: str, images: str, commands: Commands
) -> str:
    """The page in Markdown; the same records give the same text.

    Args:
        evidence: the records of one size.
        experiments: of that size, with the claims to judge.
        reading: what people think of it, in Markdown.
        images: where the page finds the figures, NAME.svg.
        commands: what to type to make everything again.
    """
    own = {each.name: records_of(each, evidence.records) for each in experiments}
    parts = [
        "# Results",
        _introduction(experiments, own, evidence, commands),
        "## What the paper claims, and what came out",
        markdown(claim_table([(c, own[e.name]) for e in experiments for c in e.claims], evidence.times)),
        reading,
        "## What the sub-pool alone explains",
        "Holm's family is the rows of one table.",
        *(
            f"**{title}**\n\n{markdown(table)}"
            for records in own.values()
            for title, table in pool_tables(records).items()
        ),
        "## Experiment by experiment",
    ]
    for each in experiments:
        parts += _section(each, own[each.name], evidence.times, images, commands)
    parts += ["## What the policies cost", markdown(policy_table(evidence.costs))]
    shown = {record.key: record for records in own.values() for record in records}
    lines = provenance(list(shown.values()), evidence.machine)
    parts += ["## Where the records come from", "\n".join(f"- {markdown_text(line)}" for line in lines)]
    return "\n\n".join(part.strip("\n") for part in parts if part) + "\n"


def _introduction(
    experiments: Sequence[Experiment], own: Mapping[str, list[Record]], evidence: Evidence, commands: Commands
) -> str:
    keys = {record.key for records in own.values() for record in records}
    planned = {identity for each in experiments for identity in wanted(each)}
    hours = sum(evidence.times[key].seconds or 0.0 for key in keys if key in evidence.times) / 3600
    training = sum(cost.seconds or 0.0 for cost in evidence.costs.values()) / 3600
    machine = evidence.machine
    where = f"{machine.get('cores', '?')} cores of {machine.get('processor', 'an unknown processor')}"
    return (
        f"Every figure of the paper at the size `{commands.size}`: {len(keys):,} of {len(planned):,} runs, judged by "
        f"the rules of the [protocol](protocol.md), which was written first and tells what was changed since. This "
        f"page is made from the records in "
        f"`results/{commands.size}` by\n\n"
        f"```bash\n{commands.page}\n```\n\n"
        f"and the records by `{commands.records}`, on {where} (PyTorch "
        f"{machine.get('torch', '?')}, Python {machine.get('python', '?')}): {hours:.1f} hours of runs and "
        f"{training:.1f} hours of training policies, summed over two processes of one thread each, on a shared machine."
    )


def _section(
    experiment: Experiment, records: Sequence[Record], times: Times, images: str, commands: Commands
) -> Iterator[str]:
    """One experiment: its figure, its command, and the tables that decide its claims."""
    yield from (f"### {experiment.title}", f"The paper: {experiment.claim}")
    if not records:
        yield "Not run at this size yet."
        return
    missing = len(set(wanted(experiment))) - len(records)
    gap = f"; {missing} of its runs are not there yet, and the figure shows the others" if missing else ""
    yield f"![{experiment.title}]({images}/{experiment.name}.svg)"
    yield f"`{commands.experiments[experiment.name]}`{gap}"
    for claim in experiment.claims:
        if isinstance(claim, Claim):
            table = contest_table(claim, judge(claim, records)[1])
            yield f"**{claim.text[0].upper()}{claim.text[1:]}**\n\n{markdown(table)}\n\n{_family(claim)}"
    found = sorted(panels(records), key=lambda panel: panel.title)
    if (shared := overlap_table(found)) is not None:
        yield markdown(shared)
    if experiment.figure == "times":
        yield from (*(markdown(ratio_table(panel, times)) for panel in found), TIMES_NOTE)


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
        lines.append([name, contest.where, finding.verdict, *compared(comparison)[1:], counts(comparison)])
    return Table(["AUC", "on", f"{claim.kind}?", "points", *_INTERVALS, "W-T-L"], lines)


def _family(claim: Claim) -> str:
    """What p stands for, which comparisons Holm's correction covers, and what the claim cannot say."""
    counted = sum(contest.counts for contest in claim.contests)
    asks = {"better": "", "as good": f" p asks whether the difference lies below −{100 * ALIKE:g} point."}
    beyond = asks.get(claim.kind, f" p asks whether the difference lies beyond ± {100 * ALIKE:g} point.")
    once = " One policy of each kind was trained, so chance in training counts as well." if claim.method else ""
    return f"Holm's family: the {counted} comparisons of this claim that count.{beyond}{once}"


def pool_tables(records: Sequence[Record]) -> dict[str, Table]:
    """Each strategy on the sub-pool against itself on the whole pool, by data set and classifier.

    Only strategies that ran on both pools are listed, so most experiments have no table.
    """
    found, areas = {}, _areas_by_pool(records)
    for place, gains in pool_gains(records).items():
        lines = []
        for name, gain in gains.items():
            pools = (percent(estimate(list(areas[place][name, pool].values()))) for pool in ("whole", "subset"))
            lines.append([_shown(name), *pools, *compared(gain)[1:]])
        header = ["strategy", "whole pool, AUC %", "sub-pool, AUC %", "gain, points", *_INTERVALS]
        found[f"{place[0]}, {classifier_name(place[1])}"] = Table(header, lines)
    return found


def pool_gains(records: Sequence[Record]) -> dict[tuple[str, str], dict[str, Comparison]]:
    """By data set and classifier: what each strategy gains from the sub-pool, one family for Holm's correction."""
    found = {}
    for place, own in _areas_by_pool(records).items():
        learned = sorted({name for name, _ in own} - set(BASELINES))
        names = [n for n in (*BASELINES, *learned) if (n, "subset") in own and (n, "whole") in own]
        if names:
            found[place] = correct({name: compare(own[name, "subset"], own[name, "whole"]) for name in names})
    return found


def _areas_by_pool(records: Sequence[Record]) -> dict[tuple[str, str], dict[tuple[str, str], dict[int, float]]]:
    areas: dict[tuple[str, str], dict[tuple[str, str], dict[int, float]]] = {}
    for record in sorted(records, key=lambda record: (record.dataset, record.seed)):
        strategies = areas.setdefault((record.dataset, record.classifier), {})
        strategies.setdefault((record.strategy, record.pool), {})[record.seed] = area(record.accuracy)
    return areas


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
    verdicts = Counter(finding.verdict for finding in counted)
    means = [f.comparison.difference.mean for f in counted if f.comparison is not None]
    span = NONE if not means else points(min(means))
    if means and max(means) != min(means):
        span += f" … {points(max(means))}"
    told = ", ".join(f"{verdicts[name]} {name}" for name in sorted(verdicts))
    return [claim.text, claim.experiment, verdict, told, span]


def _share_line(claim: ShareClaim, records: Sequence[Record]) -> list[str]:
    verdict, found = judge_shares(claim, records)
    if not found:
        return [claim.text, claim.experiment, verdict, NONE, NONE]
    each, means = Counter(each for each, _ in found), [share.mean for _, share in found]
    told = f"{each[Verdict.HOLDS]} share less than half, {each[Verdict.FAILS]} more, {each[Verdict.OPEN]} undecided"
    return [claim.text, claim.experiment, verdict, told, f"{100 * min(means):.0f} … {100 * max(means):.0f} % shared"]


def _time_line(claim: TimeClaim, records: Sequence[Record], times: Times) -> list[str]:
    verdict, found = judge_times(claim, records, times)
    span = [f"{min(found):.2f} … {max(found):.2f} over the seeds", f"median {np.median(found):.2f} ×"] if found else []
    return [claim.text, claim.experiment, verdict, *(span or [NONE, NONE])]


def _shown(name: str) -> str:
    return display_name(name) if name in BASELINES else name
