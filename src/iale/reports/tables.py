"""The table of a panel in Markdown, padded so that it reads well on a terminal too."""

from __future__ import annotations

from collections.abc import Sequence

from iale.benchmark.statistics import Comparison, Estimate
from iale.reports.summary import Panel, Row, rows


def panel_table(panel: Panel) -> str:
    """The panel's strategies, highest AUC first; accuracies in percent, differences in points."""
    found, random, best = rows(panel), panel.random, panel.best_heuristic
    header = ["strategy", "seeds", "AUC %", f"% at {panel.labeled[-1]} labels"]
    columns = [
        [_name(row) for row in found],
        [str(row.auc.count) for row in found],
        [_percent(row.auc) for row in found],
        [_percent(row.final) for row in found],
    ]
    if random is not None:
        header += [f"AUC − {random.display}", "p", "W-T-L"]
        columns += _comparison([row.against_random for row in found])
    if best is not None:
        header += [f"AUC − {best.display}*", "p", "W-T-L"]
        columns += _comparison([row.against_best for row in found])
    if random is not None:
        header.append("labels to match")
        columns.append([str(row.labels_to_match or "—") for row in found])
    return markdown_table(header, list(zip(*columns, strict=True)))


def notes(panel: Panel) -> str:
    """What the columns mean, for the references of this panel."""
    lines = [
        "AUC is the mean accuracy over the recorded points; ± is half the 95 % interval of the mean over seeds "
        "(Student's t). Differences are paired by seed; p is the two-sided Wilcoxon signed-rank test, corrected by "
        "Holm for the comparisons of its column; W-T-L counts the seeds won, tied and lost."
    ]
    if panel.best_heuristic is not None:
        lines.append(
            f"\\* {panel.best_heuristic.display} is the best single heuristic by its mean AUC on these same seeds. "
            f"Nobody knows it beforehand, and choosing it afterwards favors it."
        )
    if panel.random is not None:
        final = 100 * panel.random.curves[:, -1].mean()
        lines.append(
            f"Labels to match: where the mean curve first reaches the {final:.1f} % that {panel.random.display} has "
            f"with {panel.labeled[-1]} labels."
        )
    if len({entry.seeds for entry in panel.entries}) > 1:
        lines.append("Not every strategy has finished every seed: differences use the seeds that both have.")
    return "\n".join(f"- {line}" for line in lines)


def markdown_table(header: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A Markdown table: the first column to the left, the others to the right.

    >>> print(markdown_table(["a", "b"], [["x", "10"]]))
    | a |  b |
    |:--|---:|
    | x | 10 |
    """
    widths = [max(len(line[column]) for line in [header, *lines]) for column in range(len(header))]

    def row(cells: Sequence[str]) -> str:
        padded = [c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in enumerate(zip(cells, widths, strict=True))]
        return f"| {' | '.join(padded)} |"

    rules = [":" + "-" * (w + 1) if i == 0 else "-" * (w + 1) + ":" for i, w in enumerate(widths)]
    return "\n".join([row(header), f"|{'|'.join(rules)}|", *map(row, lines)])


def _name(row: Row) -> str:
    return f"**{row.display}**" if row.learned else row.display


def _percent(value: Estimate) -> str:
    if value.high is None:
        return f"{100 * value.mean:.2f}"
    return f"{100 * value.mean:.2f} ± {100 * (value.high - value.mean):.2f}"


def _comparison(values: Sequence[Comparison | None]) -> list[list[str]]:
    """Three columns: difference, p, wins."""
    differences, p_values, wins = [], [], []
    for value in values:
        if value is None:
            differences.append("—")
            p_values.append("—")
            wins.append("—")
            continue
        gap = value.difference
        half = "" if gap.high is None else f" ± {100 * (gap.high - gap.mean):.2f}"
        differences.append(f"{100 * gap.mean:+.2f}{half}".replace("-", "−"))
        p_values.append("—" if value.p_holm is None else f"{value.p_holm:.3f}")
        wins.append(f"{value.wins}-{value.ties}-{value.losses}")
    return [differences, p_values, wins]
