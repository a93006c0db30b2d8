"""What a policy imitates: the share of its choices that each heuristic would have made too (paper, figures 4 and 6)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from iale.benchmark._statistics import Estimate, Floats, estimate, half_width
from iale.reports._figures import BAND, STYLE, caption, frame, name_ends, plot_grid, room_for, titles
from iale.reports._palette import MUTED, Look
from iale.reports._panels import Entry, Panel, display_name

_WIDTH, _HEIGHT, _LEFT = 5.8, 4.5, 0.7  # inches of one plot


def watched(panels: Sequence[Panel]) -> list[tuple[Panel, Entry]]:
    """The strategies beside which others were asked: the trained policies among them, or all if there is no policy."""
    found = [(panel, entry) for panel in panels for entry in panel.entries if entry.overlap]
    return [(panel, entry) for panel, entry in found if entry.learned] or found


def draw_overlap(panels: Sequence[Panel], looks: Mapping[str, Look]) -> Figure:
    """One plot for each policy and panel: dots are means over seeds, lines the quadratic fit of the paper's figure."""
    plots = watched(panels)
    bands = "bands are 95 % t intervals, " if any(len(entry.seeds) >= BAND for _, entry in plots) else ""
    with rc_context(STYLE):
        names = [room_for(map(display_name, entry.overlap)) for _, entry in plots]
        figure, boxes = plot_grid(_WIDTH, _HEIGHT, _LEFT, names)
        for box, (panel, entry) in zip(boxes, plots, strict=True):
            _plot(figure.add_axes(box), panel, entry, looks)
        text = f"Dots are means over seeds, {bands}lines are second-order polynomials fitted to the dots."
        caption(figure, text, _LEFT)
    return figure


def mean_overlap(entry: Entry) -> dict[str, Estimate]:
    """The share of the choices shared with each strategy, over all steps of a run, highest first."""
    found = {name: estimate(shares.mean(axis=1)) for name, shares in entry.overlap.items()}
    return dict(sorted(found.items(), key=lambda each: -each[1].mean))


def quadratic(x: Sequence[float], y: Floats) -> Floats:
    """The values at ``x`` of the second-order polynomial fitted to (x, y); ``y`` itself for fewer than four points."""
    if len(x) < 4:
        return y
    fitted = np.polynomial.Polynomial.fit(np.asarray(x, dtype=np.float64), y, 2)
    return np.asarray(fitted(np.asarray(x, dtype=np.float64)), dtype=np.float64)


def chance(panel: Panel) -> float | None:
    """The share that a random choice would have; None on the whole pool, where it is close to 0."""
    size = panel.config.subset_size
    return None if size is None else panel.config.acquisition_size / size


def _plot(axes: Axes, panel: Panel, entry: Entry, looks: Mapping[str, Look]) -> None:
    x = panel.labeled[:-1]
    ends, top = [], 0.0
    for name, shares in entry.overlap.items():
        look, mean = looks[name], 100 * shares.mean(axis=0)
        line = {key: value for key, value in look.line().items() if not key.startswith("marker")}
        axes.plot(x, mean, linestyle="none", marker=look.marker, color=look.color, markersize=3, alpha=0.45, zorder=3)
        if len(shares) >= BAND:
            half = 100 * half_width(shares)
            axes.fill_between(x, mean - half, mean + half, color=look.color, alpha=0.06, linewidth=0, zorder=2)
        fit = quadratic(x, mean)
        axes.plot(x, fit, **{**line, "linewidth": 2.0})
        ends.append((float(fit[-1]), display_name(name), look))
        top = max(top, float(mean.max()), float(fit.max()))
    expected = chance(panel)
    if expected is not None:
        axes.axhline(100 * expected, color=MUTED, linewidth=1, linestyle=(0, (2, 2)), zorder=1)
        at, coordinates = (0, 100 * expected), ("axes fraction", "data")
        axes.annotate("chance", at, (3, -3), coordinates, "offset points", va="top", fontsize=8, color=MUTED)
    axes.set_ylim(0, min(102.0, 1.08 * top + 1))
    frame(axes)
    axes.set_xlabel("labels")
    axes.set_ylabel("shared choices, %")
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=True, steps=[1, 2, 5, 10]))
    titles(axes, f"What {entry.display} shares with each heuristic", f"{panel.title}, {len(entry.seeds)} seeds")
    name_ends(axes, ends)
