"""From records to panels: runs that can be compared, because they differ only in strategy and seed."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from iale import _storage as storage
from iale._implied import complete
from iale.benchmark._content import RunConfig
from iale.benchmark._experiment import ORACLES
from iale.benchmark._statistics import Floats, area
from iale.benchmark.records import Record
from iale.errors import StorageError

RANDOM = "random"
_DISPLAY = {
    "mc-dropout": "MC-Dropout",
    "coreset": "CoreSet",
    "badge": "BADGE",
    "typiclust": "TypiClust",
    "probcover": "ProbCover",
    "dropquery": "DropQuery",
    "alfamix": "ALFA-Mix",
    "tcm": "TCM",
    "bait": "BAIT",
    "bait-full": "BAIT (full)",
    "bald": "BALD",
    "batchbald": "BatchBALD",
    "power-margin": "Power of Margin",
    "refine": "REFINE",
    "maxherding": "MaxHerding",
    "uherding": "Uncertainty Herding",
    "eherding": "Error Herding",
    "boss": "BoSS (oracle)",
    "best-of-random": "Best of random (oracle)",
    "greedy-look-ahead": "Greedy look-ahead (oracle)",
}
_KINDS = {"iale": "IALE", "alil": "ALIL", "universal": "Universal"}
_CLASSIFIERS = {
    "cnn": "CNN",
    "linear": "linear head",
    "mlp": "MLP",
    "resnet18": "ResNet-18",
    "resnet18-narrow": "narrow ResNet-18",
}
_OWN = ("strategy", "policy", "seed", "beside")


@dataclass(frozen=True, eq=False)
class Entry:
    """The runs of one strategy in a panel.

    Attributes:
        kind: of a trained policy; None for anything else.
        seeds: the S seeds, ascending.
        keys: of the S records; "" for a run with other strategies asked beside it, because its times include theirs.
        curves: float64 [S, P], accuracies 0 … 1.
        overlap: for each strategy that was asked beside, float64 [S′, P − 1] of the seeds that have it: the share of
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
    """Runs that can be compared.

    Attributes:
        model: the classifier's name, as in the records.
        config: what all of them share.
        labeled: number of labels at each of the P recorded points.
        entries: the strategies, highest mean AUC first.
        versions: of Python and packages, each combination that the records name.
        remark: what distinguishes it from other panels with the same title, or "".
    """

    dataset: str
    model: str
    config: RunConfig
    labeled: tuple[int, ...]
    entries: tuple[Entry, ...]
    versions: tuple[Mapping[str, str], ...] = ()
    remark: str = ""

    @property
    def pool(self) -> str:
        """What a query chooses from, in words."""
        size = self.config.subset_size
        return "whole pool" if size is None else f"random sub-pool of {size}"

    @property
    def classifier(self) -> str:
        """As shown to people."""
        return classifier_name(self.model)

    @property
    def title(self) -> str:
        """Data set, classifier and pool."""
        remark = f", {self.remark}" if self.remark else ""
        return f"{self.dataset}, {self.classifier}, {self.pool}{remark}"

    @property
    def random(self) -> Entry | None:
        """The entry of Random, if it ran."""
        return next((entry for entry in self.entries if entry.name == RANDOM), None)

    @cached_property
    def best_heuristic(self) -> Entry | None:
        """The untrained strategy other than Random with the highest mean AUC on the seeds that all of them have.

        Oracles do not count, because they read hidden labels. The choice uses the very seeds that it is compared on,
        which favors it: its AUC is a maximum of several noisy means.
        """
        heuristics = [entry for entry in self.entries if not entry.learned and entry.name not in (RANDOM, *ORACLES)]
        if not heuristics:
            return None
        shared = set.intersection(*(set(entry.seeds) for entry in heuristics))
        return max(heuristics, key=lambda e: np.mean([e.areas[seed] for seed in shared or e.seeds]))


def panels(records: Sequence[Record]) -> list[Panel]:
    """Sorts records into panels, in the order of their first records."""
    groups: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        shared = {name: value for name, value in record.config.options.items() if name not in _OWN}
        groups[storage.to_json(shared)].append(record)
    found = [_panel(options, members) for options, members in groups.items()]
    return [replace(panel, remark=_remark(panel, [p for p in found if p.title == panel.title])) for panel in found]


def display_name(name: str) -> str:
    """The name of a strategy that is not a trained policy, as shown to people."""
    return _DISPLAY.get(name, name[:1].upper() + name[1:])


def classifier_name(name: str) -> str:
    """The name of a classifier, as shown to people."""
    return _CLASSIFIERS.get(name, name)


def _panel(options: str, records: list[Record]) -> Panel:
    first = records[0]
    groups: dict[tuple[str, str], list[Record]] = defaultdict(list)
    for record in records:
        if record.labeled != first.labeled:
            key = record.key[:12]
            raise StorageError(f"run {key} has other label counts than runs of its configuration: delete its line.")
        groups[record.strategy, record.config.weights or ""].append(record)
    names = [name for name, _ in groups]
    entries = [
        _entry(name if names.count(name) == 1 else f"{name} ({digest[:6]})", members)
        for (name, digest), members in groups.items()
    ]
    entries.sort(key=lambda entry: -float(entry.curves.mean()))
    versions = {storage.to_json(record.versions): record.versions for record in records}
    config = replace(first.config, kind=None, weights=None, beside=(), options=complete(json.loads(options)))
    return Panel(first.dataset, first.classifier, config, first.labeled, tuple(entries), tuple(versions.values()))


def _entry(name: str, records: list[Record]) -> Entry:
    # A run with others asked beside it may also exist without them. The choices are the same, so it counts once.
    unique = {record.seed: record for record in sorted(records, key=lambda record: bool(record.overlap))}
    seeds = tuple(sorted(unique))
    kind = unique[seeds[0]].config.kind
    display = display_name(name)
    if kind is not None:
        form = _KINDS.get(kind, kind)
        display = form if name == kind else f"{form} {name}"
    curves = np.asarray([unique[seed].accuracy for seed in seeds], dtype=np.float64)
    shares = [unique[seed].overlap for seed in seeds if unique[seed].overlap]
    overlap = {
        other: np.asarray([share[other] for share in shares if other in share], dtype=np.float64)
        for other in dict.fromkeys(other for share in shares for other in share)
    }
    alone = {record.seed: record.key for record in records if not record.overlap}
    return Entry(name, display, kind, seeds, tuple(alone.get(seed, "") for seed in seeds), curves, overlap)


def _remark(panel: Panel, alike: list[Panel]) -> str:
    """The options in which ``panel`` differs from others of the same title."""
    own, options = flat(panel.config.options), [flat(other.config.options) for other in alike]
    names = [name for name in options[0] if len({repr(option.get(name)) for option in options}) > 1]
    return ", ".join(f"{name.replace('_', ' ')} {own[name]}" for name in names)


def flat(config: Mapping[str, object]) -> dict[str, object]:
    """The options of a configuration without its levels."""
    found: dict[str, object] = {}
    for name, value in config.items():
        found.update(flat(value) if isinstance(value, dict) else {name: value})
    return found
