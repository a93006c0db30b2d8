"""A report of one or more experiments: a page, a figure and a summary, from the records alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from iale import _storage as storage
from iale.reports import _page as page
from iale.reports._curves import draw_curves
from iale.reports._figures import panel_looks, png
from iale.reports._markup import markdown, markdown_text
from iale.reports._panels import panels
from iale.reports._sections import footer, html_section, markdown_section, panel_summary
from iale.reports._settings import made_with
from iale.reports._sources import read_machine, read_runs, read_times
from iale.reports._tables import notes, panel_table


def write_report(source: Path | Sequence[Path], out: Path) -> str:
    """Writes ``report.html``, a page that holds all it shows; ``report.md``, ``curves.png`` and ``summary.json``.

    Args:
        source: a folder with records.jsonl, or several.
        out: folder for the report.

    Returns:
        The tables in Markdown.

    Raises:
        StorageError: there are no finished runs, or a file cannot be read or written.
    """
    sources = [source] if isinstance(source, Path) else list(source)
    found = panels(read_runs(sources))
    times, machine = read_times(sources), read_machine(sources)
    looks = panel_looks(found)
    made = made_with(found, machine)
    parts = ["# Results", "![Learning curves](curves.png)", *(markdown_section(panel, times) for panel in found)]
    sections = [html_section(panel, looks, times, place) for place, panel in enumerate(found)]
    titles = {f"panel{place}": panel.title for place, panel in enumerate(found)}
    html = page.page("Results", [page.contents(titles), *sections], footer([machine.get("command", "")], made))
    storage.write_bytes(out / "report.html", html.encode())
    storage.write_bytes(out / "curves.png", png(draw_curves(found, looks)))
    storage.write_bytes(out / "report.md", ("\n\n".join([*parts, markdown_text(f"Made with {made}.")]) + "\n").encode())
    storage.write_json(out / "summary.json", {"panels": [panel_summary(panel, times) for panel in found]})
    tables = [
        "\n\n".join(
            [
                f"**{markdown_text(panel.title)}**",
                markdown(panel_table(panel)),
                "\n".join(f"- {markdown_text(line)}" for line in notes(panel)),
            ]
        )
        for panel in found
    ]
    return "\n\n".join(tables)
