"""A table as Markdown or as HTML, and text escaped for both."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape


@dataclass(frozen=True)
class Table:
    """Cells of plain text; rows in bold; and by row and column, −1 (lost) … 1 (won), the color of a cell on a page."""

    header: Sequence[str]
    lines: Sequence[Sequence[str]]
    strong: frozenset[int] = frozenset()
    shades: Mapping[tuple[int, int], float] = field(default_factory=dict)


def markdown(table: Table) -> str:
    """The table in Markdown, padded for a terminal: the first column aligned left, the others right.

    >>> print(markdown(Table(["a", "b"], [["x", "10"]])))
    | a |  b |
    |:--|---:|
    | x | 10 |
    """
    header = [markdown_text(cell) for cell in table.header]
    lines = [[markdown_text(cell) for cell in line] for line in table.lines]
    for place in table.strong:
        lines[place][0] = f"**{lines[place][0]}**"
    widths = [max(len(line[column]) for line in [header, *lines]) for column in range(len(header))]

    def row(cells: Sequence[str]) -> str:
        padded = [c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in enumerate(zip(cells, widths, strict=True))]
        return f"| {' | '.join(padded)} |"

    rules = [":" + "-" * (w + 1) if i == 0 else "-" * (w + 1) + ":" for i, w in enumerate(widths)]
    return "\n".join([row(header), f"|{'|'.join(rules)}|", *map(row, lines)])


def html_table(table: Table) -> str:
    """The table in a box that scrolls sideways."""
    head = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in table.header)
    body = []
    for place, line in enumerate(table.lines):
        cells = [f'<th scope="row">{escape(line[0])}</th>']
        for column, cell in enumerate(line[1:], start=1):
            cells.append(f"<td{_shade(table.shades.get((place, column), 0.0))}>{escape(cell)}</td>")
        strong = ' class="strong"' if place in table.strong else ""
        body.append(f"<tr{strong}>{''.join(cells)}</tr>")
    top = ['<div class="scroll" tabindex="0"><table>', f"<thead><tr>{head}</tr></thead>", "<tbody>"]
    return "\n".join([*top, *body, "</tbody>", "</table></div>"])


def markdown_text(text: str) -> str:
    """Plain text as Markdown, on one line and without any markup.

    >>> markdown_text("a|b <i>")
    'a\\\\|b &lt;i&gt;'
    """
    return re.sub(r"([\\`*\[\]|])", r"\\\1", escape(" ".join(text.split()), quote=False))


def _shade(value: float) -> str:
    """The style of a cell: orange if lost, blue if won, nothing if tied."""
    if not value:
        return ""
    color = "var(--won)" if value > 0 else "var(--lost)"
    return f' style="background:color-mix(in srgb, {color} {round(60 * min(1.0, abs(value)))}%, transparent)"'
