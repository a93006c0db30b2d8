"""Records on disk: one line for each finished run, plain or packed."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable
from pathlib import Path

from iale import _storage as storage
from iale.benchmark._content import is_record, is_sealed, told
from iale.benchmark.records import Record
from iale.errors import StorageError

RECORDS, PACKED, EXPERIMENT = "records.jsonl", "records.jsonl.gz", "experiment.json"


def read_records(path: Path) -> list[Record]:
    """The records of one file, plain or packed, each run once; raises StorageError for a damaged line."""
    records = []
    for number, content in enumerate(storage.read_lines(path), start=1):
        unknown = (
            f"{path}, line {number}, is not a run's record of schema version {storage.SCHEMA}: delete that line or "
            f"choose another folder."
        )
        if not is_record(content):
            raise StorageError(unknown)
        if not is_sealed(content):
            raise StorageError(
                f"{path}, line {number}, does not fit its digest: it is damaged or was altered; delete that line, and "
                f"the run is played again."
            )
        try:
            records.append(Record.parse(content))
        except (KeyError, TypeError, AttributeError) as error:
            raise StorageError(unknown) from error
    return each_once(records, str(path))


def each_once(records: Iterable[Record], where: str) -> list[Record]:
    """Each run once; raises StorageError if two records give different results for one run.

    Two machines may give the same results. Then the first record counts.
    """
    found: dict[str, Record] = {}
    for record in records:
        if not _alike(found.setdefault(record.key, record), record):
            raise StorageError(
                f"{where}: there are two results of one run ({told(record.content)}), perhaps from two machines or "
                f"versions: keep one and delete the line of the other."
            )
    return list(found.values())


def _alike(one: Record, other: Record) -> bool:
    """Whether two records of one run say the same, and do not say that they were made from different data."""
    results = [(each.labeled, each.accuracy, each.selected, each.overlap) for each in (one, other)]
    return results[0] == results[1] and (None in (one.data, other.data) or one.data == other.data)


def all_records(folder: Path) -> list[Record]:
    """The records of a folder, plain and packed, each run once."""
    return each_once([r for name in (RECORDS, PACKED) for r in read_records(folder / name)], str(folder))


def known_files(folder: Path) -> dict[str, str]:
    """Where the files were that the records of a folder name by their content; none if that is not known.

    Also the names of encoders, as they were typed.
    """
    try:
        files = storage.read_json(folder / EXPERIMENT)["files"]
        return {name: path for name, path in files.items() if isinstance(path, str)}
    except (StorageError, KeyError, AttributeError, TypeError):
        return {}


def cut_short(path: Path) -> str | None:
    """The run, in words, whose line at the end of the file was cut short by a kill; None if the file is whole."""
    line = storage.unfinished_line(path)
    if not line:
        return None
    try:  # keys are sorted, so the configuration comes early in a line and is usually complete
        found = json.JSONDecoder().raw_decode(line.decode(errors="replace").partition('"config": ')[2])[0]
    except ValueError:
        found = {}
    return told(found)


def pack(folder: Path) -> Path:
    """Moves all records of a folder, sorted, into its packed file; the next run starts a new plain file."""
    lines = sorted(storage.to_json(record.content) for record in all_records(folder))
    storage.write_bytes(folder / PACKED, gzip.compress("".join(f"{line}\n" for line in lines).encode(), 9, mtime=0))
    (folder / RECORDS).unlink(missing_ok=True)
    return folder / PACKED
