"""Where records come from: the machines and versions that made them, and the fingerprints of their data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from iale._many import many
from iale.benchmark.records import Record

_COUNTED = ("cores", "threads")


def provenance(records: Sequence[Record], folders: Mapping[str, str]) -> list[str]:
    """One line for each machine with its versions and for each data set, most runs first; says what is not known.

    ``folders`` is what `read_machine` found, which is all that is known of records that do not name their machine.
    """
    makers = Counter(_maker(record) for record in records)
    lines = [f"Made {maker}: {many(count, 'run')}." for maker, count in _ordered(makers)]
    named = ", ".join(f"{name} {value}" for name, value in folders.items() if name != "command")
    if named and any(not record.machine for record in records):
        lines.append(f"Of runs that do not name their machine, the folder says: {named}.")
    for dataset in sorted({record.dataset for record in records}):
        own = [record for record in records if record.dataset == dataset]
        prints = Counter(str(record.data) for record in own if record.data is not None)
        lines += [f"Fingerprint of {dataset}: {told} ({many(count, 'run')})." for told, count in _ordered(prints)]
    if missing := sum(record.data is None for record in records):
        count = many(missing, "run")
        lines.append(f"Without a fingerprint of their data, because they are older than fingerprints: {count}.")
    return lines


def _maker(record: Record) -> str:
    ordered = sorted(record.machine.items(), key=lambda item: (item[0] not in ("processor", "gpu"), item[0]))
    parts = [f"{value} {name[:-1] if value == '1' else name}" if name in _COUNTED else value for name, value in ordered]
    known = [f"{name} {version}" for name, version in sorted(record.versions.items())]
    where = f"on {', '.join(parts)}" if parts else "on a machine that they do not name"
    return f"{where}, with {', '.join(known)}"


def _ordered(counts: Counter[str]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))
