"""What an experiment found, in tables and as numbers for JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from iale.benchmark._evidence import Evidence
from iale.benchmark._experiment import Experiment
from iale.benchmark._judge import verdict
from iale.benchmark._statistics import Comparison
from iale.reports import _page as page
from iale.reports._experiment_figures import varied
from iale.reports._factor import Series
from iale.reports._markup import Table, html_table
from iale.reports._overlap import mean_overlap, watched
from iale.reports._panels import RANDOM, Panel, display_name
from iale.reports._sections import judged, panel_summary
from iale.reports._settings import RunCommand
from iale.reports._summary import rows
from iale.reports._tables import INTERVALS, NONE, compared, difference, percent

_HOW = (
    "Differences in points of AUC, paired by seed, ± half the 95 % t interval. “Holds”: the interval lies above 0 "
    "and p, Wilcoxon's corrected by Holm within the panel and the reference, is below 0.05. “Does not hold”: the "
    "same, below 0. “No gain over 0.5 points”: the interval ends below half a point, whatever p says. The best "
    "heuristic is chosen with the same seeds, which favors it."
)


def verdicts(found: Sequence[Panel]) -> list[str]:
    """Each trained policy against Random and against the best single heuristic, as HTML; empty without policies."""
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
    return ["<h3>What was found</h3>", html_table(Table(header, lines)), page.paragraph(_HOW, "note")]


def behind(experiment: Experiment, found: Sequence[Panel]) -> list[str]:
    """The numbers of the figure that the panels do not show, as HTML."""
    if experiment.figure == "overlap":
        return page.titled("Shared choices, mean over all steps of a run", _shares(found))
    return [part for each in varied(experiment, found) for part in page.titled(each.title, _by_value(each))]


def summary(
    experiment: Experiment, found: Sequence[Panel], evidence: Evidence, command: RunCommand | None
) -> dict[str, object]:
    """Every number of the page, for JSON."""
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
    return {
        "bench": experiment.name,
        "title": experiment.title,
        "claim": experiment.claim,
        "machine": evidence.machine,
        "verdicts": [line for panel in found for line in _against(panel)],
        "policies": {name: asdict(cost) for name, cost in evidence.costs.items() if name in experiment.policies},
        "overlap": overlap,
        "factor": [_numbers(each) for each in varied(experiment, found)],
        "panels": [panel_summary(panel, evidence.times, command) for panel in found],
    }


def _short(comparison: Comparison | None, name: str = "") -> list[str]:
    """Verdict and difference."""
    return [NONE, NONE] if comparison is None else [verdict(comparison), difference(comparison) + name]


def _shares(found: Sequence[Panel]) -> Table:
    shares = {(panel.title, entry.display): mean_overlap(entry) for panel, entry in watched(found)}
    names = list(dict.fromkeys(name for means in shares.values() for name in means))
    cells = [[percent(means[name]) if name in means else NONE for name in names] for means in shares.values()]
    header = ["panel", "policy", *(f"{display_name(name)} %" for name in names)]
    return Table(header, [[*who, *line] for who, line in zip(shares, cells, strict=True)])


def _by_value(each: Series) -> Table:
    differences = each.differences()
    lines = []
    for value, panel in each.panels.items():
        for entry in panel.entries:
            comparison = differences.get((entry.name, value))
            own = compared(comparison) if comparison is not None else [NONE] * 5
            auc = percent(each.areas(entry.name)[value])
            lines.append(["whole" if value is None else f"{value:g}", entry.display, auc, *own])
    return Table([each.setting, "strategy", "AUC %", "better than Random?", "AUC − Random", *INTERVALS], lines)


def _against(panel: Panel) -> list[dict[str, object]]:
    """Each trained policy against Random and against the best single heuristic."""
    found: list[dict[str, object]] = []
    best = panel.best_heuristic
    for row in rows(panel):
        pairs = [(RANDOM, row.against_random), ("" if best is None else best.name, row.against_best)]
        for against, comparison in pairs if row.learned else ():
            if (numbers := judged(comparison)) is not None:
                found.append({"panel": panel.title, "policy": row.name, "against": against, **numbers})
    return found


def _numbers(each: Series) -> dict[str, object]:
    areas = [
        {"strategy": name, "value": value, **asdict(area)}
        for name in each.names
        for value, area in each.areas(name).items()
    ]
    differences = [
        {"strategy": name, "value": value, "verdict": verdict(comparison), **asdict(comparison)}
        for (name, value), comparison in each.differences().items()
    ]
    return {"title": each.title, "setting": each.setting, "areas": areas, "differences": differences}
