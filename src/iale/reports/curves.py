"""Learning curves, and below them the paired difference to Random: the part that pairing makes sharp."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from sklearn.isotonic import isotonic_regression

from iale.benchmark.metrics import Floats
from iale.benchmark.statistics import half_width
from iale.reports.summary import RANDOM, Entry, Panel

INK, MUTED, GRID = "#1f2430", "#6b7280", "#e5e7eb"
_LEARNED = (("#d6113f", "o"), ("#111827", "s"), ("#8a0f6b", "^"), ("#b45309", "D"))
_HEURISTICS = {
    "random": ("#6b7280", "x"),
    "confidence": ("#2f6fdb", "s"),
    "margin": ("#0f9d6c", "^"),
    "entropy": ("#35b5d6", "v"),
    "mc-dropout": ("#a0703c", "P"),
    "ensemble": ("#7c4dd6", "D"),
    "coreset": ("#c9a40c", "X"),
    "badge": ("#ef7d1a", "p"),
}
_PLOT, _HEIGHT, _LEFT = 5.35, 6.0, 0.7  # inches of the axes, of a panel from title to title, left of the axes
_OTHERS = (("#5b8c2a", "<"), ("#d277b8", ">"), ("#3d5a80", "h"), ("#94a3b8", "*"))
_STYLE: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": MUTED,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "text.color": INK,
}


def draw_curves(panels: Sequence[Panel]) -> bytes:
    """A PNG with one panel for each data set, classifier and pool."""
    across = 1 if len(panels) == 1 else 2
    down = -(-len(panels) // across)
    looks = _looks([entry for panel in panels for entry in panel.entries])
    with rc_context(_STYLE):
        names = 0.65 + 0.09 * max(len(entry.display) for panel in panels for entry in panel.entries)
        width, height = (_LEFT + _PLOT + names) * across, _HEIGHT * down + 0.35
        figure = Figure(figsize=(width, height), dpi=160, facecolor="white")
        FigureCanvasAgg(figure)
        outer = figure.add_gridspec(
            down,
            across,
            left=_LEFT / width,
            right=1 - names / width,
            bottom=0.95 / height,
            top=1 - 0.7 / height,
            wspace=(names + _LEFT) / _PLOT,
            hspace=1.15 / (_HEIGHT - 1.15),
        )
        for place, panel in enumerate(panels):
            inner = outer[divmod(place, across)].subgridspec(2, 1, height_ratios=(2.3, 1), hspace=0.1)
            if panel.random is None or len(panel.entries) < 2:
                _curves(figure.add_subplot(outer[divmod(place, across)]), panel, looks, last=True)
                continue
            upper = figure.add_subplot(inner[0])
            _curves(upper, panel, looks, last=False)
            _differences(figure.add_subplot(inner[1], sharex=upper), panel, panel.random, looks)
        figure.text(
            _LEFT / width,
            0.16 / height,
            "Means over seeds with pointwise 95 % t intervals. For one seed all strategies share the split, the first "
            "labels,\nthe initial weights of every step and the draws of the sub-pool.",
            color=MUTED,
            fontsize=7.5,
            linespacing=1.4,
        )
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png")
    return buffer.getvalue()


def _curves(axes: Axes, panel: Panel, looks: dict[str, dict[str, Any]], *, last: bool) -> None:
    """Mean accuracy in percent, with names at the ends of the lines."""
    for entry in _back_to_front(panel.entries):
        _line(axes, panel.labeled, 100 * entry.curves, looks[entry.name])
    _frame(axes)
    cycle = panel.config["cycle"]
    counts = sorted({len(entry.seeds) for entry in panel.entries})
    seeds = str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    details = f"{seeds} paired seeds, {cycle['acquisition_size']} labels a step, from {panel.labeled[0]}"
    axes.annotate(panel.title, (0, 1), (0, 24), "axes fraction", "offset points", fontsize=11.5, weight="bold")
    axes.annotate(details, (0, 1), (0, 10), "axes fraction", "offset points", fontsize=8.5, color=MUTED)
    axes.set_ylabel("test accuracy, %")
    room = 0.015 * max(panel.labeled[-1] - panel.labeled[0], 1)
    axes.set_xlim(panel.labeled[0] - room, panel.labeled[-1] + room)
    _name_lines(axes, panel.entries, looks)
    if last:
        axes.set_xlabel("labels")
    else:
        axes.tick_params(labelbottom=False)


def _differences(axes: Axes, panel: Panel, random: Entry, looks: dict[str, dict[str, Any]]) -> None:
    """Accuracy minus Random's of the same seed, in points."""
    baseline = dict(zip(random.seeds, random.curves, strict=True))
    for entry in _back_to_front(panel.entries):
        own = dict(zip(entry.seeds, entry.curves, strict=True))
        shared = sorted(own.keys() & baseline.keys())
        if entry is not random and shared:
            gaps = 100 * np.asarray([own[seed] - baseline[seed] for seed in shared])
            _line(axes, panel.labeled, gaps, looks[entry.name])
    axes.axhline(0, color=looks[RANDOM]["color"], linestyle=(0, (4, 2)), linewidth=1.3, zorder=2)
    _frame(axes)
    axes.set_ylabel("points")
    title = f"paired difference to {random.display}"
    axes.annotate(title, (0, 1), (6, -3), "axes fraction", "offset points", fontsize=8.5, color=MUTED, va="center")
    axes.set_xlabel("labels")


