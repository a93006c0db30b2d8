"""Records belong together only if all were made from the same data, and by the same code of one's own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from iale._many import many
from iale.benchmark.records import Record
from iale.data._made_from import DataFingerprint
from iale.errors import DataError, StorageError


def refuse_other_data(records: Sequence[Record], dataset: str, now: DataFingerprint, where: str) -> None:
    """Raises DataError if records of ``dataset`` were made from other data than there is ``now``.

    Records without a fingerprint are older than fingerprints. They pass, and reports say so.
    """
    others = Counter(r.data for r in records if r.dataset == dataset and r.data is not None and r.data != now)
    for former, count in others.most_common(1):
        raise DataError(
            f"{where} holds {count} runs on {dataset} that were made from other data, with the fingerprint ({former}), "
            f"and what is there now has ({now}): put the former data back, or choose another folder."
        )


def refuse_mixture(records: Sequence[Record], where: str) -> None:
    """Raises StorageError if records of one data set were made from different data."""
    for dataset in dict.fromkeys(record.dataset for record in records):
        found = Counter(r.data for r in records if r.dataset == dataset and r.data is not None).most_common(2)
        if len(found) > 1:
            told = " and ".join(f"{count} with the fingerprint ({data})" for data, count in found)
            raise StorageError(
                f"{where}: runs on {dataset} were made from different data, {told}, and cannot be compared: keep each "
                f"in a folder of its own, and report them apart."
            )


def refuse_other_code(records: Sequence[Record], now: Mapping[str, str], where: str) -> None:
    """Raises StorageError if records were made by another version of what is called the same ``now``."""
    for name, digest in now.items():
        others = sum(record.code.get(name, digest) != digest for record in records)
        if others:
            raise StorageError(
                f"{where} holds {many(others, 'run')} of {name} that other code made: its file has changed since; give "
                f"{name} a new name, name another folder, or put the former file back."
            )


def refuse_code_mixture(records: Sequence[Record], where: str) -> None:
    """Raises StorageError if records were made by two versions of what is called the same."""
    found: dict[str, str] = {}
    for name, digest in (entry for record in records for entry in record.code.items()):
        if found.setdefault(name, digest) != digest:
            raise StorageError(
                f"{where}: runs of {name} were made by two versions of its code, and cannot be compared: report them "
                f"apart."
            )


def without_fingerprint(records: Sequence[Record], datasets: Sequence[str]) -> str | None:
    """A sentence about records of these data sets that have no fingerprint; None if all have one."""
    count = sum(record.data is None and record.dataset in datasets for record in records)
    if not count:
        return None
    return f"{count} kept runs have no fingerprint of their data: nobody can tell whether it has changed since"
