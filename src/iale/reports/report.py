"""A report of one or more folders of runs: a page, a figure and a summary."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from iale import _storage as storage
from iale.benchmark._evidence import read_evidence
from iale.reports import _page as page
from iale.reports._curves import draw_curves
from iale.reports._figures import panel_looks, png
from iale.reports._markup import markdown_text
from iale.reports._panels import Panel, panels
from iale.reports._provenance import provenance
from iale.reports._sections import answer, html_section, markdown_section, panel_summary


def write_report(source: Path | Sequence[Path], out: Path, command: Callable[[Panel], str] | None = None) -> str:
    """Writes ``report.html``, a page that needs nothing else; ``report.md``, ``curves.png`` and ``summary.json``.

    Args:
        source: a folder with records.jsonl, or several.
        out: folder for the report.
        command: gives the command line that makes the runs of a panel again; without it the report shows none.

    Returns:
        The tables in Markdown.

    Raises:
        StorageError: there are no finished runs, runs on one data set were made from different data, or a file cannot
            be read or written.
    """
    evidence = read_evidence([source] if isinstance(source, Path) else source)
    found, times, machine = panels(evidence.records), evidence.times, evidence.machine
    looks, made = panel_looks(found), provenance(evidence.records, machine)
    parts = ["# Results", "![Learning curves](curves.png)"]
    parts += [markdown_section(panel, times, command) for panel in found]
    sections = [html_section(panel, looks, times, place, command, folded=False) for place, panel in enumerate(found)]
    contents = page.contents([panel.title for panel in found])
    html = page.page("Results", [contents, *sections], machine.get("command", ""), made)
    storage.write_bytes(out / "report.html", html.encode())
    storage.write_bytes(out / "curves.png", png(draw_curves(found, looks)))
    parts.append("\n".join(f"- {markdown_text(line)}" for line in made))
    storage.write_bytes(out / "report.md", ("\n\n".join(parts) + "\n").encode())
    summary = {"panels": [panel_summary(panel, times, command) for panel in found], "provenance": made}
    storage.write_json(out / "summary.json", summary)
    return "\n\n".join(f"**{markdown_text(panel.title)}**\n\n{answer(panel)}" for panel in found)
