"""The effect of one setting: AUC against its value, or one bar for each strategy if the strategies vary.

Legend of dimensions: S seeds, V values of the setting.
"""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from iale import _storage as storage
from iale.benchmark._statistics import Comparison, Estimate, compare, correct, estimate
from iale.reports._figures import (
    STYLE,
    caption,
    frame,
    name_ends,
    new_figure,
    shorten,
    side_titles,
    stacked_axes,
    subtitle,
    titles,
)
from iale.reports._palette import INK, MUTED, PAPER, Look
from iale.reports._panels import RANDOM, Entry, Panel, display_name

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
    def names(self) -> list[str]:
        """The strategies, as in the records."""
        return list(dict.fromkeys(entry.name for panel in self.panels.values() for entry in panel.entries))

    def entry(self, name: str) -> Entry:
        """An entry of the strategy ``name``, whatever the value."""
        return next(entry for panel in self.panels.values() for entry in panel.entries if entry.name == name)

    def areas(self, name: str) -> dict[float | None, Estimate]:
        """AUC of a strategy at each value for which it ran."""
        found = {value: _find(panel, name) for value, panel in self.panels.items()}
        return {v: estimate(list(entry.areas.values())) for v, entry in found.items() if entry is not None}

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
    return [
        Series(
            _title(list(by.values()), last),
            _SETTINGS.get(last, last.replace("_", " ")),
            dict(sorted(by.items(), key=_order)),
        )
        for by in groups.values()
    ]


