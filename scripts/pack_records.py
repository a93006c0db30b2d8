"""Merges what `iale bench` left in one or more folders into results/, and packs it.

    python scripts/pack_records.py runs/bench/standard [MORE …]

Records are checked, merged and packed; times and the costs of policies are merged beside them. If a policy was trained
again, perhaps on another machine, the runs of its new weights replace those of the old ones.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from iale import _storage as storage
from iale.benchmark._evidence import COSTS, MACHINE, PolicyCost, read_costs, read_machine
from iale.benchmark._record_files import PACKED, RECORDS, all_records, pack
from iale.benchmark._times import TIMES
from iale.benchmark.records import Record

RESULTS = Path(__file__).parents[1] / "results"


def main(folders: list[Path]) -> None:
    """Merges the folders, which hold one size, into the folder of that size."""
    out = RESULTS / folders[0].name
    records = {record.key: record for folder in (out, *folders) for record in all_records(folder)}
    times = {line["key"]: line for folder in (out, *folders) for line in storage.read_lines(folder / TIMES)}
    costs = read_costs(out)
    for folder in folders:
        costs |= {name: cost for name, cost in read_costs(folder).items() if cost.seconds or name not in costs}
    known = {key for key, record in records.items() if _is_of_these_policies(record, costs)}
    lines = [storage.to_json(records[key].content) for key in known]
    storage.write_bytes(out / RECORDS, "".join(f"{line}\n" for line in lines).encode())
    (out / PACKED).unlink(missing_ok=True)
    lines = [storage.to_json(times[key]) for key in sorted(known & times.keys())]
    storage.write_bytes(out / TIMES, "".join(f"{line}\n" for line in lines).encode())
    storage.write_json(out / COSTS, {"policies": {name: asdict(cost) for name, cost in costs.items()}})
    storage.write_json(out / MACHINE, machines([out, *folders]))
    packed = pack(out)
    print(f"{packed}: {len(known)} runs, {packed.stat().st_size:,} bytes")


def _is_of_these_policies(record: Record, costs: Mapping[str, PolicyCost]) -> bool:
    cost = costs.get(record.strategy)
    return record.config.weights in (None, cost.weights_sha256) if cost else True


def machines(folders: list[Path]) -> dict[str, str]:
    """All machines and versions that took part, each once."""
    found: dict[str, list[str]] = {}
    for folder in folders:
        for name, text in read_machine([folder]).items():
            known = found.setdefault(name, [])
            known += [part for part in text.split("; ") if part not in known]
    return {name: "; ".join(parts) for name, parts in found.items()}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", type=Path, nargs="+")
    main(parser.parse_args().folders)
