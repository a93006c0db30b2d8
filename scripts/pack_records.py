"""Puts what `iale bench` left in one or more folders into results/, packed.

    python scripts/pack_records.py runs/bench/standard [MORE …]

Records are checked, merged and packed; times and the costs of policies are merged beside them.
"""

from __future__ import annotations

import sys
from pathlib import Path

from iale import storage
from iale.benchmark.lessons import COSTS
from iale.benchmark.records import RECORDS, all_records, pack
from iale.benchmark.runner import MACHINE, TIMES
from iale.reports.sources import read_machine

RESULTS = Path(__file__).parents[1] / "results"


def main(folders: list[Path]) -> None:
    """Merges the folders, which hold one size, into the folder of that size."""
    out = RESULTS / folders[0].name
    known = {record["key"] for record in all_records(out)}
    times = {line["key"]: line for line in storage.read_lines(out / TIMES)}
    costs = storage.read_json(out / COSTS)["policies"] if (out / COSTS).exists() else {}
    for folder in folders:
        for record in all_records(folder):
            if record["key"] not in known:
                known.add(record["key"])
                storage.append_line(out / RECORDS, record)
        times.update({line["key"]: line for line in storage.read_lines(folder / TIMES)})
        found = storage.read_json(folder / COSTS)["policies"] if (folder / COSTS).exists() else {}
        costs.update({name: cost for name, cost in found.items() if cost["seconds"] or name not in costs})
    lines = [storage.to_json(times[key]) for key in sorted(known & times.keys())]
    storage.write_bytes(out / TIMES, "".join(f"{line}\n" for line in lines).encode())
    storage.write_json(out / COSTS, {"policies": costs})
    storage.write_json(out / MACHINE, machines([out, *folders]))
    print(f"{pack(out)}: {len(known)} runs, {pack(out).stat().st_size:,} bytes")


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
