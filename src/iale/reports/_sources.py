"""What a folder of runs holds beside its records: times and machine."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from iale import _storage as storage
from iale.benchmark.records import RECORDS, all_records, each_once
from iale.errors import StorageError
from iale.reports._summary import Times

_TIMES, _MACHINE = "times.jsonl", "machine.json"


def read_runs(folders: Sequence[Path]) -> list[dict[str, Any]]:
    """The records of all folders, each once.

    Raises:
        StorageError: a folder holds no finished runs, a file cannot be read, or two tell different results of a run.
    """
    records: list[dict[str, Any]] = []
    for folder in folders:
        own = all_records(folder)
        if not own:
            raise StorageError(f"{folder} holds no finished runs ({RECORDS}): run an experiment there first.")
        records += own
    return each_once(records, " and ".join(map(str, folders)))


def read_times(folders: Sequence[Path]) -> Times:
    """The times of all folders by the key of their run; a run that was played again has its last time."""
    lines = [line for folder in folders for line in storage.read_lines(folder / _TIMES)]
    return by_key(lines)


def by_key(lines: Sequence[dict[str, Any]]) -> Times:
    """Lines of times.jsonl by the key of their run; values that are no numbers are left out."""
    fields = ("seconds", "fit_seconds", "query_seconds", "peak_mb")
    return {
        str(line["key"]): {name: float(line[name]) for name in fields if isinstance(line.get(name), int | float)}
        for line in lines
        if "key" in line
    }


def read_machine(folders: Sequence[Path]) -> dict[str, str]:
    """What the folders say of the machine, as far as it is text; raises StorageError for a damaged file."""
    found: dict[str, list[str]] = {}
    for folder in folders:
        path = folder / _MACHINE
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
