"""From panels to numbers: how each strategy came out, in accuracy, labels and time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from iale.benchmark.metrics import accuracy_at, labels_to_reach
from iale.benchmark.statistics import (
    Comparison,
    Estimate,
    compare,
    correct,
    estimate,
    interquartile_mean,
    matrix,
)
from iale.reports._panels import Entry, Panel

LABELS = (100, 200, 300, 500, 1000)
TARGETS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.97, 0.98)

Times = Mapping[str, Mapping[str, Any]]
"""A line of times.jsonl for each run, by the key of its record."""


@dataclass(frozen=True)
class Row:
    """How one strategy came out.

    Attributes:
        name: as in the records.
        display: as shown to people.
        learned: whether it is a trained policy.
        auc: mean accuracy over the recorded points.
        iqm: interquartile mean of the same over seeds.
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
    """What one run of a strategy takes: medians over seeds, None where the times do not say.

    Attributes:
        name: as in the records.
        seconds: all of it.
        fit_seconds: fits of the classifier.
        query_seconds: queries, with the outputs that they ask for; an ensemble's further fits are fits.
        peak_mb: memory.
        seconds_ratio: ``seconds`` relative to Random's of the same seed.
        fit_ratio: the same of ``fit_seconds``.
        query_ratio: the same of ``query_seconds``.
        span: lowest and highest of the seeds whose median is ``seconds_ratio``.
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
    against_random = _against(panel, random)
    against_best = _against(panel, panel.best_heuristic)
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
    """Every strategy against every other one by AUC, corrected for all pairs of the panel."""
    return matrix({entry.name: entry.areas for entry in panel.entries})


def at_labels(panel: Panel) -> dict[int, dict[str, Estimate]]:
    """Accuracy of each strategy at numbers of labels that the panel covers."""
    covered = [count for count in LABELS if accuracy_at(panel.labeled, panel.labeled, count) is not None]
    return {
        count: {
            entry.name: estimate([accuracy_at(panel.labeled, curve, count) or 0.0 for curve in entry.curves])
            for entry in panel.entries
        }
        for count in covered
    }


def to_targets(panel: Panel) -> dict[float, dict[str, int | None]]:
    """Labels at which each mean curve reaches an accuracy, for those that some reach and not all start with."""
    means = {entry.name: entry.curves.mean(axis=0) for entry in panel.entries}
    found = {t: {name: labels_to_reach(panel.labeled, mean, t) for name, mean in means.items()} for t in TARGETS}
    first = panel.labeled[0]
    return {t: by for t, by in found.items() if any(labels not in (None, first) for labels in by.values())}


def costs(panel: Panel, times: Times) -> list[Cost]:
    """What each strategy takes; empty where no run of the panel has been timed."""
    known = {entry.name: _timed(entry, times) for entry in panel.entries}
    if not any(known.values()):
        return []
    random = {} if panel.random is None else known[panel.random.name]
    return [_cost(name, lines, random) for name, lines in known.items()]


def _against(panel: Panel, reference: Entry | None) -> dict[str, Comparison]:
    if reference is None:
        return {}
    return correct({e.name: compare(e.areas, reference.areas) for e in panel.entries if e is not reference})


def _timed(entry: Entry, times: Times) -> dict[int, Mapping[str, Any]]:
    return {seed: times[key] for seed, key in zip(entry.seeds, entry.keys, strict=True) if key in times}


def _cost(name: str, lines: Mapping[int, Mapping[str, Any]], random: Mapping[int, Mapping[str, Any]]) -> Cost:
    def ratios(field: str) -> list[float]:
        shared = sorted(lines.keys() & random.keys())
        pairs = [(lines[seed].get(field), random[seed].get(field)) for seed in shared]
        return [own / other for own, other in pairs if own is not None and other]

    def median(field: str) -> float | None:
        return _median([line.get(field) for line in lines.values()])

    whole, fit, query = (ratios(field) for field in ("seconds", "fit_seconds", "query_seconds"))
    return Cost(
        name,
        seconds=median("seconds"),
        fit_seconds=median("fit_seconds"),
        query_seconds=median("query_seconds"),
        peak_mb=median("peak_mb"),
        seconds_ratio=_median(whole),
        fit_ratio=_median(fit),
        query_ratio=_median(query),
        span=(min(whole), max(whole)) if whole else None,
    )


def _median(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.median(known)) if known else None
