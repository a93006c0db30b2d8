"""What all figures share: the style, the frame of an axes, and how a figure becomes PNG or SVG."""

from __future__ import annotations

import io
import re
import textwrap
import warnings
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from iale.benchmark._statistics import Floats, half_width
from iale.reports._palette import GRID, INK, MUTED, PAPER, Look, looks, screen_colors
from iale.reports._panels import Panel

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

    Args:
        figure: drawn as it is.
        name: letters and digits that no other figure of the page uses.
        label: what it shows, for people who do not see it; escaped.
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
        half = half_width(curves)
        alpha = 0.16 if look.learned else 0.07
        axes.fill_between(x, mean - half, mean + half, color=look.color, alpha=alpha, linewidth=0, zorder=2)
    elif len(curves) > 1:
        for curve in curves:
            axes.plot(x, curve, color=look.color, linewidth=0.6, alpha=0.5, zorder=3)


def titles(axes: Axes, title: str, details: str) -> None:
    """Title and subtitle above the axes."""
    axes.annotate(title, (0, 1), (0, 24), "axes fraction", "offset points", fontsize=11.5, weight="bold")
    axes.annotate(details, (0, 1), (0, 10), "axes fraction", "offset points", fontsize=8.5, color=MUTED)


def subtitle(axes: Axes, text: str) -> None:
    """A line of small print right above the axes."""
    axes.annotate(text, (0, 1), (0, 4), "axes fraction", "offset points", fontsize=8.5, color=MUTED)


def stacked_axes(
    width: float, heights: Sequence[float], *, left: float, right: float, top: float, bottom: float
) -> tuple[Figure, list[Axes]]:
    """A new figure with axes below one another; sizes in inches, margins within ``heights``."""
    height = sum(heights)
    figure, made = new_figure(width, height), []
    for place, own in enumerate(heights):
        low = height - sum(heights[: place + 1]) + bottom
        box = (left / width, low / height, (width - left - right) / width, (own - top - bottom) / height)
        made.append(figure.add_axes(box))
    return figure, made


def side_titles(axes: Axes, title: str, details: str) -> None:
    """Title and subtitle that start at the left edge of the figure, because long names stand left of the axes."""
    left = 7.2 - 72 * axes.get_position().x0 * axes.figure.get_figwidth()  # type: ignore[union-attr]
    axes.annotate(title, (0, 1), (left, 33), "axes fraction", "offset points", fontsize=11.5, weight="bold")
    axes.annotate(details, (0, 1), (left, 19), "axes fraction", "offset points", fontsize=8.5, color=MUTED)


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
