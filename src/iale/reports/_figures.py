"""What all figures share: the style, the frame of an axes, and how a figure becomes PNG or SVG."""

from __future__ import annotations

import io
import re
import textwrap
import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from iale._many import many
from iale.benchmark._statistics import Floats, half_width
from iale.reports._palette import GRID, INK, MUTED, PAPER, Look, looks, screen_colors
from iale.reports._panels import RANDOM, Entry, Panel, display_name

BAND = 3
"""The fewest seeds for a band. With two, t has one degree of freedom and is so wide that it hides the curves."""

_LONGEST = 36

STYLE: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 9.5,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": MUTED,
    "axes.facecolor": "none",
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "text.color": INK,
    "text.parse_math": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "iale",
}


def panel_looks(panels: Sequence[Panel]) -> dict[str, Look]:
    """The looks of all strategies of a report, including those that were only asked beside others."""
    entries = [entry for panel in panels for entry in panel.entries]
    acting = {(entry.name, entry.kind) for entry in entries}
    names = {name for name, _ in acting}
    return looks(acting | {(name, None) for entry in entries for name in entry.overlap if name not in names})


def new_figure(width: float, height: float) -> Figure:
    """An empty figure; sizes in inches."""
    figure = Figure(figsize=(width, height), dpi=160)
    FigureCanvasAgg(figure)
    return figure


def png(figure: Figure) -> bytes:
    """The figure on white, at 160 dots per inch."""
    return _save(figure, "png", PAPER, {"Software": None})


def svg(figure: Figure) -> bytes:
    """The figure on white, as a file; equal figures give equal bytes."""
    return _svg(figure, PAPER).encode()


def inline_svg(figure: Figure, name: str, label: str) -> str:
    """The figure as an element of a page: unique ids, the colors of the page, no background.

    ``name`` is letters and digits that no other figure of the page uses; ``label`` says to people who do not see the
    figure what it shows, escaped.
    """
    text = _svg(figure, "none")
    text = text[text.index("<svg ") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, count=1, flags=re.DOTALL)
    text = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{name}-", text)
    text = re.sub(r' (width|height)="[\d.]+pt"', "", text, count=2)
    for color in screen_colors():
        text = text.replace(color, f"var(--c{color[1:]})")
    return text.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1)


def frame(axes: Axes, grid: Literal["x", "y"] = "y") -> None:
    """The axes without a box, with thin lines."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis=grid, color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(length=3, width=0.8)


def draw_line(axes: Axes, x: Sequence[float], curves: Floats, look: Look, offset: int = 0) -> None:
    """The mean of curves [S, P] with its 95 % band, or, below three seeds, with the single curves."""
    every = max(1, len(x) // 9)
    mean = curves.mean(axis=0)
    axes.plot(x, mean, markevery=(offset % every, every), **look.line())
    if len(curves) >= BAND:
        half, alpha = half_width(curves), 0.16 if look.learned else 0.07
        axes.fill_between(x, mean - half, mean + half, color=look.color, alpha=alpha, linewidth=0, zorder=2)
    elif len(curves) > 1:
        for curve in curves:
            axes.plot(x, curve, color=look.color, linewidth=0.6, alpha=0.5, zorder=3)


def titles(axes: Axes, title: str, details: str, *, beside: bool = False) -> None:
    """Title and subtitle above the axes; with ``beside`` from the figure's left edge, above the names of rows."""
    edge = 7.2 - 72 * axes.get_position().x0 * axes.figure.get_figwidth()  # type: ignore[union-attr]
    left, low = (edge, 19) if beside else (0, 10)
    axes.annotate(title, (0, 1), (left, low + 14), "axes fraction", "offset points", fontsize=11.5, weight="bold")
    axes.annotate(details, (0, 1), (left, low), "axes fraction", "offset points", fontsize=8.5, color=MUTED)


def zero_is_random(axes: Axes, looks: Mapping[str, Look]) -> None:
    """The zero line, subtitle and label of axes that show differences to Random."""
    axes.axhline(0, color=looks[RANDOM].color, linestyle=looks[RANDOM].dash, linewidth=1.3, zorder=2)
    text = f"paired difference to {display_name(RANDOM)}"
    axes.annotate(text, (0, 1), (0, 4), "axes fraction", "offset points", fontsize=8.5, color=MUTED)
    axes.set_ylabel("points")


