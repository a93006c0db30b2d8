"""Learning curves, and below them the paired difference to Random, which shows what single curves hide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from iale.reports import _figures as figures
from iale.reports._palette import Look
from iale.reports._panels import RANDOM, Entry, Panel

_PLOT, _HEIGHT, _LEFT = 3.8, 5.7, 0.75  # inches of the axes, of a panel from title to title, left of the axes


def draw_curves(panels: Sequence[Panel], looks: Mapping[str, Look]) -> Figure:
    """One panel for each data set, classifier and pool."""
    across = 1 if len(panels) == 1 else 2
    down = -(-len(panels) // across)
    with rc_context(figures.STYLE):
        names = figures.room_for(entry.display for panel in panels for entry in panel.entries)
        width, height = (_LEFT + _PLOT + names) * across, _HEIGHT * down + 0.5
        figure = figures.new_figure(width, height)
        outer = figure.add_gridspec(
            down,
            across,
            left=_LEFT / width,
            right=1 - names / width,
            bottom=1.1 / height,
            top=1 - 0.7 / height,
            wspace=(names + _LEFT) / _PLOT,
            hspace=1.2 / (_HEIGHT - 1.2),
        )
        for place, panel in enumerate(panels):
            inner = outer[divmod(place, across)].subgridspec(2, 1, height_ratios=(2.3, 1), hspace=0.16)
            if panel.random is None or len(panel.entries) < 2:
                _curves(figure.add_subplot(outer[divmod(place, across)]), panel, looks, last=True)
                continue
            upper = figure.add_subplot(inner[0])
            _curves(upper, panel, looks, last=False)
            _differences(figure.add_subplot(inner[1], sharex=upper), panel, panel.random, looks)
        few = any(1 < len(entry.seeds) < figures.BAND for panel in panels for entry in panel.entries)
        bands = "pointwise 95 % t intervals" + (", or with the single seeds where there are two" if few else "")
        text = (
            f"Means over seeds with {bands}. For one seed all strategies share the split, the first labels, the "
            f"initial weights and the sub-pools."
        )
        figures.caption(figure, text, _LEFT)
    return figure


def _curves(axes: Axes, panel: Panel, looks: Mapping[str, Look], *, last: bool) -> None:
    """Mean accuracy in percent, with names at the ends of the lines."""
    for place, entry in enumerate(_back_to_front(panel.entries)):
        figures.draw_line(axes, panel.labeled, 100 * entry.curves, looks[entry.name], place)
    _fit_frame(axes)
    seeds, step = figures.seed_count([panel]), panel.config.acquisition_size
    figures.titles(axes, panel.title, f"{seeds}, {step} labels a step, from {panel.labeled[0]}")
    axes.set_ylabel("test accuracy, %")
    room = 0.015 * max(panel.labeled[-1] - panel.labeled[0], 1)
    axes.set_xlim(panel.labeled[0] - room, panel.labeled[-1] + room)
    figures.name_ends(axes, [(100 * float(e.curves[:, -1].mean()), e.display, looks[e.name]) for e in panel.entries])
    if last:
        axes.set_xlabel("labels")
    else:
        axes.tick_params(labelbottom=False)


def _differences(axes: Axes, panel: Panel, random: Entry, looks: Mapping[str, Look]) -> None:
    """Accuracy minus Random's of the same seed, in points."""
    baseline = dict(zip(random.seeds, random.curves, strict=True))
    for place, entry in enumerate(_back_to_front(panel.entries)):
        own = dict(zip(entry.seeds, entry.curves, strict=True))
        shared = sorted(own.keys() & baseline.keys())
        if entry is not random and shared:
            gaps = 100 * np.asarray([own[seed] - baseline[seed] for seed in shared])
            figures.draw_line(axes, panel.labeled, gaps, looks[entry.name], place)
    figures.zero_is_random(axes, looks)
    _fit_frame(axes)
    axes.set_xlabel("labels")


def _fit_frame(axes: Axes) -> None:
    """Limits around the means. Bands may widen them by a third of the means' range and are cut off beyond that."""
    low, high = axes.get_ylim()
    means = np.concatenate([np.asarray(line.get_ydata(), dtype=np.float64) for line in axes.lines])
    room = max(0.35 * float(np.ptp(means)), 0.5)
    axes.set_ylim(max(low, float(means.min()) - room), min(high, float(means.max()) + room))
    figures.frame(axes)
    axes.yaxis.set_label_coords(-0.13, 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=True, steps=[1, 2, 5, 10]))


def _back_to_front(entries: Sequence[Entry]) -> list[Entry]:
    return sorted(entries, key=lambda entry: (entry.learned, entry.name != RANDOM))
