"""The tables of a panel: accuracies in percent, differences in points, the highest AUC first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from iale.benchmark._evidence import PolicyCost
from iale.benchmark._judge import significant, verdict
from iale.benchmark._statistics import Comparison, Estimate
from iale.benchmark._times import Times
from iale.reports._markup import Table
from iale.reports._panels import Entry, Panel
from iale.reports._summary import Row, at_labels, costs, rows, to_targets, wins

NONE = "—"
INTERVALS = ("95 % t", "95 % BCa", "p")


def panel_table(panel: Panel) -> Table:
    """The panel's strategies against Random and against the best single heuristic."""
    random, best = panel.random, panel.best_heuristic
    header = ["strategy", "seeds", "AUC %", "IQM %", f"% at {panel.labeled[-1]} labels"]
    header += [f"AUC − {random.display}", "p", "W-T-L"] if random else []
    header += [f"AUC − {best.display}†", "p", "W-T-L"] if best else []
    header += ["labels to match"] if random else []
    lines = []
    for row in rows(panel):
        line = [row.display, str(row.auc.count), percent(row.auc), f"{100 * row.iqm:.2f}", percent(row.final)]
        line += _paired(row.against_random) if random else []
        line += _paired(row.against_best) if best else []
        line += [str(row.labels_to_match or NONE)] if random else []
        lines.append(line)
    return Table(header, lines, _learned(panel.entries))


def difference_table(panel: Panel) -> Table | None:
    """Differences to Random with both intervals and the verdict; None unless Random and others ran."""
    found = [(row, row.against_random) for row in rows(panel) if row.against_random is not None]
    if panel.random is None or not found:
        return None
    header = ["strategy", f"better than {panel.random.display}?", f"AUC − {panel.random.display}", *INTERVALS]
    lines = [[row.display, *compared(comparison)] for row, comparison in found]
    return Table(header, lines, _learned([row for row, _ in found]))


def p_value(p: float | None) -> str:
    """p with three digits; never 0, because no test is certain."""
    return NONE if p is None else "< 0.001" if p < 0.0005 else f"{p:.3f}"


def compared(comparison: Comparison) -> list[str]:
    """Verdict, difference, t interval, bootstrap interval and p."""
    gap = comparison.difference
    t = None if gap.low is None or gap.high is None else (gap.low, gap.high)
    intervals = [NONE if ends is None else " … ".join(map(points, ends)) for ends in (t, comparison.bootstrap)]
    return [verdict(comparison), points(gap.mean), *intervals, p_value(comparison.p_holm)]


def win_table(panel: Panel) -> Table:
    """Rows against columns: seeds won, tied and lost by AUC, and the difference in points; * for p < 0.05."""
    found, entries = wins(panel), panel.entries
    lines, shades = [], {}
    for place, entry in enumerate(entries):
        line = [entry.display]
        for column, other in enumerate(entries, start=1):
            comparison = found.get((entry.name, other.name))
            if entry is other or comparison is None:
                line.append("·" if entry is other else NONE)
                continue
            star = "*" if significant(comparison) else ""
            line.append(f"{counts(comparison)} {points(comparison.difference.mean)}{star}")
            shades[place, column] = (comparison.wins - comparison.losses) / comparison.difference.count
        lines.append(line)
    return Table(["row against column", *(entry.display for entry in entries)], lines, _learned(entries), shades)


def label_table(panel: Panel) -> Table | None:
    """Accuracy at some numbers of labels; None if the panel covers none of them."""
    found = at_labels(panel)
    header = ["strategy", *(f"% at {count} labels" for count in found)]
    lines = [[entry.display, *(percent(by[entry.name]) for by in found.values())] for entry in panel.entries]
    return Table(header, lines, _learned(panel.entries)) if found else None


def target_table(panel: Panel) -> Table | None:
    """Labels to reach some accuracies; None if the strategies do not differ in any."""
    found = to_targets(panel)
    header = ["strategy", *(f"{100 * target:g} %" for target in found)]
    lines = [[entry.display, *(str(by[entry.name] or NONE) for by in found.values())] for entry in panel.entries]
    return Table(header, lines, _learned(panel.entries)) if found else None


