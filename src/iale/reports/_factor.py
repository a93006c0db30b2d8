"""The effect of one setting: AUC against its value, or one bar for each strategy if the strategies vary."""

from __future__ import annotations

import copy
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from iale import _storage as storage
from iale.benchmark._statistics import Comparison, Estimate, compare, correct, estimate
from iale.reports import _figures as figures
from iale.reports._palette import MUTED, PAPER, Look
from iale.reports._panels import Panel

STRATEGY = "strategy"
_SETTINGS = {"acquisition_size": "labels a step", "subset_size": "samples in the sub-pool"}
_WIDTH, _HEIGHT, _LEFT = 5.9, 5.4, 0.75


@dataclass(frozen=True, eq=False)
class Series:
    """Panels that differ in one setting only.

    Attributes:
        title: what they share.
        setting: what varies, in words.
        panels: by value, ascending; None, for "no limit", is last.
    """

    title: str
    setting: str
    panels: Mapping[float | None, Panel]

    @property
    def names(self) -> dict[str, str]:
        """The strategies as shown to people, by their names in the records."""
        return {entry.name: entry.display for panel in self.panels.values() for entry in panel.entries}

    def areas(self, name: str) -> dict[float | None, Estimate]:
        """AUC of a strategy at each value for which it ran."""
        entries = [(value, entry) for value, panel in self.panels.items() for entry in panel.entries]
        return {value: estimate(list(entry.areas.values())) for value, entry in entries if entry.name == name}

    def differences(self) -> dict[tuple[str, float | None], Comparison]:
        """Paired difference in AUC to Random at each value, corrected for all of them as one family."""
        found = {
            (entry.name, value): compare(entry.areas, panel.random.areas)
            for value, panel in self.panels.items()
            for entry in panel.entries
            if panel.random is not None and entry is not panel.random
        }
        return correct(found)


def series(panels: Sequence[Panel], factor: str) -> list[Series]:
    """Panels grouped by everything but the option at the dotted path ``factor`` of their configuration."""
    *above, last = factor.split(".")
    groups: dict[str, dict[float | None, Panel]] = defaultdict(dict)
    for panel in panels:
        config = copy.deepcopy(dict(panel.config.options))
        inner = config
        for name in above:
            inner = inner[name]
        value = inner.pop(last)
        if last == "subset_size":  # the whole pool is one of the values, so the pool varies with it
            config.pop("pool")
        groups[storage.to_json(config)][value] = panel
    setting, found = _SETTINGS.get(last, last.replace("_", " ")), []
    for by in groups.values():
        first = next(iter(by.values()))
        title = f"{first.dataset}, {first.classifier}" + ("" if last == "subset_size" else f", {first.pool}")
        ascending = sorted(by.items(), key=lambda item: math.inf if item[0] is None else item[0])
        found.append(Series(title, setting, dict(ascending)))
    return found


def draw_factor(panels: Sequence[Panel], looks: Mapping[str, Look], factor: str) -> Figure:
    """AUC against the setting, with the paired difference to Random below; or one bar for each strategy."""
    if factor == STRATEGY:
        return _draw_bars(panels, looks)
    found = series(panels, factor)
    with rc_context(figures.STYLE):
        rooms = [figures.room_for(each.names.values()) for each in found]
        figure, boxes = figures.plot_grid(_WIDTH, _HEIGHT, _LEFT, rooms)
        for (left, low, wide, tall), each in zip(boxes, found, strict=True):
            differences = each.differences()
            part = 0.62 if differences else 1.0
            upper = lowest = figure.add_axes((left, low + (1 - part) * tall, wide, part * tall))
            _areas(upper, each, looks)
            if differences:
                upper.tick_params(labelbottom=False)
                lowest = figure.add_axes((left, low, wide, 0.32 * tall), sharex=upper)
                _differences(lowest, each, differences, looks)
            lowest.set_xlabel(each.setting)
        figures.caption(figure, "Means over seeds with 95 % t intervals, set side by side.", _LEFT)
    return figure


def _draw_bars(panels: Sequence[Panel], looks: Mapping[str, Look]) -> Figure:
    """One row for each strategy: its paired difference in AUC to Random, or its AUC if Random did not run."""
    counts = [len(panel.entries) - (panel.random is not None) for panel in panels]
    with rc_context(figures.STYLE):
        figure, every = figures.row_axes(panels, counts, width=_WIDTH, row=0.3, right=0.9, top=0.85)
        for axes, panel in zip(every, panels, strict=True):
            _bars(axes, panel, looks)
    return figure


