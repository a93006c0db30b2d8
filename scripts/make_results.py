"""Makes docs/results.md and its figures from the records in results/standard.

python scripts/make_results.py
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from iale import storage
from iale.benchmark.bench import records_of
from iale.benchmark.experiments import EXPERIMENTS
from iale.benchmark.records import all_records
from iale.benchmark.runner import TIMES
from iale.benchmark.sizes import SIZES
from iale.classifiers.base import TrainingConfig
from iale.reports.bench import write_bench_report
from iale.reports.results import results_page
from iale.reports.sources import read_machine

ROOT = Path(__file__).parents[1]
RECORDS, PAGE, IMAGES = (
    ROOT / "results" / "standard",
    ROOT / "docs" / "results.md",
    ROOT / "docs" / "images" / "results",
)


def main() -> None:
    """Writes the page, then a figure for each experiment that has runs."""
    size = SIZES["standard"](TrainingConfig(device="cpu"))
    storage.write_bytes(PAGE, results_page(RECORDS, size, IMAGES.relative_to(PAGE.parent).as_posix()).encode())
    records, times, machine = all_records(RECORDS), storage.read_lines(RECORDS / TIMES), read_machine([RECORDS])
    with tempfile.TemporaryDirectory() as scratch:
        for name, make in EXPERIMENTS.items():
            bench = make(size)
            if found := records_of(bench, records):
                out = Path(scratch) / name
                write_bench_report(bench, found, times, out, f"iale bench {name} --size standard", machine)
                storage.write_bytes(IMAGES / f"{name}.svg", (out / "figure.svg").read_bytes())
                print(name)


if __name__ == "__main__":
    main()
