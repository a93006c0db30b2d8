"""From records to figures: which strategies are compared, and how they came out.

A panel holds runs that may be compared: they differ in strategy and seed, and in nothing else of their configuration.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from iale import storage
from iale.benchmark.metrics import Floats, area, labels_to_reach
from iale.benchmark.statistics import Comparison, Estimate, compare, estimate, holm
from iale.errors import StorageError

RANDOM = "random"
_DISPLAY = {"mc-dropout": "MC-Dropout", "coreset": "CoreSet", "badge": "BADGE"}
_CLASSIFIERS = {"cnn": "CNN", "mlp": "MLP", "resnet18": "ResNet-18"}


@dataclass(frozen=True, eq=False)
class Entry:
    """The runs of one strategy in a panel.

    Attributes:
        name: as in the records.
        display: as shown to people.
        learned: whether it is a trained policy.
        seeds: the S seeds, ascending.
        curves: float64 [S, P], accuracies 0 … 1.
    """

    name: str
    display: str
    learned: bool
    seeds: tuple[int, ...]
    curves: Floats

    @cached_property
    def areas(self) -> dict[int, float]:
        """AUC of each seed."""
        return {seed: area(curve) for seed, curve in zip(self.seeds, self.curves, strict=True)}


@dataclass(frozen=True, eq=False)
class Panel:
    """Runs that may be compared.

    Attributes:
        config: what all of them share.
        labeled: number of labels at each of the P recorded points.
        entries: the strategies, highest mean AUC first.
        remark: what tells it from a panel that looks alike, or "".
    """

    config: dict[str, Any]
    labeled: tuple[int, ...]
    entries: tuple[Entry, ...]
    remark: str = ""

    @property
    def title(self) -> str:
        """Data set, classifier and pool."""
        size = self.config["cycle"]["subset_size"]
        pool = "whole pool" if size is None else f"random sub-pool of {size}"
        remark = f", {self.remark}" if self.remark else ""
        classifier = self.config["classifier"]
        return f"{self.config['dataset']}, {_CLASSIFIERS.get(classifier, classifier)}, {pool}{remark}"

    @property
    def random(self) -> Entry | None:
        """The entry of Random, if it ran."""
        return next((entry for entry in self.entries if entry.name == RANDOM), None)

    @property
    def best_heuristic(self) -> Entry | None:
        """The untrained strategy other than Random with the highest mean AUC on the seeds that all of them have.

        It is chosen with the very seeds it is compared on, which favours it: its AUC is a maximum over several.
        """
        heuristics = [entry for entry in self.entries if not entry.learned and entry.name != RANDOM]
        if not heuristics:
            return None
        shared = set.intersection(*(set(entry.seeds) for entry in heuristics))
        return max(heuristics, key=lambda e: np.mean([e.areas[seed] for seed in shared or e.seeds]))


@dataclass(frozen=True)
class Row:
    """How one strategy came out.

    Attributes:
        name: as in the records.
        display: as shown to people.
        learned: whether it is a trained policy.
        auc: mean accuracy over the recorded points.
        final: accuracy with the whole budget.
        against_random: paired difference in AUC, or None.
        against_best: paired difference in AUC to the best single heuristic, or None.
        labels_to_match: labels at which the mean curve reaches Random's final mean accuracy, or None.
    """

    name: str
    display: str
    learned: bool
    auc: Estimate
    final: Estimate
    against_random: Comparison | None
    against_best: Comparison | None
    labels_to_match: int | None


def panels(records: Sequence[dict[str, Any]]) -> list[Panel]:
    """Sorts records into panels, in the order of their first record."""
    groups: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for record in records:
        shared = {k: v for k, v in record["config"].items() if k not in ("strategy", "policy", "seed")}
        groups[storage.to_json(shared)].append(record)
    found = [_panel(json.loads(config), members) for config, members in groups.items()]
    titles: dict[str, list[Panel]] = defaultdict(list)
    for panel in found:
        titles[panel.title].append(panel)
    return [replace(panel, remark=_remark(panel, titles[panel.title])) for panel in found]


def rows(panel: Panel) -> list[Row]:
    """The panel's table; p values are corrected for the comparisons with the same reference."""
    random, best = panel.random, panel.best_heuristic
    against_random = _against(panel, random)
    against_best = _against(panel, best)
    target = None if random is None else float(random.curves[:, -1].mean())
    return [
        Row(
            entry.name,
            entry.display,
            entry.learned,
            estimate(list(entry.areas.values())),
            estimate(entry.curves[:, -1]),
            against_random.get(entry.name),
            against_best.get(entry.name),
            None if target is None else labels_to_reach(panel.labeled, entry.curves.mean(axis=0), target),
        )
        for entry in panel.entries
    ]


def _against(panel: Panel, reference: Entry | None) -> dict[str, Comparison]:
    if reference is None:
        return {}
    found = {e.name: compare(e.areas, reference.areas) for e in panel.entries if e is not reference}
    known = {name: comparison for name, comparison in found.items() if comparison is not None}
    tested = {name: comparison.p_value for name, comparison in known.items() if comparison.p_value is not None}
    corrected = dict(zip(tested, holm(list(tested.values())), strict=True))
    return {name: replace(comparison, p_holm=corrected.get(name)) for name, comparison in known.items()}


def _panel(config: dict[str, Any], records: list[dict[str, Any]]) -> Panel:
    labeled = tuple(records[0]["labeled"])
    groups: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for record in records:
        if tuple(record["labeled"]) != labeled:
            raise StorageError(
                f"run {record['key'][:12]} has other label counts than runs of its configuration: delete its line."
            )
        policy = record["config"].get("policy") or {}
        groups[record["strategy"], policy.get("weights_sha256", "")].append(record)
    names = [name for name, _ in groups]
    entries = []
    for (name, digest), members in groups.items():
        unique = name if names.count(name) == 1 else f"{name} ({digest[:6]})"
        members.sort(key=lambda record: int(record["seed"]))
        policy = members[0]["config"].get("policy")
        display = _DISPLAY.get(name, name.capitalize()) if policy is None else _policy_display(policy["kind"], unique)
        curves = np.asarray([record["accuracy"] for record in members], dtype=np.float64)
        entries.append(Entry(unique, display, policy is not None, tuple(r["seed"] for r in members), curves))
    entries.sort(key=lambda entry: -float(entry.curves.mean()))
    return Panel(config, labeled, tuple(entries))


def _policy_display(kind: str, name: str) -> str:
    return kind.upper() if name == kind else f"{kind.upper()} {name}"


def _remark(panel: Panel, alike: list[Panel]) -> str:
    """The options in which ``panel`` differs from others of the same title."""
    options = [_flat(other.config) for other in alike]
    names = [name for name in options[0] if len({repr(option.get(name)) for option in options}) > 1]
    own = _flat(panel.config)
    return ", ".join(f"{name.replace('_', ' ')} {own[name]}" for name in names)


def _flat(config: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in config.items():
        found.update(_flat(value) if isinstance(value, dict) else {name: value})
    return found