def plot_grid(
    width: float, height: float, left: float, names: Sequence[float]
) -> tuple[Figure, list[tuple[float, float, float, float]]]:
    """A figure for plots side by side in twos, and the box of each plot's axes as fractions of the figure.

    Sizes in inches: of one plot, left of its axes, and, for each plot, right of them.
    """
    across = min(2, len(names))
    wide, tall = width * across, height * -(-len(names) // max(1, across)) + 0.35
    boxes = []
    for place, room in enumerate(names):
        row, column = divmod(place, across)
        low = tall - (row + 1) * height + 0.6
        boxes.append(((column * width + left) / wide, low / tall, (width - left - room) / wide, (height - 1.3) / tall))
    return new_figure(wide, tall), boxes


def row_axes(
    panels: Sequence[Panel], counts: Sequence[int], *, width: float, row: float, right: float, top: float
) -> tuple[Figure, list[Axes]]:
    """A figure with axes below one another, for ``counts`` rows with names of ``panels``; sizes in inches."""
    longest = max(len(shorten(entry.display)) for panel in panels for entry in panel.entries)
    left, bottom = 0.3 + 0.08 * longest, 0.65
    heights = [row * count + top + bottom for count in counts]
    height = sum(heights)
    figure, made = new_figure(width, height), []
    for place, own in enumerate(heights):
        low = height - sum(heights[: place + 1]) + bottom
        box = (left / width, low / height, (width - left - right) / width, (own - top - bottom) / height)
        made.append(figure.add_axes(box))
    return figure, made


def name_rows(axes: Axes, entries: Sequence[Entry], head: str) -> None:
    """Names left of the rows, bold for trained policies, and ``head`` above the numbers right of them."""
    axes.set_yticks(range(len(entries)), [shorten(entry.display) for entry in entries], color=INK)
    for label, entry in zip(axes.get_yticklabels(), entries, strict=True):
        label.set_fontweight("bold" if entry.learned else "normal")
    axes.set_ylim(-0.6, len(entries) - 0.4)
    frame(axes, "x")
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.text(1.02, len(entries) - 0.35, head, transform=axes.get_yaxis_transform(), fontsize=8.5, color=MUTED)


def caption(figure: Figure, text: str, left: float) -> None:
    """Small print at the bottom, wrapped, starting ``left`` inches from the left edge."""
    width = figure.get_figwidth()
    lines = textwrap.fill(text, int((width - left) / 0.069))
    figure.text(left / width, 0.14 / figure.get_figheight(), lines, color=MUTED, fontsize=8, linespacing=1.4)


def name_ends(axes: Axes, ends: Sequence[tuple[float, str, Look]]) -> None:
    """Names beside the last points (value, name, look), pushed apart so that they do not overlap."""
    low, high = axes.get_ylim()
    ordered = sorted(ends, key=lambda end: end[0])
    heights = [(value - low) / (high - low) for value, _, _ in ordered]
    gap = 0.165 / (axes.get_position().height * axes.figure.get_figheight())  # type: ignore[union-attr]
    shared: dict[str, Any] = {"transform": axes.transAxes, "clip_on": False}
    for (_, name, look), end, height in zip(ordered, heights, spread(heights, gap), strict=True):
        axes.plot([1.005, 1.035], [end, height], color=look.color, linewidth=0.7, alpha=0.7, **shared)
        axes.plot([1.04, 1.065, 1.09], [height] * 3, markevery=[1], **look.line(), **shared)
        axes.text(1.105, height, shorten(name), va="center", weight="bold" if look.learned else "normal", **shared)
    axes.set_ylim(low, high)


def shorten(name: str) -> str:
    """A name that fits beside the axes: mostly its end, because the names of variants begin alike."""
    return name if len(name) <= _LONGEST else f"{name[:5]}…{name[6 - _LONGEST :]}"


def room_for(names: Iterable[str]) -> float:
    """Inches that `name_ends` needs."""
    return 0.6 + 0.085 * max(len(shorten(name)) for name in names)


def seed_count(panels: Iterable[Panel]) -> str:
    """ "5 paired seeds", or "3 to 5 paired seeds" if strategies have different numbers of them."""
    counts = sorted({len(entry.seeds) for panel in panels for entry in panel.entries})
    return many(counts[0], "paired seed") if len(counts) == 1 else f"{counts[0]} to {counts[-1]} paired seeds"


def spread(heights: Sequence[float], gap: float) -> Floats:
    """``heights`` (0 … 1, ascending) moved as little as possible so that neighbors are at least ``gap`` apart.

    With the gaps subtracted, this is least squares under the constraint that heights ascend: isotonic regression.
    """
    from sklearn.isotonic import isotonic_regression

    gap = min(gap, 1 / max(1, len(heights)))
    steps = gap * np.arange(len(heights))
    moved = isotonic_regression(np.asarray(heights) - steps, y_min=0.0, y_max=max(0.0, 1.0 - steps[-1]))
    return np.asarray(moved + steps, dtype=np.float64)


def _svg(figure: Figure, background: str) -> str:
    text = _save(figure, "svg", background, {"Date": None, "Creator": None}).decode()
    # Hundredths of a point are finer than any screen; digits in text stay as they are.
    return re.sub(r'\b(d|x|y)="[^"]*"', lambda found: re.sub(r"(\.\d\d)\d+", r"\1", found[0]), text)


def _save(figure: Figure, kind: str, background: str, metadata: dict[str, None]) -> bytes:
    buffer = io.BytesIO()
    with rc_context(STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")  # the browser of the reader has more fonts
        figure.savefig(buffer, format=kind, facecolor=background, metadata=metadata)
    return buffer.getvalue()
