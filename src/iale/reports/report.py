"""A report of one or more folders of runs: a page, a figure and a summary."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from iale import _storage as storage
from iale.benchmark._evidence import read_evidence
from iale.reports import _page as page
from iale.reports._curves import draw_curves
from iale.reports._figures import panel_looks, png
from iale.reports._markup import markdown, markdown_text
from iale.reports._panels import Panel, panels
from iale.reports._sections import footer, html_section, markdown_section, panel_summary
from iale.reports._settings import made_with
from iale.reports._tables import notes, panel_table


def write_report(source: Path | Sequence[Path], out: Path, command: Callable[[Panel], str] | None = None) -> str:
    """Writes ``report.html``, a page that needs nothing else; ``report.md``, ``curves.png`` and ``summary.json``.

    Args:
        source: a folder with records.jsonl, or several.
        out: folder for the report.
        command: gives the command line that makes the runs of a panel again; without it the report shows none.

    Returns:
        The tables in Markdown.

    Raises:
        StorageError: there are no finished runs, or a file cannot be read or written.
    """
    sources = [source] if isinstance(source, Path) else list(source)
    evidence = read_evidence(sources)
    found, times, machine = panels(evidence.records), evidence.times, evidence.machine
    looks, made = panel_looks(found), made_with(found, machine)
    parts = ["# Results", "![Learning curves](curves.png)"]
    parts += [markdown_section(panel, times, command) for panel in found]
    sections = [html_section(panel, looks, times, place, command=command) for place, panel in enumerate(found)]
    titles = {f"panel{place}": panel.title for place, panel in enumerate(found)}
    html = page.page("Results", [page.contents(titles), *sections], footer([machine.get("command", "")], made))
    summary = {"panels": [panel_summary(panel, times, command) for panel in found]}
    storage.write_bytes(out / "report.html", html.encode())
    storage.write_bytes(out / "curves.png", png(draw_curves(found, looks)))
    storage.write_bytes(out / "report.md", ("\n\n".join([*parts, markdown_text(f"Made with {made}.")]) + "\n").encode())
    storage.write_json(out / "summary.json", summary)
    return "\n\n".join(_answer(panel) for panel in found)


def _answer(panel: Panel) -> str:
    """The title, the table and its notes, for a terminal."""
    small = "\n".join(f"- {markdown_text(line)}" for line in notes(panel))
    return "\n\n".join([f"**{markdown_text(panel.title)}**", markdown(panel_table(panel)), small])
