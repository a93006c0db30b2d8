"""The page of all results: every claim with its verdict, and what decides it, from records alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from iale import _storage as storage
from iale.benchmark._lessons import read_costs
from iale.benchmark.bench import Bench, records_of, wanted
from iale.benchmark.claims import FAILS, HOLDS, OPEN, Claim, Finding, claims, judge
from iale.benchmark.experiments import EXPERIMENTS, HEURISTICS
from iale.benchmark.records import all_records
from iale.benchmark.runner import MACHINE
from iale.benchmark.sizes import Size
from iale.benchmark.statistics import compare, correct, estimate
from iale.reports._markup import Table, markdown
from iale.reports._overlap import mean_overlap, watched
from iale.reports._panels import RANDOM, Panel, display_name, panels
from iale.reports._sources import read_times
from iale.reports._summary import Times, costs
from iale.reports._tables import NONE, compared, percent, points, policy_table
from iale.reports._times import TIMES_NOTE

READING = "reading.md"


def results_page(folder: Path, size: Size, images: str) -> str:
    """Markdown; the same records give the same text.

    Args:
        folder: with the records of one size, and ``reading.md``, what people think of them.
        size: whose experiments and claims are judged.
        images: where the page finds the figures, NAME.svg.

    Raises:
        StorageError: a record is damaged, or a file cannot be read.
    """
    records, times = all_records(folder), read_times([folder])
    benches = {name: make(size) for name, make in EXPERIMENTS.items()}
    own = {name: records_of(bench, records) for name, bench in benches.items()}
    judged = [(claim, *judge(claim, own[claim.experiment])) for claim in claims(size)]
    parts = [
        "# Results",
        _introduction(size, benches, own, folder, times),
        "## What the paper claims, and what came out",
        markdown(_verdicts(judged, [_half(panels(own["fig4"])), _overhead(panels(own["runtime"]), times)])),
        storage.read_bytes(folder / READING).decode() if (folder / READING).exists() else "",
        "## What the sub-pool alone explains",
        *_pools(own["fig8"]),
        "## Experiment by experiment",
    ]
    for name, bench in benches.items():
        parts += [f"### {bench.title}", f"The paper: {bench.claim}"]
        if not own[name]:
            parts.append("Not run at this size yet.")
            continue
        missing = len(set(wanted(bench))) - len(own[name])
        found = sorted(panels(own[name]), key=lambda panel: panel.title)
        gap = f"; {missing} of its runs are not there yet, and the figure shows the others" if missing else ""
        parts += [f"![{bench.title}]({images}/{name}.svg)", f"`iale bench {name} --size {size.name}`{gap}"]
        parts += [_contests(claim, findings) for claim, _, findings in judged if claim.experiment == name]
        parts += _overlaps(found)
        if bench.figure == "times":
            parts += [*(markdown(_ratios(panel, times)) for panel in found), TIMES_NOTE]
    parts += ["## What the policies cost", markdown(policy_table(read_costs(folder)))]
    return "\n\n".join(part.strip("\n") for part in parts if part) + "\n"


def _introduction(
    size: Size, benches: Mapping[str, Bench], own: Mapping[str, list[dict[str, Any]]], folder: Path, times: Times
) -> str:
    keys = {record["key"] for records in own.values() for record in records}
    planned = {identity for bench in benches.values() for identity in wanted(bench)}
    hours = sum(times[key].get("seconds", 0.0) for key in keys if key in times) / 3600
    lessons = sum(cost["seconds"] or 0.0 for cost in read_costs(folder).values()) / 3600
    machine = storage.read_json(folder / MACHINE) if (folder / MACHINE).exists() else {}
    where = f"{machine.get('cores', '?')} cores of {machine.get('processor', 'an unknown processor')}"
    return (
        f"Every figure of the paper at the size `{size.name}`: {len(keys):,} of {len(planned):,} runs, judged by the "
        f"rules of the [protocol](protocol.md), which was written first. This page is made from the records in "
        f"`results/{size.name}` by\n\n"
        f"```bash\nmake results\n```\n\n"
        f"and the records by `iale bench all --size {size.name} --workers 2`, on {where} (PyTorch "
        f"{machine.get('torch', '?')}, Python {machine.get('python', '?')}): {hours:.1f} hours of runs and "
        f"{lessons:.1f} hours of training policies, both on one thread, two processes side by side, on a machine that "
        f"others shared."
    )


def _verdicts(judged: Sequence[tuple[Claim, str, list[Finding]]], others: Sequence[list[str]]) -> Table:
    lines = []
    for claim, verdict, findings in judged:
        counted = [finding for finding in findings if finding.contest.counts]
        counts = Counter(finding.verdict for finding in counted)
        told = ", ".join(f"{counts[name]} {name}" for name in sorted(counts))
        means = [f.comparison.difference.mean for f in counted if f.comparison is not None]
        span = NONE if not means else points(min(means))
        if means and max(means) != min(means):
            span += f" … {points(max(means))}"
        lines.append([claim.text, claim.experiment, verdict, told, span])
    return Table(["claim", "experiment", "verdict", "comparisons", "differences, points"], [*lines, *others])


def _half(fig4: Sequence[Panel]) -> list[str]:
    """The claim that overlaps decide, in which Random, which shares what chance gives, does not count."""
    shares = [
        share
        for _, entry in watched(fig4)
        for name, share in mean_overlap(entry).items()
        if name != RANDOM and share.low is not None and share.high is not None
    ]
    more = sum(share.low is not None and share.low > 0.5 for share in shares)
    less = sum(share.high is not None and share.high <= 0.5 for share in shares)
    verdict = "not run" if not shares else FAILS if more else HOLDS if less == len(shares) else OPEN
    told = f"{less} share less than half, {more} more, {len(shares) - more - less} undecided" if shares else NONE
    claim = "the policy shares no more than about half of its choices with any single heuristic"
    span = (
        f"{100 * min(s.mean for s in shares):.0f} … {100 * max(s.mean for s in shares):.0f} % shared"
        if shares
        else NONE
    )
    return [claim, "fig4", verdict, told, span]


def _contests(claim: Claim, findings: Sequence[Finding]) -> str:
    lines = []
    for finding in findings:
        contest, comparison = finding.contest, finding.comparison
        name = f"{_shown(contest.first)} − {_shown(contest.second)}" + ("" if contest.counts else " (source)")
        if comparison is None:
            lines.append([name, contest.where, finding.verdict, *[NONE] * 5])
            continue
        _, gap, t, bootstrap, p = compared(comparison)
        won = f"{comparison.wins}-{comparison.ties}-{comparison.losses}"
        lines.append([name, contest.where, finding.verdict, gap, t, bootstrap, p, won])
    header = ["AUC", "on", claim.kind + "?", "points", "95 % t", "95 % BCa", "p (Holm)", "W-T-L"]
    return f"**{claim.text[0].upper()}{claim.text[1:]}**\n\n{markdown(Table(header, lines))}"


def _pools(records: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Each strategy of the MLP's runs on the sub-pool and on the whole pool."""
    areas: dict[tuple[str, str, str], dict[int, float]] = {}
    for record in sorted(records, key=lambda record: (record["dataset"], record["seed"])):
        if record["classifier"] == "mlp":
            key = record["dataset"], record["strategy"], record["pool"]
            areas.setdefault(key, {})[record["seed"]] = float(np.mean(record["accuracy"]))
    for target in dict.fromkeys(target for target, _, _ in areas):
        learned = sorted({name for where, name, _ in areas if where == target} - set(HEURISTICS))
        names = [n for n in (*HEURISTICS, *learned) if all((target, n, pool) in areas for pool in ("subset", "whole"))]
        found = {n: compare(areas[target, n, "subset"], areas[target, n, "whole"]) for n in names}
        lines = []
        for name, comparison in correct(found).items():
            _, gap, t, bootstrap, p = compared(comparison)
            whole, subset = (estimate(list(areas[target, name, pool].values())) for pool in ("whole", "subset"))
            lines.append([_shown(name), percent(whole), percent(subset), gap, t, bootstrap, p])
        header = ["strategy", "whole pool, AUC %", "sub-pool, AUC %", "gain, points", "95 % t", "95 % BCa", "p (Holm)"]
        if lines:
            yield f"**{target}, MLP**\n\n{markdown(Table(header, lines))}"