def cost_table(panel: Panel, times: Times) -> Table | None:
    """Medians over seeds of what one run takes, as in the paper's appendix A.3.3; None without times."""
    found = costs(panel, times)
    header = ["strategy", "run", "fits s", "queries s", "run ×", "fits ×", "queries ×", "peak MB"]
    lines = []
    for entry, cost in zip(panel.entries, found, strict=False):
        values = (cost.fit_seconds, cost.query_seconds, cost.seconds_ratio, cost.fit_ratio, cost.query_ratio)
        numbers = [NONE if value is None else f"{value:,.2f}" for value in values]
        run = NONE if cost.seconds is None else clock(cost.seconds)
        lines.append([entry.display, run, *numbers, NONE if cost.peak_mb is None else f"{cost.peak_mb:,.0f}"])
    return Table(header, lines, _learned(panel.entries)) if found else None


def policy_table(costs: Mapping[str, PolicyCost]) -> Table:
    """What policies cost before they choose anything."""
    lines = []
    for name, cost in costs.items():
        hours = NONE if cost.seconds is None else f"{cost.seconds / 3600:.2f}"
        most = (cost.episodes, cost.steps, cost.fits_at_most, cost.source_labels_at_most)
        lines.append([name, cost.source, *(f"{count:,}" for count in most), hours])
    return Table(["policy", "source", "episodes", "steps", "fits, at most", "source labels, at most", "hours"], lines)


def notes(panel: Panel) -> list[str]:
    """What the columns mean, for the references of this panel."""
    lines = [
        "AUC is the mean accuracy over the recorded points; ± is half the 95 % interval of the mean over seeds "
        "(Student's t); IQM is the mean AUC without the lowest and the highest quarter of the seeds. Differences are "
        "paired by seed; p is the two-sided Wilcoxon signed-rank test, corrected by Holm for the comparisons of its "
        "column; W-T-L counts the seeds won, tied and lost."
    ]
    if panel.best_heuristic is not None:
        lines.append(
            f"† {panel.best_heuristic.display} is the best single heuristic by its mean AUC on these same seeds. "
            f"Nobody knows it beforehand, and choosing it afterwards favors it."
        )
    if panel.random is not None:
        final = 100 * panel.random.curves[:, -1].mean()
        lines.append(
            f"Labels to match: the labels at which the mean curve first reaches the {final:.1f} % that "
            f"{panel.random.display} has with {panel.labeled[-1]} labels."
        )
    if len({entry.seeds for entry in panel.entries}) > 1:
        lines.append("Not every strategy has finished every seed: differences use the seeds that both have.")
    return lines


def percent(value: Estimate) -> str:
    """A mean in percent with half its interval."""
    return f"{100 * value.mean:.2f}{_half(value)}"


def difference(comparison: Comparison) -> str:
    """A paired difference in points with half its interval."""
    return signed(comparison.difference)


def signed(value: Estimate) -> str:
    """A mean difference in points with half its interval."""
    return points(value.mean) + _half(value)


def points(value: float) -> str:
    """A signed difference in points.

    >>> points(-0.01234)
    '−1.23'
    """
    return f"{100 * value:+.2f}".replace("-", "−")


def clock(seconds: float) -> str:
    """Hours, minutes and seconds.

    >>> clock(3725), clock(4.25), clock(0.0321)
    ('1:02:05', '4.2 s', '0.032 s')
    """
    if seconds < 60:
        return f"{seconds:.2g} s" if seconds < 1 else f"{seconds:.1f} s"
    whole = round(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def counts(comparison: Comparison) -> str:
    """Seeds won, tied and lost."""
    return f"{comparison.wins}-{comparison.ties}-{comparison.losses}"


def _half(value: Estimate) -> str:
    return "" if value.high is None else f" ± {100 * (value.high - value.mean):.2f}"


def _learned(found: Sequence[Entry | Row]) -> frozenset[int]:
    return frozenset(place for place, each in enumerate(found) if each.learned)


def _paired(comparison: Comparison | None) -> list[str]:
    """Difference, p and wins."""
    if comparison is None:
        return [NONE] * 3
    return [difference(comparison), p_value(comparison.p_holm), counts(comparison)]
