"""The page of one named bench: the paper's claim, what was found, the figure, and every panel behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from iale import _storage as storage
from iale.benchmark.bench import Bench
from iale.benchmark.statistics import Comparison, verdict
from iale.errors import ConfigError, StorageError
from iale.reports import _page as page
from iale.reports._curves import draw_curves
from iale.reports._factor import STRATEGY, draw_factor, series
from iale.reports._figures import inline_svg, panel_looks, png, svg
from iale.reports._markup import Table, escape, html_table
from iale.reports._overlap import draw_overlap, mean_overlap, watched
from iale.reports._palette import Look
from iale.reports._panels import RANDOM, Panel, display_name, panels
from iale.reports._sections import footer, html_section, panel_summary
from iale.reports._settings import made_with
from iale.reports._sources import by_key
from iale.reports._summary import Times, rows
from iale.reports._tables import INTERVALS, NONE, compared, difference, percent, policy_table
from iale.reports._times import TIMES_NOTE, draw_times, timed


def write_bench_report(
    bench: Bench,
    records: Sequence[dict[str, Any]],
    times: Sequence[dict[str, Any]],
    out: Path,
    command: str,
    machine: Mapping[str, str],
    costs: Mapping[str, Mapping[str, Any]] | None = None,
) -> None:
    """Writes ``report.html``, ``figure.svg``, ``figure.png`` and ``summary.json`` of one bench.

    Args:
        bench: title, claim and kind of figure.
        records: of finished runs.
        times: lines of times.jsonl; may be empty, and may speak of other runs.
        out: folder for the report.
        command: what makes the records, in one line.
        machine: where they were made, see `read_machine`.
        costs: of policies, see `read_costs`; may speak of others.

    Raises:
        StorageError: there are no records, they lack what the figure shows, or a file cannot be written.
    """
    if not records:
        raise StorageError(f"the bench {bench.name} has no finished runs: run it first.")
    found, known = panels(records), by_key(times)
    looks = panel_looks(found)
    figure = _figure(bench, found, looks, known)
    curves = bench.figure == "curves"
    shown = [] if curves else _figures(bench, found, looks, known)
    svgs = [inline_svg(one, f"figure{place}", escape(bench.title)) for place, one in enumerate(shown)]
    titles = {f"panel{place}": panel.title for place, panel in enumerate(found)}
    trained = {name: cost for name, cost in (costs or {}).items() if name in bench.policies}
    parts = [
        page.paragraph(f"The paper says: {bench.claim}", "lead"),
        *_verdicts(found),
        page.pictures(svgs),
        *([page.paragraph(TIMES_NOTE, "note")] if bench.figure == "times" else []),
        *_behind(bench, found),
        *page.titled("What the policies cost, once", policy_table(trained) if trained else None),
        page.contents(titles) if curves else page.heading("The runs behind it"),
        *(html_section(panel, looks, known, place, folded=not curves) for place, panel in enumerate(found)),
    ]
    html = page.page(bench.title, parts, footer([command], made_with(found, machine)))
    storage.write_bytes(out / "figure.svg", svg(figure))
    storage.write_bytes(out / "figure.png", png(figure))
    storage.write_json(out / "summary.json", _summary(bench, found, known, command, machine, trained))
    storage.write_bytes(out / "report.html", html.encode())


def claims(panel: Panel) -> list[tuple[str, str, Comparison]]:
    """Each trained policy against Random and against the best single heuristic: both names and the comparison."""
    found = []
    for row in rows(panel):
        best = panel.best_heuristic
        if row.learned and row.against_random is not None:
            found.append((row.name, RANDOM, row.against_random))
        if row.learned and row.against_best is not None and best is not None:
            found.append((row.name, best.name, row.against_best))
    return found


def _figure(bench: Bench, found: Sequence[Panel], looks: Mapping[str, Look], times: Times) -> Figure:
    if bench.figure == "overlap":
        if not watched(found):
            raise StorageError(f"no run of the bench {bench.name} has asked other strategies beside: run it again.")
        return draw_overlap(found, looks)
    if bench.figure == "factor":
        if bench.factor is None:
            raise ConfigError(f"the bench {bench.name} names no factor: name what runs along the axis.")
        return draw_factor(found, looks, bench.factor)
    if bench.figure == "times":
        if not timed(found, times):
            raise StorageError(f"no run of the bench {bench.name} has been timed beside Random: run it again.")
        return draw_times(found, looks, times)
    return draw_curves(found, looks)


def _figures(bench: Bench, found: Sequence[Panel], looks: Mapping[str, Look], times: Times) -> list[Figure]:
    """The plots of the figure one by one, as a narrow page needs them."""
    groups: list[list[Panel]] = [list(each.panels.values()) for each in _series(bench, found)]
    if bench.figure == "overlap":
        groups = [[replace(panel, entries=(entry,))] for panel, entry in watched(found)]
    elif not groups:
        known = [panel for panel, _ in timed(found, times)] if bench.figure == "times" else found
        groups = [[panel] for panel in known]
    return [_figure(bench, group, looks, times) for group in groups]


def _verdicts(found: Sequence[Panel]) -> list[str]:
    """Each trained policy against Random and against the best single heuristic."""
    lines = []
    for panel in found:
        best = panel.best_heuristic
        for row in rows(panel):
            if row.learned and (row.against_random or row.against_best):
                name = "" if best is None else f" ({best.display})"
                lines.append([panel.title, row.display, *_short(row.against_random), *_short(row.against_best, name)])
    if not lines:
        return []
    header = ["panel", "policy", "better than Random?", "difference", "better than the best heuristic?", "difference"]
    small = (
        "Differences in points of AUC, paired by seed, ± half the 95 % t interval. “Holds”: the interval lies above 0 "
        "and p, Wilcoxon's corrected by Holm within the panel and the reference, is below 0.05. “Does not hold”: the "
        "same, below 0. “No gain over 0.5 points”: the interval ends below half a point, whatever p says. The best "
        "heuristic is chosen with the same seeds, which favors it."
    )
    return ["<h3>What was found</h3>", html_table(Table(header, lines)), page.paragraph(small, "note")]


def _short(comparison: Comparison | None, name: str = "") -> list[str]:
    """Verdict and difference."""
    return [NONE, NONE] if comparison is None else [verdict(comparison), difference(comparison) + name]


def _behind(bench: Bench, found: Sequence[Panel]) -> list[str]:
    """The numbers of the figure, where the panels below do not show them."""
    if bench.figure == "overlap":
        shares = {(panel.title, entry.display): mean_overlap(entry) for panel, entry in watched(found)}
        names = list(dict.fromkeys(name for means in shares.values() for name in means))
        header = ["panel", "policy", *(f"{display_name(name)} %" for name in names)]
        cells = [[percent(means[name]) if name in means else NONE for name in names] for means in shares.values()]
        lines = [[*who, *line] for who, line in zip(shares, cells, strict=True)]
        return page.titled("Shared choices, mean over all steps of a run", Table(header, lines))
    parts = []
    for each in _series(bench, found):
        differences = each.differences()
        lines = []
        for value, panel in each.panels.items():
            for entry in panel.entries:
                comparison = differences.get((entry.name, value))
                auc = each.areas(entry.name)[value]
                own = compared(comparison) if comparison is not None else [NONE] * 5
                lines.append(["whole" if value is None else f"{value:g}", entry.display, percent(auc), *own])
        header = [each.setting, "strategy", "AUC %", "better than Random?", "AUC − Random", *INTERVALS]
        parts += page.titled(each.title, Table(header, lines))
    return parts


def _series(bench: Bench, found: Sequence[Panel]) -> list[Any]:
    if bench.figure != "factor" or bench.factor in (None, STRATEGY):
        return []
    return list(series(found, str(bench.factor)))


def _summary(
    bench: Bench,
    found: Sequence[Panel],
    times: Times,
    command: str,
    machine: Mapping[str, str],
    policies: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    verdicts = [
        {"panel": panel.title, "policy": name, "against": against, "verdict": verdict(c), **asdict(c)}
        for panel in found
        for name, against, c in claims(panel)
    ]
    overlap = [
        {
            "panel": panel.title,
            "policy": entry.name,
            "labeled": list(panel.labeled[:-1]),
            "shares": {name: shares.mean(axis=0).tolist() for name, shares in entry.overlap.items()},
            "means": {name: asdict(share) for name, share in mean_overlap(entry).items()},
        }
        for panel, entry in watched(found)
    ]
    factor = [
        {
            "title": each.title,
            "setting": each.setting,
            "areas": [
                {"strategy": name, "value": value, **asdict(area)}
                for name in each.names
                for value, area in each.areas(name).items()
            ],
            "differences": [
                {"strategy": name, "value": value, "verdict": verdict(c), **asdict(c)}
                for (name, value), c in each.differences().items()
            ],
        }
        for each in _series(bench, found)
    ]
    return {
        "bench": bench.name,
        "title": bench.title,
        "claim": bench.claim,
        "command": command,
        "machine": dict(machine),
        "verdicts": verdicts,
        "policies": {name: dict(cost) for name, cost in policies.items()},
        "overlap": overlap,
        "factor": factor,
        "panels": [panel_summary(panel, times) for panel in found],
    }
