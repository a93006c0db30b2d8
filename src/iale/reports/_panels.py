"""From records to panels: runs that may be compared, because they differ in strategy and seed and in nothing else."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from iale import _storage as storage
from iale.benchmark.metrics import Floats, area
from iale.benchmark.oracles import ORACLES
from iale.benchmark.records import policy_weights
from iale.errors import StorageError

RANDOM = "random"
_DISPLAY = {
    "mc-dropout": "MC-Dropout",
    "coreset": "CoreSet",
    "badge": "BADGE",
    "best-of-random": "Best of random (oracle)",
    "greedy-look-ahead": "Greedy look-ahead (oracle)",
}
_CLASSIFIERS = {"cnn": "CNN", "mlp": "MLP", "resnet18": "ResNet-18", "resnet18-narrow": "narrow ResNet-18"}
_OWN = ("strategy", "policy", "seed", "beside")


@dataclass(frozen=True, eq=False)
class Entry:
    """The runs of one strategy in a panel.

    Attributes:
        name: as in the records.
        display: as shown to people.
        kind: of a trained policy, or None for what is none.
        seeds: the S seeds, ascending.
        keys: of the S records; "" where others were asked beside, because the times of such a run are not its own.
        curves: float64 [S, P], accuracies 0 … 1.
        overlap: by strategy that was asked beside, float64 [S′, P − 1] of the seeds that have it: the share of
            the choices that it would have made too.
    """

    name: str
    display: str
    kind: str | None
    seeds: tuple[int, ...]
    keys: tuple[str, ...]
    curves: Floats
    overlap: Mapping[str, Floats] = field(default_factory=dict)

    @property
    def learned(self) -> bool:
        """Whether it is a trained policy."""
        return self.kind is not None

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
        versions: of Python and packages, each combination that the records name.
        remark: what tells it from a panel that looks alike, or "".
    """

    config: dict[str, Any]
    labeled: tuple[int, ...]
    entries: tuple[Entry, ...]
    versions: tuple[dict[str, str], ...] = ()
    remark: str = ""

    @property
    def pool(self) -> str:
        """What a query looks at, in words."""
        size = self.config["cycle"]["subset_size"]
        return "whole pool" if size is None else f"random sub-pool of {size}"

    @property
    def classifier(self) -> str:
        """As shown to people."""
        return _CLASSIFIERS.get(self.config["classifier"], str(self.config["classifier"]))

    @property
    def title(self) -> str:
        """Data set, classifier and pool."""
        remark = f", {self.remark}" if self.remark else ""
        return f"{self.config['dataset']}, {self.classifier}, {self.pool}{remark}"

    @property
    def random(self) -> Entry | None:
        """The entry of Random, if it ran."""
        return next((entry for entry in self.entries if entry.name == RANDOM), None)

    @cached_property
    def best_heuristic(self) -> Entry | None:
        """The untrained strategy other than Random with the highest mean AUC on the seeds that all of them have.

        Oracles, which read hidden labels, are none. It is chosen with the very seeds it is compared on, which favours
        it: its AUC is a maximum over several.
        """
        heuristics = [entry for entry in self.entries if not entry.learned and entry.name not in (RANDOM, *ORACLES)]
        if not heuristics:
            return None
        shared = set.intersection(*(set(entry.seeds) for entry in heuristics))
        return max(heuristics, key=lambda e: np.mean([e.areas[seed] for seed in shared or e.seeds]))


def panels(records: Sequence[dict[str, Any]]) -> list[Panel]:
    """Sorts records into panels, in the order of their first record.

    Raises:
        StorageError: two runs of one configuration have recorded other numbers of labels.
    """
    groups: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for record in records:
        shared = {k: v for k, v in record["config"].items() if k not in _OWN}
        groups[storage.to_json(shared)].append(record)
    found = [_panel(json.loads(config), members) for config, members in groups.items()]
    titles: dict[str, list[Panel]] = defaultdict(list)
    for panel in found:
        titles[panel.title].append(panel)
    return [replace(panel, remark=_remark(panel, titles[panel.title])) for panel in found]


def display_name(name: str) -> str:
    """The name of a strategy that is no trained policy, as shown to people."""
    return _DISPLAY.get(name, name[:1].upper() + name[1:])


def _panel(config: dict[str, Any], records: list[dict[str, Any]]) -> Panel:
    labeled = tuple(records[0]["labeled"])
    groups: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for record in records:
        if tuple(record["labeled"]) != labeled:
            raise StorageError(
                f"run {record['key'][:12]} has other label counts than runs of its configuration: delete its line."
            )
        groups[record["strategy"], policy_weights(record) or ""].append(record)
    names = [name for name, _ in groups]
    entries = [
        _entry(name if names.count(name) == 1 else f"{name} ({digest[:6]})", members)
        for (name, digest), members in groups.items()
    ]
    entries.sort(key=lambda entry: -float(entry.curves.mean()))
    found = {storage.to_json(record["versions"]): record["versions"] for record in records}
    return Panel(config, labeled, tuple(entries), tuple(found.values()))


def _entry(name: str, records: list[dict[str, Any]]) -> Entry:
    # A run that was asked beside may be there without it, too: its choices are the same.
    unique = {int(record["seed"]): record for record in sorted(records, key=lambda record: "overlap" in record)}
    members = [unique[seed] for seed in sorted(unique)]
    kind = (members[0]["config"].get("policy") or {}).get("kind")
    display = display_name(name) if kind is None else kind.upper() if name == kind else f"{kind.upper()} {name}"
    curves = np.asarray([record["accuracy"] for record in members], dtype=np.float64)
    shares = [record["overlap"] for record in members if "overlap" in record]
    overlap = {
        other: np.asarray([share[other] for share in shares if other in share], dtype=np.float64)
        for other in dict.fromkeys(other for share in shares for other in share)
    }
    alone = {int(record["seed"]): str(record["key"]) for record in records if "overlap" not in record}
    keys = tuple(alone.get(seed, "") for seed in sorted(unique))
    return Entry(name, display, kind, tuple(sorted(unique)), keys, curves, overlap)


def _remark(panel: Panel, alike: list[Panel]) -> str:
    """The options in which ``panel`` differs from others of the same title."""
    options = [flat(other.config) for other in alike]
    names = [name for name in options[0] if len({repr(option.get(name)) for option in options}) > 1]
    own = flat(panel.config)
    return ", ".join(f"{name.replace('_', ' ')} {own[name]}" for name in names)


def flat(config: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a configuration without its levels."""
    found: dict[str, Any] = {}
    for name, value in config.items():
        found.update(flat(value) if isinstance(value, dict) else {name: value})
    return found
