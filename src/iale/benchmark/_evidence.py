"""Everything that folders of runs hold for a report: records, times, costs of policies and machines."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from iale import _storage as storage
from iale.benchmark._record_files import RECORDS, all_records, each_once
from iale.benchmark._same_data import refuse_code_mixture, refuse_mixture
from iale.benchmark._times import TIMES, Times, by_key
from iale.benchmark.records import Record
from iale.errors import StorageError

COSTS, MACHINE = "policies.json", "machine.json"


@dataclass(frozen=True)
class PolicyCost:
    """What one policy cost before it chose anything."""

    kind: str  # "iale", "alil", or "universal"
    source: str
    classifier: str  # that it watched
    episodes: int
    steps: int  # acquisitions in all episodes
    fits_at_most: int
    source_labels_at_most: int  # that the episodes and the scoring set used
    seconds: float | None  # wall time of the training; None if it was not measured
    weights_sha256: str | None  # as records name it


@dataclass(frozen=True)
class Evidence:
    """What a report is made from."""

    records: Sequence[Record]
    times: Times = field(default_factory=dict)  # by key; may lack some runs and may know others
    costs: dict[str, PolicyCost] = field(default_factory=dict)  # by the names of policies
    machine: dict[str, str] = field(default_factory=dict)


def read_evidence(folders: Sequence[Path], *, may_be_empty: bool = False) -> Evidence:
    """What the folders hold, each run once.

    Raises:
        StorageError: a file is damaged, two folders hold different results for one run, runs on one data set were made
            from different data, runs of one class by different code, or a folder holds no finished runs and may not be
            empty.
    """
    by_folder = {folder: all_records(folder) for folder in folders}
    for folder, own in by_folder.items():
        if not own and not may_be_empty:
            raise StorageError(f"{folder} holds no finished runs ({RECORDS}): play some runs there first.")
    records, where = [r for own in by_folder.values() for r in own], " and ".join(map(str, folders))
    refuse_code_mixture(records, where)
    refuse_mixture(records, where)  # before two results of one run are: it says why there are two
    records = each_once(records, where)
    times = by_key(line for folder in folders for line in storage.read_lines(folder / TIMES))
    costs = {name: cost for folder in folders for name, cost in read_costs(folder).items()}
    return Evidence(records, times, costs, read_machine(folders))


def read_costs(folder: Path) -> dict[str, PolicyCost]:
    """The costs of the policies that were trained in a folder, by name; empty if there are none."""
    path = folder / COSTS
    if not path.exists():
        return {}
    try:
        found, names = storage.read_json(path)["policies"], PolicyCost.__dataclass_fields__
        return {policy: PolicyCost(**{name: cost[name] for name in names}) for policy, cost in found.items()}
    except (KeyError, TypeError, AttributeError) as error:
        raise StorageError(f"{path} does not list the costs of policies ({error}): delete it.") from error


def read_machine(folders: Sequence[Path]) -> dict[str, str]:
    """Processor, system and versions of the folders' machines, different values joined."""
    found: dict[str, list[str]] = {}
    for path in (folder / MACHINE for folder in folders if (folder / MACHINE).exists()):
        try:
            value = json.loads(storage.read_bytes(path))
        except ValueError as error:
            raise StorageError(f"{path} is not readable JSON ({error}): delete it.") from error
        for name, text in (value if isinstance(value, dict) else {}).items():
            if isinstance(text, str) and text not in found.setdefault(name, []):
                found[name].append(text)
    return {name: ("\n" if name == "command" else "; ").join(texts) for name, texts in found.items() if texts}
