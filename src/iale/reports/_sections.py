"""One panel as a section of a page or of a Markdown file, and the numbers in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from html import escape

from iale.benchmark._judge import verdict
from iale.benchmark._statistics import Comparison
from iale.benchmark._times import Times
from iale.reports import _page as page
from iale.reports import _tables as tables
from iale.reports._curves import draw_curves
from iale.reports._figures import inline_svg
from iale.reports._markup import html_table, markdown, markdown_text
from iale.reports._palette import Look
from iale.reports._panels import Panel
from iale.reports._summary import at_labels, costs, rows, to_targets, wins

RunCommand = Callable[[Panel], str]
"""Gives the command line that makes the runs of a panel again; reports know no command line of their own."""

_PAIRS = (
    "Seeds won, tied and lost by the row against the column, and the difference in AUC in points. Blue is won, orange "
    "lost. * p < 0.05, corrected by Holm for all pairs of the panel."
)
_COSTS = "Medians over seeds; × is relative to Random's run of the same seed."


def html_section(
    panel: Panel, looks: Mapping[str, Look], times: Times, place: int, command: RunCommand | None, *, folded: bool
) -> str:
    """The panel's figure and tables; ``folded`` shows only the title until the reader opens it.

    ``place`` is the panel's on its page, for unique ids.
    """
    name, several = f"panel{place}", len(panel.entries) > 1
    parts = [
        page.paragraph(_question(panel)),
        page.pictures([inline_svg(draw_curves([panel], looks), name, escape(f"Learning curves: {panel.title}"))]),
        html_table(tables.panel_table(panel)),
        page.bullets(tables.notes(panel)),
        *page.titled("Against Random, with both intervals", tables.difference_table(panel)),
        *page.titled("Wins, ties and losses of all pairs", tables.win_table(panel) if several else None, _PAIRS),
        *page.titled("Accuracy at numbers of labels", tables.label_table(panel)),
        *page.titled("Labels at which the mean curve reaches an accuracy", tables.target_table(panel)),
        *page.titled("Cost of one run", tables.cost_table(panel, times), _COSTS),
    ]
    text, line = _reproduction(panel, command)
    parts += [page.paragraph(text, "note"), *([page.code(line)] if line else [])]
    return page.folded(panel.title, parts) if folded else "\n".join([page.heading(panel.title, name), *parts])


def answer(panel: Panel) -> str:
    """The panel's main table and its notes, in Markdown."""
    small = [f"- {markdown_text(line)}" for line in tables.notes(panel)]
    return "\n".join([markdown(tables.panel_table(panel)), "", *small])


def markdown_section(panel: Panel, times: Times, command: RunCommand | None) -> str:
    """The panel's tables."""
    found = [tables.difference_table(panel), tables.label_table(panel), tables.cost_table(panel, times)]
    others = [markdown(table) for table in found if table is not None]
    text, line = _reproduction(panel, command)
    parts = [f"## {markdown_text(panel.title)}", answer(panel), *others, markdown_text(text)]
    return "\n\n".join([*parts, *([f"```bash\n{line}\n```"] if line else [])])


def panel_summary(panel: Panel, times: Times, command: RunCommand | None) -> dict[str, object]:
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
        "accuracy_at": {str(n): {k: asdict(value) for k, value in by.items()} for n, by in at_labels(panel).items()},
        "labels_to": {f"{target:g}": by for target, by in to_targets(panel).items()},
        "costs": [asdict(cost) for cost in costs(panel, times)],
        "command": _reproduction(panel, command)[1],
        "versions": list(panel.versions),
    }


def judged(comparison: Comparison | None) -> dict[str, object] | None:
    """A comparison with its verdict, for JSON."""
    return None if comparison is None else {**asdict(comparison), "verdict": verdict(comparison)}


def _question(panel: Panel) -> str:
    """What the panel answers."""
    learned = [entry.display for entry in panel.entries if entry.learned]
    who = " or ".join(learned) if 0 < len(learned) < 4 else "any strategy"
    return (
        f"Which {panel.dataset} samples are worth a label for the {panel.classifier}, choosing from the {panel.pool}: "
        f"does {who} do better than Random, and than the best single heuristic?"
    )


def _reproduction(panel: Panel, command: RunCommand | None) -> tuple[str, str]:
    """The settings, with a hint that some commands need; and the command, or ""."""
    config, line = panel.config, "" if command is None else command(panel)
    text = (
        f"Settings: {config.initial_size} first labels, {config.acquisition_size} a step, up to "
        f"{config.labeling_budget}, chosen from the {panel.pool}; {config.pool_size or 'all'} training samples may be "
        f"labeled, accuracy on {config.test_size or 'all'} test samples; {config.epochs} epochs a fit, batches of "
        f"{config.batch_size}, learning rate {config.learning_rate:g}, on {config.device}."
    )
    if line and any(entry.learned for entry in panel.entries):
        text += " In the command, a policy that is not shipped is named by its folder."
    return text, line