def _line(axes: Axes, labeled: Sequence[int], curves: Floats, look: dict[str, Any]) -> None:
    """Mean and band of curves [S, P]."""
    mean = curves.mean(axis=0)
    every = max(1, len(labeled) // 9)
    axes.plot(labeled, mean, markevery=(look["offset"] % every, every), **_line_style(look))
    if len(curves) > 1:
        half = half_width(curves)
        alpha = 0.16 if look["learned"] else 0.06
        axes.fill_between(labeled, mean - half, mean + half, color=look["color"], alpha=alpha, linewidth=0, zorder=2)


def _name_lines(axes: Axes, entries: Sequence[Entry], looks: dict[str, dict[str, Any]]) -> None:
    """Names beside the last points, pushed apart so that none covers another."""
    ends = sorted(entries, key=lambda entry: float(entry.curves[:, -1].mean()))
    low, high = axes.get_ylim()
    heights = np.asarray([(100 * entry.curves[:, -1].mean() - low) / (high - low) for entry in ends])
    gap = min(0.06, 1 / max(1, len(ends)))
    steps = gap * np.arange(len(ends))
    spread = isotonic_regression(heights - steps, y_min=0.0, y_max=max(0.0, 1.0 - steps[-1])) + steps
    for entry, end, height in zip(ends, heights, spread, strict=True):
        look = looks[entry.name]
        shared: dict[str, Any] = {"transform": axes.transAxes, "clip_on": False}
        axes.plot([1.005, 1.035], [end, height], color=look["color"], linewidth=0.7, alpha=0.7, **shared)
        axes.plot([1.04, 1.06, 1.08], [height] * 3, markevery=[1], **_line_style(look), **shared)
        weight = "bold" if look["learned"] else "normal"
        axes.text(1.093, height, entry.display, va="center", color=look["color"], weight=weight, **shared)
    axes.set_ylim(low, high)


def _line_style(look: dict[str, Any]) -> dict[str, Any]:
    names = ("color", "marker", "linestyle", "linewidth", "markersize", "zorder")
    edge = {} if look["marker"] == "x" else {"markeredgecolor": "white", "markeredgewidth": 0.6}
    return {**{name: look[name] for name in names}, **edge}


def _frame(axes: Axes) -> None:
    """Axes around the means: bands widen them by a third of the means' range at most, and run out of sight beyond."""
    low, high = axes.get_ylim()
    means = np.concatenate([np.asarray(line.get_ydata(), dtype=np.float64) for line in axes.lines])
    room = max(0.35 * float(np.ptp(means)), 0.5)
    axes.set_ylim(max(low, float(means.min()) - room), min(high, float(means.max()) + room))
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(length=3, width=0.8)
    axes.yaxis.set_label_coords(-0.075, 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=True, steps=[1, 2, 5, 10]))


def _back_to_front(entries: Sequence[Entry]) -> list[Entry]:
    return sorted(entries, key=lambda entry: (entry.learned, entry.name != RANDOM))


def _looks(entries: Sequence[Entry]) -> dict[str, dict[str, Any]]:
    """Color, marker and width of each strategy, the same in every panel; trained policies stand out."""
    looks: dict[str, dict[str, Any]] = {}
    learned, others = 0, 0
    for entry in entries:
        if entry.name in looks:
            continue
        if entry.learned:
            color, marker = _LEARNED[learned % len(_LEARNED)]
            learned += 1
        elif entry.name in _HEURISTICS:
            color, marker = _HEURISTICS[entry.name]
        else:
            color, marker = _OTHERS[others % len(_OTHERS)]
            others += 1
        looks[entry.name] = {
            "color": color,
            "marker": marker,
            "learned": entry.learned,
            "linestyle": (0, (4, 2)) if entry.name == RANDOM else "-",
            "linewidth": 2.6 if entry.learned else 1.3,
            "markersize": 6.5 if entry.learned else 5,
            "zorder": 6 if entry.learned else 4,
            "offset": len(looks),
        }
    return looks