def draw_factor(panels: Sequence[Panel], looks: Mapping[str, Look], factor: str) -> Figure:
    """AUC against the setting, with the paired difference to Random below; or one bar for each strategy."""
    if factor == STRATEGY:
        return draw_bars(panels, looks)
    found = series(panels, factor)
    across = min(2, len(found))
    down = -(-len(found) // across)
    with rc_context(STYLE):
        width, height = _WIDTH * across, _HEIGHT * down + 0.35
        figure = new_figure(width, height)
        for place, each in enumerate(found):
            row, column = divmod(place, across)
            names = 0.6 + 0.085 * max(len(shorten(each.entry(name).display)) for name in each.names)
            left, low = column * _WIDTH + _LEFT, height - (row + 1) * _HEIGHT + 0.6
            wide, tall = _WIDTH - _LEFT - names, _HEIGHT - 1.3
            paired = bool(each.differences())
            part = 0.62 if paired else 1.0
            box = (left / width, (low + (1 - part) * tall) / height, wide / width, part * tall / height)
            upper = figure.add_axes(box)
            _areas(upper, each, looks)
            if not paired:
                upper.set_xlabel(each.setting)
                continue
            upper.tick_params(labelbottom=False)
            lower = figure.add_axes((box[0], low / height, box[2], 0.32 * tall / height), sharex=upper)
            _differences(lower, each, looks)
        caption(figure, "Means over seeds with 95 % t intervals, set side by side.", _LEFT)
    return figure


def draw_bars(panels: Sequence[Panel], looks: Mapping[str, Look]) -> Figure:
    """One row for each strategy: its paired difference in AUC to Random, or its AUC if Random did not run."""
    longest = max(len(shorten(entry.display)) for panel in panels for entry in panel.entries)
    left, right, top, bottom, row = 0.3 + 0.08 * longest, 0.9, 0.85, 0.65, 0.3
    tall = [row * (len(panel.entries) - (panel.random is not None)) + top + bottom for panel in panels]
    with rc_context(STYLE):
        figure, every = stacked_axes(_WIDTH, tall, left=left, right=right, top=top, bottom=bottom)
        for axes, panel in zip(every, panels, strict=True):
            _bars(axes, panel, looks)
    return figure


def _bars(axes: Axes, panel: Panel, looks: Mapping[str, Look]) -> None:
    random = panel.random
    entries = [entry for entry in panel.entries if entry is not random][::-1]
    paired = None if random is None else [compare(entry.areas, random.areas) for entry in entries]
    for place, entry in enumerate(entries):
        look, own = looks[entry.name], estimate(list(entry.areas.values()))
        comparison = None if paired is None else paired[place]
        shown = own if paired is None else None if comparison is None else comparison.difference
        axes.text(1.02, place, f"{100 * own.mean:.2f} %", transform=axes.get_yaxis_transform(), va="center", fontsize=9)
        if shown is None:
            continue
        alpha = 0.55 if entry.learned else 0.35
        axes.barh(place, 100 * shown.mean, height=0.62, color=look.color, alpha=alpha, zorder=2)
        _whiskers(axes, 100 * shown.mean, place, shown, look, upright=False)
    axes.set_yticks(range(len(entries)), [shorten(entry.display) for entry in entries], color=INK)
    for label, entry in zip(axes.get_yticklabels(), entries, strict=True):
        label.set_fontweight("bold" if entry.learned else "normal")
    axes.set_ylim(-0.6, len(entries) - 0.4)
    axes.axvline(0, color=MUTED, linewidth=1, zorder=3)
    frame(axes, "x")
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.text(1.02, len(entries) - 0.35, "AUC", transform=axes.get_yaxis_transform(), fontsize=8.5, color=MUTED)
    means = "AUC" if random is None else f"paired difference in AUC to {random.display}"
    side_titles(axes, panel.title, f"{means}, 95 % t intervals")
    axes.set_xlabel("%" if random is None else "points")


def _areas(axes: Axes, each: Series, looks: Mapping[str, Look]) -> None:
    ends = []
    for place, name in enumerate(each.names):
        found = each.areas(name)
        means = [100 * value.mean for value in found.values()]
        x = _shifted(each, list(found), place)
        axes.plot(x, means, **looks[name].line())
        for at, value in zip(x, found.values(), strict=True):
            _whiskers(axes, at, 100 * value.mean, value, looks[name], upright=True)
        ends.append((means[-1], each.entry(name).display, looks[name]))
    _x_axis(axes, each)
    frame(axes)
    axes.set_ylabel("AUC, %")
    axes.yaxis.set_label_coords(-0.125, 0.5)
    counts = sorted({len(entry.seeds) for panel in each.panels.values() for entry in panel.entries})
    seeds = str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    titles(axes, each.title, f"AUC by {each.setting}, {seeds} paired seeds")
    name_ends(axes, ends)


def _differences(axes: Axes, each: Series, looks: Mapping[str, Look]) -> None:
    found = each.differences()
    for place, name in enumerate(each.names):
        own = {value: comparison.difference for (other, value), comparison in found.items() if other == name}
        if own:
            x = _shifted(each, list(own), place)
            axes.plot(x, [100 * value.mean for value in own.values()], **looks[name].line())
            for at, value in zip(x, own.values(), strict=True):
                _whiskers(axes, at, 100 * value.mean, value, looks[name], upright=True)
    axes.axhline(0, color=looks[RANDOM].color, linestyle=looks[RANDOM].dash, linewidth=1.3, zorder=2)
    frame(axes)
    axes.set_ylabel("points")
    axes.yaxis.set_label_coords(-0.125, 0.5)
    axes.set_xlabel(each.setting)
    subtitle(axes, f"paired difference to {display_name(RANDOM)}")


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


def _spreads(each: Series) -> bool:
    """Whether the axis is logarithmic."""
    found = sorted(_positions(each).values())
    return found[0] > 0 and found[-1] / found[0] >= 8


def _shifted(each: Series, values: Sequence[float | None], place: int) -> list[float]:
    """Positions, shifted a little for each strategy so that intervals do not cover one another."""
    positions = _positions(each)
    offset = (place - (len(each.names) - 1) / 2) / max(1, len(each.names))
    ordered = sorted(positions.values())
    if _spreads(each):
        gap = float(np.min(np.diff(np.log(ordered))))
        return [positions[value] * float(np.exp(0.35 * gap * offset)) for value in values]
    gap = float(np.min(np.diff(ordered))) if len(ordered) > 1 else 1.0
    return [positions[value] + 0.35 * gap * offset for value in values]


def _x_axis(axes: Axes, each: Series) -> None:
    positions = _positions(each)
    if _spreads(each):
        axes.set_xscale("log")
    axes.set_xticks(list(positions.values()), ["whole" if v is None else f"{v:g}" for v in positions])
    axes.set_xticks([], minor=True)


def _find(panel: Panel, name: str) -> Entry | None:
    return next((entry for entry in panel.entries if entry.name == name), None)


def _order(item: tuple[float | None, Panel]) -> float:
    return float("inf") if item[0] is None else float(item[0])


def _title(panels: Sequence[Panel], varied: str) -> str:
    panel = panels[0]
    pool = "" if varied == "subset_size" else f", {panel.pool}"
    return f"{panel.dataset}, {panel.classifier}{pool}"