def _overlaps(found: Sequence[Panel]) -> list[str]:
    lines = [
        [display_name(name), panel.title, percent(share)]
        for panel, entry in watched(found)
        for name, share in mean_overlap(entry).items()
    ]
    return [markdown(Table(["heuristic", "on", "choices it shares with the policy, %"], lines))] if lines else []


def _ratios(panel: Panel, times: Times) -> Table:
    display = {entry.name: entry.display for entry in panel.entries}
    lines = []
    for cost in sorted(costs(panel, times), key=lambda cost: cost.seconds_ratio or 0.0):
        ratios = [NONE if r is None else f"{r:.2f}" for r in (cost.seconds_ratio, cost.fit_ratio, cost.query_ratio)]
        span = NONE if cost.span is None else f"{cost.span[0]:.2f} … {cost.span[1]:.2f}"
        lines.append([display[cost.name], ratios[0], span, *ratios[1:]])
    header = ["strategy", "seconds of a run, × Random", "over the seeds", "fits, × Random", "queries, × Random"]
    return Table(header, lines)


def _overhead(found: Sequence[Panel], times: Times) -> list[str]:
    """The claim that times decide: the median, and the verdict where all seeds are on one side of 1.00 … 1.10."""
    claim = ["a run with IALE takes about 1.05 times as long as one with Random", "runtime"]
    for panel in found:
        learned = [entry.name for entry in panel.entries if entry.learned]
        for cost in costs(panel, times):
            if cost.name in learned and cost.span is not None:
                low, high = cost.span
                verdict = HOLDS if low >= 1.0 and high <= 1.1 else FAILS if low > 1.1 or high < 1.0 else OPEN
                return [*claim, verdict, f"{low:.2f} … {high:.2f} over the seeds", f"median {cost.seconds_ratio:.2f} ×"]
    return [*claim, "not run", NONE, NONE]


def _shown(name: str) -> str:
    return display_name(name) if name in HEURISTICS else name
