"""What an experiment found, in tables and as numbers for JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from iale.benchmark._evidence import Evidence
from iale.benchmark._experiment import Experiment
from iale.benchmark._judge import verdict
from iale.benchmark._statistics import Comparison
from iale.reports import _page as page
from iale.reports._factor import STRATEGY, Series, series
from iale.reports._markup import Table
from iale.reports._overlap import mean_overlap, watched
from iale.reports._panels import RANDOM, Panel, display_name
from iale.reports._sections import RunCommand, judged, panel_summary
from iale.reports._summary import Row, rows
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
    for panel, row in _policies(found):
        if row.against_random or row.against_best:
            name = "" if panel.best_heuristic is None else f" ({panel.best_heuristic.display})"
            lines.append([panel.title, row.display, *_short(row.against_random), *_short(row.against_best, name)])
    if not lines:
        return []
    header = ["panel", "policy", "better than Random?", "difference", "better than the best heuristic?", "difference"]
    return page.titled("What was found", Table(header, lines), _HOW)


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
        "verdicts": _against(found),
        "policies": {name: asdict(cost) for name, cost in evidence.costs.items() if name in experiment.policies},
        "overlap": overlap,
        "factor": [_numbers(each) for each in varied(experiment, found)],
        "panels": [panel_summary(panel, evidence.times, command) for panel in found],
    }


def varied(experiment: Experiment, found: Sequence[Panel]) -> list[Series]:
    """The panels by the value of the experiment's factor; empty if it varies strategies or nothing."""
    if experiment.figure != "factor" or experiment.factor in (None, STRATEGY):
        return []
    return series(found, str(experiment.factor))


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


def _policies(found: Sequence[Panel]) -> list[tuple[Panel, Row]]:
    return [(panel, row) for panel in found for row in rows(panel) if row.learned]


def _against(found: Sequence[Panel]) -> list[dict[str, object]]:
    """Each trained policy against Random and against the best single heuristic."""
    lines: list[dict[str, object]] = []
    for panel, row in _policies(found):
        best = "" if panel.best_heuristic is None else panel.best_heuristic.name
        for against, comparison in ((RANDOM, row.against_random), (best, row.against_best)):
            if (numbers := judged(comparison)) is not None:
                lines.append({"panel": panel.title, "policy": row.name, "against": against, **numbers})
    return lines


def _numbers(each: Series) -> dict[str, object]:
    found = [(name, each.areas(name)) for name in each.names]
    areas = [{"strategy": name, "value": value, **asdict(auc)} for name, own in found for value, auc in own.items()]
    differences = [
        {"strategy": name, "value": value, "verdict": verdict(comparison), **asdict(comparison)}
        for (name, value), comparison in each.differences().items()
    ]
    return {"title": each.title, "setting": each.setting, "areas": areas, "differences": differences}
