"""From panels to numbers: the accuracy, the labels and the time of each strategy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from iale.benchmark._statistics import (
    Comparison,
    Estimate,
    accuracy_at,
    compare,
    correct,
    estimate,
    interquartile_mean,
    labels_to_reach,
    matrix,
)
from iale.benchmark._times import RunTimes, Times, ratios
from iale.reports._panels import Entry, Panel

LABELS = (100, 200, 300, 500, 1000)
TARGETS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.97, 0.98)


@dataclass(frozen=True)
class Row:
    """The results of one strategy.

    Attributes:
        iqm: interquartile mean of the AUC over seeds.
        final: accuracy with the whole budget.
        against_random: paired difference in AUC, or None.
        against_best: paired difference in AUC to the best single heuristic, or None.
        labels_to_match: labels at which the mean curve reaches Random's final mean accuracy, or None.
    """

    name: str
    display: str
    learned: bool
    auc: Estimate
    iqm: float
    final: Estimate
    against_random: Comparison | None
    against_best: Comparison | None
    labels_to_match: int | None


@dataclass(frozen=True)
class Cost:
    """What one run of a strategy takes: medians over seeds, and None for what was not measured.

    Attributes:
        seconds: the whole run.
        fit_seconds: fits of the classifier.
        query_seconds: queries, with the outputs that they ask for; the other fits of an ensemble count as fits.
        peak_mb: peak memory in megabytes.
        seconds_ratio: ``seconds`` relative to Random's of the same seed; the other ratios likewise.
        span: the lowest and the highest ratio of the seeds whose median is ``seconds_ratio``.
    """

    name: str
    seconds: float | None
    fit_seconds: float | None
    query_seconds: float | None
    peak_mb: float | None
    seconds_ratio: float | None
    fit_ratio: float | None
    query_ratio: float | None
    span: tuple[float, float] | None


def rows(panel: Panel) -> list[Row]:
    """The panel's table; p values are corrected for the comparisons with the same reference."""
    random = panel.random
    against_random, against_best = _against(panel, random), _against(panel, panel.best_heuristic)
    target = None if random is None else float(random.curves[:, -1].mean())
    return [
        Row(
            entry.name,
            entry.display,
            entry.learned,
            estimate(list(entry.areas.values())),
            interquartile_mean(list(entry.areas.values())),
            estimate(entry.curves[:, -1]),
            against_random.get(entry.name),
            against_best.get(entry.name),
            None if target is None else labels_to_reach(panel.labeled, entry.curves.mean(axis=0), target),
        )
        for entry in panel.entries
    ]


def wins(panel: Panel) -> dict[tuple[str, str], Comparison]:
    """Every strategy against every other by AUC, corrected for all pairs of the panel."""
    return matrix({entry.name: entry.areas for entry in panel.entries})


def at_labels(panel: Panel) -> dict[int, dict[str, Estimate]]:
    """Accuracy of each strategy at numbers of labels that the panel covers."""
    return {
        count: {
            entry.name: estimate([accuracy_at(panel.labeled, curve, count) or 0.0 for curve in entry.curves])
            for entry in panel.entries
        }
        for count in LABELS
        if panel.labeled[0] <= count <= panel.labeled[-1]
    }


def to_targets(panel: Panel) -> dict[float, dict[str, int | None]]:
    """Labels at which each mean curve reaches an accuracy.

    Accuracies that no strategy reaches, or that all have from the start, are left out.
    """
    means = {entry.name: entry.curves.mean(axis=0) for entry in panel.entries}
    found = {t: {name: labels_to_reach(panel.labeled, mean, t) for name, mean in means.items()} for t in TARGETS}
    first = panel.labeled[0]
    return {t: by for t, by in found.items() if any(labels not in (None, first) for labels in by.values())}


def costs(panel: Panel, times: Times) -> list[Cost]:
    """What each strategy takes; empty if no run of the panel was timed."""
    known = {
        entry.name: {seed: times[key] for seed, key in zip(entry.seeds, entry.keys, strict=True) if key in times}
        for entry in panel.entries
    }
    if not any(known.values()):
        return []
    random = {} if panel.random is None else known[panel.random.name]
    return [_cost(name, lines, random) for name, lines in known.items()]


def _against(panel: Panel, reference: Entry | None) -> dict[str, Comparison]:
    if reference is None:
        return {}
    return correct({e.name: compare(e.areas, reference.areas) for e in panel.entries if e is not reference})


def _cost(name: str, own: Mapping[int, RunTimes], random: Mapping[int, RunTimes]) -> Cost:
    def by_seed(runs: Mapping[int, RunTimes], field: str) -> dict[int, float | None]:
        return {seed: getattr(run, field) for seed, run in runs.items()}

    def relative(field: str) -> list[float]:
        return ratios(by_seed(own, field), by_seed(random, field))

    whole = relative("seconds")
    return Cost(
        name,
        seconds=_median([run.seconds for run in own.values()]),
        fit_seconds=_median([run.fit_seconds for run in own.values()]),
        query_seconds=_median([run.query_seconds for run in own.values()]),
        peak_mb=_median([run.peak_mb for run in own.values()]),
        seconds_ratio=_median(whole),
        fit_ratio=_median(relative("fit_seconds")),
        query_ratio=_median(relative("query_seconds")),
        span=(min(whole), max(whole)) if whole else None,
    )


def _median(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.median(known)) if known else None
