"""Makes docs/results.md, its figures and the table of the README from the records in results/standard.

python scripts/make_results.py
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from iale import _storage as storage
from iale.benchmark.bench import records_of
from iale.benchmark.experiments import EXPERIMENTS
from iale.benchmark.records import all_records
from iale.benchmark.runner import TIMES
from iale.benchmark.sizes import SIZES, Size
from iale.benchmark.statistics import estimate
from iale.classifiers.base import TrainingConfig
from iale.reports._markup import Table, markdown
from iale.reports._panels import Panel, display_name, panels
from iale.reports._sources import read_machine
from iale.reports._tables import percent
from iale.reports.bench import write_bench_report
from iale.reports.results import results_page

ROOT = Path(__file__).parents[1]
RECORDS, PAGE, IMAGES = (
    ROOT / "results" / "standard",
    ROOT / "docs" / "results.md",
    ROOT / "docs" / "images" / "results",
)
README, BEGIN, END = ROOT / "README.md", "<!-- from the records -->", "<!-- end -->"


def main() -> None:
    """Writes the page, then a figure for each experiment that has runs."""
    size = SIZES["standard"](TrainingConfig(device="cpu"))
    storage.write_bytes(PAGE, results_page(RECORDS, size, IMAGES.relative_to(PAGE.parent).as_posix()).encode())
    records, times, machine = all_records(RECORDS), storage.read_lines(RECORDS / TIMES), read_machine([RECORDS])
    text, compared = README.read_text(encoding="utf-8"), panels(records_of(EXPERIMENTS["fig8"](size), records))
    before, _, rest = text.partition(BEGIN)
    storage.write_bytes(README, f"{before}{BEGIN}\n{_table(compared, size)}\n{END}{rest.partition(END)[2]}".encode())
    with tempfile.TemporaryDirectory() as scratch:
        for name, make in EXPERIMENTS.items():
            bench = make(size)
            if found := records_of(bench, records):
                out = Path(scratch) / name
                write_bench_report(bench, found, times, out, f"iale bench {name} --size standard", machine)
                storage.write_bytes(IMAGES / f"{name}.svg", (out / "figure.svg").read_bytes())
                print(name)


def _table(found: list[Panel], size: Size) -> str:
    """AUC with the MLP on the data that no policy has seen, from the sub-pool and from the whole pool."""
    own = size.mlp.own(size.mnist)
    names = {own: "IALE", f"{own}-alil-faithful": "ALIL, as published", f"{own}-alil-corrected": "ALIL, corrected"}
    columns = []
    for dataset in (size.fashion, size.kmnist):
        for pool in (f"random sub-pool of {size.mlp.cycle.subset_size}", "whole pool"):
            panel = next(p for p in found if p.title == f"{dataset}, MLP, {pool}")
            columns.append({entry.name: estimate(list(entry.areas.values())) for entry in panel.entries})
    best = sorted(columns[0], key=lambda name: -columns[0][name].mean)
    rows = [[names.get(name, display_name(name)), *(percent(column[name]) for column in columns)] for name in best]
    few, all_ = f"of {size.mlp.cycle.subset_size}", f"of {size.mlp.pool_size:,}"
    return markdown(Table(["strategy", f"Fashion-MNIST, {few}", all_, f"KMNIST, {few}", all_], rows))


if __name__ == "__main__":
    main()
