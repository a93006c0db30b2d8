"""Puts what `iale bench` left in one or more folders into results/, packed.

    python scripts/pack_records.py runs/bench/standard [MORE …]

Records are checked, merged and packed; times and the costs of policies are merged beside them. Where a policy was
trained again, on another machine for instance, the runs of its new weights replace those of the old ones.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from iale import _storage as storage
from iale.benchmark._lessons import COSTS, read_costs
from iale.benchmark.records import PACKED, RECORDS, all_records, pack, policy_weights
from iale.benchmark.runner import MACHINE, TIMES
from iale.reports._sources import read_machine

RESULTS = Path(__file__).parents[1] / "results"


def main(folders: list[Path]) -> None:
    """Merges the folders, which hold one size, into the folder of that size."""
    out = RESULTS / folders[0].name
    records = {record["key"]: record for record in all_records(out)}
    times = {line["key"]: line for line in storage.read_lines(out / TIMES)}
    costs = read_costs(out)
    for folder in folders:
        records |= {record["key"]: record for record in all_records(folder)}
        times |= {line["key"]: line for line in storage.read_lines(folder / TIMES)}
        costs |= {name: cost for name, cost in read_costs(folder).items() if cost["seconds"] or name not in costs}
    known = {key for key, record in records.items() if _is_of_these_policies(record, costs)}
    storage.write_bytes(out / RECORDS, "".join(f"{storage.to_json(records[key])}\n" for key in known).encode())
    (out / PACKED).unlink(missing_ok=True)
    lines = [storage.to_json(times[key]) for key in sorted(known & times.keys())]
    storage.write_bytes(out / TIMES, "".join(f"{line}\n" for line in lines).encode())
    storage.write_json(out / COSTS, {"policies": costs})
    storage.write_json(out / MACHINE, machines([out, *folders]))
    packed = pack(out)
    print(f"{packed}: {len(known)} runs, {packed.stat().st_size:,} bytes")


def _is_of_these_policies(record: dict[str, Any], costs: dict[str, Any]) -> bool:
    weights, cost = policy_weights(record), costs.get(record["strategy"])
    return weights is None or cost is None or weights == cost["weights_sha256"]


def machines(folders: list[Path]) -> dict[str, str]:
    """All machines and versions that took part, each once."""
    found: dict[str, list[str]] = {}
    for folder in folders:
        for name, text in read_machine([folder]).items():
            known = found.setdefault(name, [])
            known += [part for part in text.split("; ") if part not in known]
    return {name: "; ".join(parts) for name, parts in found.items()}


if __name__ == "__main__":
    main([Path(name) for name in sys.argv[1:]])
