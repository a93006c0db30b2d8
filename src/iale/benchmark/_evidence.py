"""Everything that folders of runs hold for a report: records, times, costs of policies and machines."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from iale import _storage as storage
from iale.benchmark._costs import PolicyCost, read_costs
from iale.benchmark._record_files import RECORDS, all_records, each_once
from iale.benchmark._times import Times, read_times
from iale.benchmark.records import Record
from iale.errors import StorageError

MACHINE = "machine.json"


@dataclass(frozen=True)
class Evidence:
    """What a report is made from.

    Attributes:
        records: of finished runs.
        times: of runs, by key; may lack some and may know others.
        costs: of policies, by name.
        machine: where the runs were played, and with which versions.
    """

    records: Sequence[Record]
    times: Times = field(default_factory=dict)
    costs: dict[str, PolicyCost] = field(default_factory=dict)
    machine: dict[str, str] = field(default_factory=dict)


def read_evidence(folders: Sequence[Path], *, may_be_empty: bool = False) -> Evidence:
    """What the folders hold, each run once.

    Raises:
        StorageError: a file is damaged, two folders hold different results for one run, or a folder holds no finished
            runs and may not be empty.
    """
    by_folder = {folder: all_records(folder) for folder in folders}
    for folder, own in by_folder.items():
        if not own and not may_be_empty:
            raise StorageError(f"{folder} holds no finished runs ({RECORDS}): play some runs there first.")
    records = each_once([r for own in by_folder.values() for r in own], " and ".join(map(str, folders)))
    times = {key: value for folder in folders for key, value in read_times(folder).items()}
    costs = {name: cost for folder in folders for name, cost in read_costs(folder).items()}
    return Evidence(records, times, costs, read_machine(folders))


def read_machine(folders: Sequence[Path]) -> dict[str, str]:
    """Processor, system and versions of the folders' machines, different values joined.

    Raises:
        StorageError: a file is damaged.
    """
    found: dict[str, list[str]] = {}
    for folder in folders:
        path = folder / MACHINE
        if not path.exists():
            continue
        try:
            value = json.loads(storage.read_bytes(path))
        except ValueError as error:
            raise StorageError(f"{path} is not readable JSON ({error}): delete it.") from error
        for name, text in (value if isinstance(value, dict) else {}).items():
            if isinstance(text, str) and text not in found.setdefault(name, []):
                found[name].append(text)
    return {name: ("\n" if name == "command" else "; ").join(texts) for name, texts in found.items() if texts}