def _bars(axes: Axes, panel: Panel, looks: Mapping[str, Look]) -> None:
    random = panel.random
    entries = [entry for entry in panel.entries if entry is not random][::-1]
    for place, entry in enumerate(entries):
        look, own = looks[entry.name], estimate(list(entry.areas.values()))
        comparison = None if random is None else compare(entry.areas, random.areas)
        shown = own if random is None else None if comparison is None else comparison.difference
        axes.text(1.02, place, f"{100 * own.mean:.2f} %", transform=axes.get_yaxis_transform(), va="center", fontsize=9)
        if shown is None:
            continue
        alpha = 0.55 if entry.learned else 0.35
        axes.barh(place, 100 * shown.mean, height=0.62, color=look.color, alpha=alpha, zorder=2)
        _whiskers(axes, 100 * shown.mean, place, shown, look, upright=False)
    axes.axvline(0, color=MUTED, linewidth=1, zorder=3)
    figures.name_rows(axes, entries, "AUC")
    means = "AUC" if random is None else f"paired difference in AUC to {random.display}"
    figures.titles(axes, panel.title, f"{means}, 95 % t intervals", beside=True)
    axes.set_xlabel("%" if random is None else "points")


def _areas(axes: Axes, each: Series, looks: Mapping[str, Look]) -> None:
    ends = []
    for place, (name, display) in enumerate(each.names.items()):
        found = each.areas(name)
        _line(axes, each, place, found, looks[name])
        ends.append((100 * list(found.values())[-1].mean, display, looks[name]))
    positions = _positions(each)
    if _spreads(positions):
        axes.set_xscale("log")
    axes.set_xticks(list(positions.values()), ["whole" if v is None else f"{v:g}" for v in positions])
    axes.set_xticks([], minor=True)
    figures.frame(axes)
    axes.set_ylabel("AUC, %")
    axes.yaxis.set_label_coords(-0.125, 0.5)
    figures.titles(axes, each.title, f"AUC by {each.setting}, {figures.seed_count(each.panels.values())}")
    figures.name_ends(axes, ends)


def _differences(
    axes: Axes, each: Series, found: Mapping[tuple[str, float | None], Comparison], looks: Mapping[str, Look]
) -> None:
    for place, name in enumerate(each.names):
        own = {value: comparison.difference for (other, value), comparison in found.items() if other == name}
        if own:
            _line(axes, each, place, own, looks[name])
    figures.zero_is_random(axes, looks)
    figures.frame(axes)
    axes.yaxis.set_label_coords(-0.125, 0.5)


def _line(axes: Axes, each: Series, place: int, found: Mapping[float | None, Estimate], look: Look) -> None:
    """Means and intervals by value, shifted a little for each strategy so that intervals do not cover one another."""
    positions = _positions(each)
    offset = (place - (len(each.names) - 1) / 2) / max(1, len(each.names))
    ordered = sorted(positions.values())
    if _spreads(positions):
        gap = float(np.min(np.diff(np.log(ordered))))
        x = [positions[value] * float(np.exp(0.35 * gap * offset)) for value in found]
    else:
        gap = float(np.min(np.diff(ordered))) if len(ordered) > 1 else 1.0
        x = [positions[value] + 0.35 * gap * offset for value in found]
    axes.plot(x, [100 * value.mean for value in found.values()], **look.line())
    for at, value in zip(x, found.values(), strict=True):
        _whiskers(axes, at, 100 * value.mean, value, look, upright=True)


def _whiskers(axes: Axes, x: float, y: float, value: Estimate, look: Look, *, upright: bool) -> None:
    if value.low is None or value.high is None:
        return
    ends = [100 * value.low, 100 * value.high]
    line = ([x, x], ends) if upright else (ends, [y, y])
    axes.plot(*line, color=look.color, linewidth=1.3, alpha=0.9, zorder=5, solid_capstyle="butt")
    if not upright:
        axes.plot(x, y, marker=look.marker, color=look.color, markersize=6, markeredgecolor=PAPER, zorder=6)


def _positions(each: Series) -> dict[float | None, float]:
    """Positions on the axis; None lies as far beyond the largest value as that is from the one before, in ratio."""
    values = [value for value in each.panels if value is not None]
    found: dict[float | None, float] = {value: float(value) for value in values}
    if None in each.panels:
        step = values[-1] / values[-2] if len(values) > 1 else 4.0
        found[None] = (values[-1] * max(2.0, step)) if values else 1.0
    return found


def _spreads(positions: Mapping[float | None, float]) -> bool:
    """Whether the axis is logarithmic."""
    low, high = min(positions.values()), max(positions.values())
    return low > 0 and high / low >= 8
