"""The tables of a panel: accuracies in percent, differences in points, the highest AUC first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from iale.benchmark._evidence import PolicyCost
from iale.benchmark._judge import significant, verdict
from iale.benchmark._statistics import Comparison, Estimate
from iale.benchmark._times import Times
from iale.reports._markup import Table
from iale.reports._panels import Panel
from iale.reports._summary import at_labels, costs, rows, to_targets, wins

NONE = "—"
INTERVALS = ("95 % t", "95 % BCa", "p")


def panel_table(panel: Panel) -> Table:
    """The panel's strategies against Random and against the best single heuristic."""
    found, random, best = rows(panel), panel.random, panel.best_heuristic
    header = ["strategy", "seeds", "AUC %", "IQM %", f"% at {panel.labeled[-1]} labels"]
    columns = [
        [row.display for row in found],
        [str(row.auc.count) for row in found],
        [percent(row.auc) for row in found],
        [f"{100 * row.iqm:.2f}" for row in found],
        [percent(row.final) for row in found],
    ]
    if random is not None:
        header += [f"AUC − {random.display}", "p", "W-T-L"]
        columns += _comparisons([row.against_random for row in found])
    if best is not None:
        header += [f"AUC − {best.display}†", "p", "W-T-L"]
        columns += _comparisons([row.against_best for row in found])
    if random is not None:
        header.append("labels to match")
        columns.append([str(row.labels_to_match or NONE) for row in found])
    return Table(header, list(zip(*columns, strict=True)), _learned(panel))


def difference_table(panel: Panel) -> Table | None:
    """Differences to Random with both intervals and the verdict; None unless Random and others ran."""
    found = [(place, row) for place, row in enumerate(rows(panel)) if row.against_random is not None]
    if panel.random is None or not found:
        return None
    header = ["strategy", f"better than {panel.random.display}?", f"AUC − {panel.random.display}", *INTERVALS]
    lines = [[row.display, *compared(row.against_random)] for _, row in found if row.against_random is not None]
    return Table(header, lines, frozenset(i for i, (_, row) in enumerate(found) if row.learned))


def p_value(p: float | None) -> str:
    """p with three digits; never 0, because no test is certain."""
    if p is None:
        return NONE
    return "< 0.001" if p < 0.0005 else f"{p:.3f}"


def compared(comparison: Comparison) -> list[str]:
    """Verdict, difference, t interval, bootstrap interval and p."""
    gap, p = comparison.difference, comparison.p_holm
    t = NONE if gap.low is None or gap.high is None else _interval(gap.low, gap.high)
    bootstrap = NONE if comparison.bootstrap is None else _interval(*comparison.bootstrap)
    return [verdict(comparison), points(gap.mean), t, bootstrap, p_value(p)]


def win_table(panel: Panel) -> Table:
    """Rows against columns: seeds won, tied and lost by AUC, and the difference in points; * for p < 0.05."""
    found = wins(panel)
    entries = panel.entries
    lines, shades = [], {}
    for place, entry in enumerate(entries):
        line = [entry.display]
        for column, other in enumerate(entries, start=1):
            comparison = found.get((entry.name, other.name))
            if entry is other or comparison is None:
                line.append("·" if entry is other else NONE)
                continue
            star = "*" if significant(comparison) else ""
            line.append(f"{_counts(comparison)} {points(comparison.difference.mean)}{star}")
            shades[place, column] = (comparison.wins - comparison.losses) / comparison.difference.count
        lines.append(line)
    return Table(["row against column", *(entry.display for entry in entries)], lines, _learned(panel), shades)


def label_table(panel: Panel) -> Table | None:
    """Accuracy at some numbers of labels; None if the panel covers none of them."""
    found = at_labels(panel)
    header = ["strategy", *(f"% at {count} labels" for count in found)]
    lines = [[entry.display, *(percent(by[entry.name]) for by in found.values())] for entry in panel.entries]
    return Table(header, lines, _learned(panel)) if found else None


def target_table(panel: Panel) -> Table | None:
    """Labels to reach some accuracies; None if the strategies do not differ in any."""
    found = to_targets(panel)
    header = ["strategy", *(f"{100 * target:g} %" for target in found)]
    lines = [[entry.display, *(str(by[entry.name] or NONE) for by in found.values())] for entry in panel.entries]
    return Table(header, lines, _learned(panel)) if found else None


def cost_table(panel: Panel, times: Times) -> Table | None:
    """Medians over seeds of what one run takes, as in the paper's appendix A.3.3; None without times."""
    found = costs(panel, times)
    header = ["strategy", "run", "fits s", "queries s", "run ×", "fits ×", "queries ×", "peak MB"]
    lines = [
        [
            entry.display,
            NONE if cost.seconds is None else clock(cost.seconds),
            *(NONE if value is None else f"{value:,.2f}" for value in (cost.fit_seconds, cost.query_seconds)),
            *(
                NONE if value is None else f"{value:,.2f}"
                for value in (cost.seconds_ratio, cost.fit_ratio, cost.query_ratio)
            ),
            NONE if cost.peak_mb is None else f"{cost.peak_mb:,.0f}",
        ]
        for entry, cost in zip(panel.entries, found, strict=False)
    ]
    return Table(header, lines, _learned(panel)) if found else None


def policy_table(costs: Mapping[str, PolicyCost]) -> Table:
    """What policies cost before they choose anything."""
    lines = []
    for name, cost in costs.items():
        hours = NONE if cost.seconds is None else f"{cost.seconds / 3600:.2f}"
        counts = (cost.episodes, cost.steps, cost.fits_at_most, cost.source_labels_at_most)
        lines.append([name, cost.source, *(f"{count:,}" for count in counts), hours])
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
    half = "" if value.high is None else f" ± {100 * (value.high - value.mean):.2f}"
    return f"{100 * value.mean:.2f}{half}"


def difference(comparison: Comparison) -> str:
    """A paired difference in points with half its interval."""
    gap = comparison.difference
    return points(gap.mean) + ("" if gap.high is None else f" ± {100 * (gap.high - gap.mean):.2f}")


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
    whole = round(seconds)
    if seconds < 1:
        return f"{seconds:.2g} s"
    return f"{seconds:.1f} s" if seconds < 60 else f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def _interval(low: float, high: float) -> str:
    return f"{points(low)} … {points(high)}"


def _learned(panel: Panel) -> frozenset[int]:
    return frozenset(place for place, entry in enumerate(panel.entries) if entry.learned)


def _counts(comparison: Comparison) -> str:
    return f"{comparison.wins}-{comparison.ties}-{comparison.losses}"


def _comparisons(values: Sequence[Comparison | None]) -> list[list[str]]:
    """Three columns: difference, p, wins."""
    differences, p_values, counts = [], [], []
    for value in values:
        if value is None:
            differences.append(NONE)
            p_values.append(NONE)
            counts.append(NONE)
            continue
        differences.append(difference(value))
        p_values.append(p_value(value.p_holm))
        counts.append(_counts(value))
    return [differences, p_values, counts]
