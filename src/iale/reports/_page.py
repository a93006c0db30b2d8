"""A self-contained page of HTML: style, figures and tables, without scripts and without anything to load."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from iale.reports._markup import Table, html_table
from iale.reports._palette import GRID, INK, MUTED, PAPER, screen_colors

_NAMED = {"paper": PAPER, "ink": INK, "muted": MUTED, "grid": GRID}
_STYLE = """
* { box-sizing: border-box }
body { margin: 0; background: var(--paper); color: var(--ink); line-height: 1.5;
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif }
main { max-width: 74rem; margin: 0 auto; padding: 1.5rem 1.25rem 3rem }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 .5rem }
h2 { font-size: 1.3rem; line-height: 1.25; margin: 2.5rem 0 .25rem; padding-top: 1.25rem;
  border-top: 1px solid var(--grid) }
h3 { font-size: 1rem; margin: 1.5rem 0 .4rem }
p, ul { margin: .4rem 0; max-width: 46rem }
ul { padding-left: 1.1rem }
.note, footer, .note li { color: var(--muted); font-size: .875rem }
.lead { font-size: 1.05rem }
figure { margin: 1rem 0 }
figure svg { display: block; width: 100%; height: auto; overflow: visible }
figure { max-width: 40rem }
.grid { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 29rem), 1fr)); gap: 0 1.5rem }
figure text { font-family: inherit !important }
.scroll { overflow-x: auto; margin: .5rem 0; max-width: 100% }
table { border-collapse: separate; border-spacing: 0; font-size: .875rem; font-variant-numeric: tabular-nums }
th, td { padding: .3rem .65rem; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--grid) }
th:first-child { text-align: left }
thead th { color: var(--muted); font-weight: 600; vertical-align: bottom; white-space: normal; min-width: 4.5rem }
tbody th { font-weight: 400; position: sticky; left: 0; background: var(--paper) }
tr.strong th, tr.strong td { font-weight: 650 }
pre { overflow-x: auto; background: var(--soft); padding: .7rem .85rem; border-radius: .35rem; font-size: .8125rem;
  margin: .5rem 0 }
details { margin: .75rem 0 }
summary { cursor: pointer; font-weight: 600 }
nav { font-size: .9375rem; margin: .75rem 0 }
nav a { margin-right: 1rem }
a { color: inherit }
footer { border-top: 1px solid var(--grid); margin-top: 2.5rem; padding-top: .75rem; overflow-wrap: anywhere }
@media (max-width: 40rem) {
  main { padding: 1rem .9rem 2rem }
  h1 { font-size: 1.4rem }
  figure { margin: 1rem -.6rem }
  tbody th { white-space: normal; min-width: 7rem; max-width: 9rem }
  th, td { padding: .3rem .45rem }
}
@media print { details > * { display: block } .scroll { overflow: visible } }
"""


def page(title: str, parts: Sequence[str], command: str, made: Sequence[str]) -> str:
    """The whole page: ``parts`` are HTML; the command, and where the records come from, stand at its end."""
    foot = "\n".join([*([code(command)] if command else []), *map(paragraph, made)])
    body = "\n".join(parts)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{escape(title)}</title>\n<style>{_variables()}{_STYLE}</style>\n</head>\n<body>\n<main>\n"
        f"<h1>{escape(title)}</h1>\n{body}\n<footer>\n{foot}\n</footer>\n</main>\n</body>\n</html>\n"
    )


def heading(text: str, anchor: str = "") -> str:
    """The heading of a section, which `contents` can link to."""
    return f'<h2 id="{anchor}">{escape(text)}</h2>' if anchor else f"<h2>{escape(text)}</h2>"


def contents(titles: Sequence[str]) -> str:
    """Links to the sections, whose anchors are panel0, panel1, …"""
    links = "\n".join(f'<a href="#panel{place}">{escape(title)}</a>' for place, title in enumerate(titles))
    return f"<nav>{links}</nav>"


def paragraph(text: str, kind: str = "") -> str:
    """Plain text; ``kind`` is "lead", "note" or ""."""
    return f'<p class="{kind}">{escape(text)}</p>' if kind else f"<p>{escape(text)}</p>"


def bullets(lines: Sequence[str]) -> str:
    """Plain lines as small print."""
    items = "\n".join(f"<li>{escape(line)}</li>" for line in lines)
    return f'<ul class="note">\n{items}\n</ul>'


def code(text: str) -> str:
    """A command."""
    return f"<pre><code>{escape(text)}</code></pre>"


def pictures(svgs: Sequence[str]) -> str:
    """Figures made by `inline_svg`, side by side if there is room."""
    figures = "\n".join(f"<figure>\n{svg}</figure>" for svg in svgs)
    return f'<div class="grid">\n{figures}\n</div>' if len(svgs) > 1 else figures


def titled(title: str, table: Table | None, note: str = "") -> list[str]:
    """A table under a small heading, with a note below; empty without a table."""
    small = [paragraph(note, "note")] if note else []
    return [] if table is None else [f"<h3>{escape(title)}</h3>", html_table(table), *small]


def folded(title: str, parts: Sequence[str]) -> str:
    """Parts that are hidden until the reader opens them."""
    body = "\n".join(parts)
    return f"<details><summary>{escape(title)}</summary>\n{body}\n</details>"


def _variables() -> str:
    colors = screen_colors()
    pairs = {f"c{color[1:]}": (color, other) for color, other in colors.items()}
    pairs |= {name: (color, colors[color]) for name, color in _NAMED.items()}
    pairs |= {"soft": ("#f3f4f6", "#1d232c"), "won": ("#3b82c4", "#4a90d9"), "lost": ("#e08a2e", "#d9822b")}
    light, dark = (";".join(f"--{name}:{pair[i]}" for name, pair in pairs.items()) for i in (0, 1))
    return f":root{{color-scheme:light dark;{light}}}\n@media (prefers-color-scheme:dark){{:root{{{dark}}}}}"
