"""A report of one or more experiments: a figure, a page and a summary, from the records alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from iale import storage
from iale.benchmark.records import RECORDS, read_records
from iale.errors import StorageError
from iale.reports.curves import draw_curves
from iale.reports.summary import Panel, panels, rows
from iale.reports.tables import notes, panel_table


def write_report(source: Path | Sequence[Path], out: Path) -> str:
    """Writes ``curves.png``, ``report.md`` and ``summary.json``.

    Args:
        source: a folder with records.jsonl, or several.
        out: folder for the report.

    Returns:
        The tables in Markdown.

    Raises:
        StorageError: there are no finished runs, or a file cannot be read or written.
    """
    sources = [source] if isinstance(source, Path) else list(source)
    found = panels(_records(sources))
    tables = "\n\n".join(f"**{panel.title}**\n\n{panel_table(panel)}\n\n{notes(panel)}" for panel in found)
    storage.write_bytes(out / "curves.png", draw_curves(found))
    storage.write_bytes(out / "report.md", _page(found).encode())
    storage.write_json(out / "summary.json", {"panels": [_summary(panel) for panel in found]})
    return tables


def _records(sources: Sequence[Path]) -> list[dict[str, Any]]:
    records: dict[str, dict[str, Any]] = {}
    for folder in sources:
        own = read_records(folder / RECORDS)
        if not own:
            raise StorageError(f"{folder} holds no finished runs ({RECORDS}): run an experiment there first.")
        records.update({record["key"]: record for record in own})
    return list(records.values())


def _page(found: Sequence[Panel]) -> str:
    parts = ["# Results", "![Learning curves](curves.png)"]
    for panel in found:
        parts += [f"## {panel.title}", panel_table(panel), notes(panel), _settings(panel)]
    return "\n\n".join(parts) + "\n"


def _settings(panel: Panel) -> str:
    config, cycle, training = panel.config, panel.config["cycle"], panel.config["training"]
    pool, test = config["pool_size"] or "all", config["test_size"] or "all"
    return (
        f"Settings: {cycle['initial_size']} first labels, {cycle['acquisition_size']} a step, up to "
        f"{cycle['labeling_budget']}; {pool} training samples may be labelled, accuracy on {test} test samples; "
        f"{training['epochs']} epochs a fit, batches of {training['batch_size']}, learning rate "
        f"{training['learning_rate']:g}, on {training['device']}."
    )


def _summary(panel: Panel) -> dict[str, Any]:
    best = panel.best_heuristic
    strategies = []
    for row, entry in zip(rows(panel), panel.entries, strict=True):
        mean_curve = [float(value) for value in entry.curves.mean(axis=0)]
        strategies.append({**asdict(row), "seeds": list(entry.seeds), "mean_accuracy": mean_curve})
    return {
        "title": panel.title,
        "config": panel.config,
        "labeled": list(panel.labeled),
        "best_heuristic": None if best is None else best.name,
        "strategies": strategies,
    }
