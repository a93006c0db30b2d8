"""What a strategy costs relative to Random: fits and queries, as ratios (paper, appendix A.3.3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from iale.benchmark._times import Times
from iale.reports._figures import STYLE, name_rows, row_axes, titles
from iale.reports._palette import MUTED, PAPER, Look
from iale.reports._panels import Panel
from iale.reports._summary import Cost, costs

TIMES_NOTE = (
    "Medians over seeds; each run is compared with Random's run of the same seed, which usually ran at about the same "
    "time. Other work on the machine makes times noisy. A difference means nothing if it lies within the range over "
    "the seeds, or if it is no larger than the difference between Margin and Random, which cost the same."
)
"""What readers of times must know."""


def timed(panels: Sequence[Panel], times: Times) -> list[tuple[Panel, list[Cost]]]:
    """The panels in which a strategy can be compared with Random, and its strategies, most expensive queries first."""
    found = []
    for panel in panels:
        known = [cost for cost in costs(panel, times) if cost.seconds_ratio is not None]
        if known and panel.random is not None:
            found.append((panel, sorted(known, key=lambda cost: -(cost.query_ratio or cost.seconds_ratio or 0.0))))
    return found


def draw_times(panels: Sequence[Panel], looks: Mapping[str, Look], times: Times) -> Figure:
    """One row for each strategy: fits (hollow) and queries (filled), or whole runs if these were not timed apart."""
    found = timed(panels, times)
    with rc_context(STYLE):
        counts = [len(known) for _, known in found]
        figure, every = row_axes(panels, counts, width=6.2, row=0.32, right=1.55, top=0.9)
        for axes, (panel, known) in zip(every, found, strict=True):
            _rows(axes, panel, known, looks)
    return figure


def _rows(axes: Axes, panel: Panel, known: Sequence[Cost], looks: Mapping[str, Look]) -> None:
    entries = {entry.name: entry for entry in panel.entries}
    split = any(cost.query_ratio is not None for cost in known)
    for place, cost in enumerate(known):
        look = looks[cost.name]
        query, fit = (cost.query_ratio, cost.fit_ratio) if split else (cost.seconds_ratio, None)
        ratios = [ratio for ratio in (query, fit) if ratio is not None]
        axes.plot([*ratios, 1.0], [place] * (len(ratios) + 1), color=look.color, linewidth=1.6, alpha=0.4, zorder=2)
        if split and cost.seconds_ratio is not None:
            axes.plot(cost.seconds_ratio, place, "|", color=look.color, markersize=13, markeredgewidth=2, zorder=3)
        if fit is not None:
            axes.plot(fit, place, "o", color=look.color, markerfacecolor=PAPER, markersize=7, zorder=4)
        if query is not None:
            axes.plot(query, place, "o", color=look.color, markeredgecolor=PAPER, markersize=8, zorder=5)
        seconds = [cost.query_seconds, cost.fit_seconds] if split else [cost.seconds]
        text = " + ".join(
            "—" if value is None else f"{value:.3g} s" if value < 1000 else f"{value:,.0f} s" for value in seconds
        )
        axes.text(1.02, place, text, transform=axes.get_yaxis_transform(), va="center", fontsize=8.5)
    axes.axvline(1, color=MUTED, linewidth=1, linestyle=(0, (2, 2)), zorder=1)
    axes.set_xscale("log")
    low, high = axes.get_xlim()
    low, high = min(low, 0.8), max(high, 1.25)
    axes.set_xlim(low, high)
    axes.xaxis.set_major_locator(LogLocator(10, subs=(1.0,) if np.log10(high / low) > 1.6 else (1.0, 2.0, 5.0)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("times Random's (median over seeds)")
    what = "filled: queries, hollow: fits of the classifier, bar: whole runs" if split else "whole runs"
    titles(axes, panel.title, what, beside=True)
    name_rows(axes, [entries[cost.name] for cost in known], "queries + fits" if split else "a run")
