"""One panel as a section of a page or of a Markdown file, and the numbers in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict

from iale.benchmark._judge import verdict
from iale.benchmark._statistics import Comparison
from iale.benchmark._times import Times
from iale.reports import _page as page
from iale.reports._curves import draw_curves
from iale.reports._figures import inline_svg
from iale.reports._markup import escape, html_table, markdown, markdown_text
from iale.reports._palette import Look
from iale.reports._panels import Panel
from iale.reports._settings import RunCommand, question, reproduction
from iale.reports._summary import at_labels, costs, rows, to_targets, wins
from iale.reports._tables import (
    cost_table,
    difference_table,
    label_table,
    notes,
    panel_table,
    target_table,
    win_table,
)


def html_section(
    panel: Panel,
    looks: Mapping[str, Look],
    times: Times,
    place: int,
    *,
    command: RunCommand | None = None,
    folded: bool = False,
) -> str:
    """The panel's figure and tables.

    Args:
        panel: what is shown.
        looks: of all strategies.
        times: of runs.
        place: of the panel on its page, for unique ids.
        command: makes the runs again.
        folded: shows only the title until the reader opens it.
    """
    name = f"panel{place}"
    label = escape(f"Learning curves: {panel.title}")
    parts = [
        page.paragraph(question(panel)),
        page.pictures([inline_svg(draw_curves([panel], looks), name, label)]),
        html_table(panel_table(panel)),
        page.bullets(notes(panel)),
        *page.titled("Against Random, with both intervals", difference_table(panel)),
        *page.titled("Wins, ties and losses of all pairs", win_table(panel) if len(panel.entries) > 1 else None),
    ]
    if len(panel.entries) > 1:
        parts.append(
            page.paragraph(
                "Seeds won, tied and lost by the row against the column, and the difference in AUC in points. Blue is "
                "won, orange lost. * p < 0.05, corrected by Holm for all pairs of the panel.",
                "note",
            )
        )
    parts += page.titled("Accuracy at numbers of labels", label_table(panel))
    targets = target_table(panel)
    parts += page.titled("Labels at which the mean curve reaches an accuracy", targets)
    cost = cost_table(panel, times)
    parts += page.titled("Cost of one run", cost)
    if cost is not None:
        parts.append(page.paragraph("Medians over seeds; × is relative to Random's run of the same seed.", "note"))
    text, line = reproduction(panel, command)
    parts += [page.paragraph(text, "note"), *([page.code(line)] if line else [])]
    if folded:
        return page.folded(panel.title, parts)
    return "\n".join([page.heading(panel.title, name), *parts])


def markdown_section(panel: Panel, times: Times, command: RunCommand | None = None) -> str:
    """The panel's tables."""
    tables = [panel_table(panel), difference_table(panel), label_table(panel), cost_table(panel, times)]
    first, *others = [markdown(table) for table in tables if table is not None]
    small = "\n".join(f"- {markdown_text(line)}" for line in notes(panel))
    text, line = reproduction(panel, command)
    parts = [f"## {markdown_text(panel.title)}", first, small, *others, markdown_text(text)]
    return "\n\n".join([*parts, *([f"```bash\n{line}\n```"] if line else [])])


def panel_summary(panel: Panel, times: Times, command: RunCommand | None = None) -> dict[str, object]:
    """Every number of the section, for JSON."""
    best = panel.best_heuristic
    strategies: list[dict[str, object]] = []
    for row, entry in zip(rows(panel), panel.entries, strict=True):
        against = {"against_random": judged(row.against_random), "against_best": judged(row.against_best)}
        mean = entry.curves.mean(axis=0).tolist()
        strategies.append({**asdict(row), **against, "seeds": list(entry.seeds), "mean_accuracy": mean})
    return {
        "title": panel.title,
        "config": panel.config.options,
        "labeled": list(panel.labeled),
        "best_heuristic": None if best is None else best.name,
        "strategies": strategies,
        "pairs": [{"first": a, "second": b, **asdict(c)} for (a, b), c in wins(panel).items() if a != b],
        "accuracy_at": {
            str(n): {name: asdict(value) for name, value in by.items()} for n, by in at_labels(panel).items()
        },
        "labels_to": {f"{target:g}": by for target, by in to_targets(panel).items()},
        "costs": [asdict(cost) for cost in costs(panel, times)],
        "command": reproduction(panel, command)[1],
        "versions": list(panel.versions),
    }


def judged(comparison: Comparison | None) -> dict[str, object] | None:
    """A comparison with its verdict, for JSON."""
    return None if comparison is None else {**asdict(comparison), "verdict": verdict(comparison)}


def footer(commands: Sequence[str], made: str) -> list[str]:
    """Commands, versions and machine at the end of a page."""
    return [*(page.code(line) for line in commands if line), *([page.paragraph(f"Made with {made}.")] if made else [])]
