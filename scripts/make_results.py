"""Makes docs/results.md, its figures and the table in the README from the records in results/standard.

python scripts/make_results.py
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from iale import _storage as storage
from iale.benchmark._evidence import read_evidence
from iale.benchmark._experiment import records_of
from iale.benchmark._experiments.catalog import EXPERIMENTS
from iale.benchmark._sizes import SIZES, Size
from iale.benchmark._statistics import estimate
from iale.benchmark.records import Record
from iale.classifiers.base import TrainingConfig
from iale.cli._bench import BenchOptions, bench_command
from iale.reports._markup import Table, markdown
from iale.reports._panels import display_name, panels
from iale.reports._tables import percent
from iale.reports.experiment import write_experiment_report
from results_page import Commands, results_page

ROOT = Path(__file__).parents[1]
RECORDS, PAGE = ROOT / "results" / "standard", ROOT / "docs" / "results.md"
IMAGES = ROOT / "docs" / "images" / "results"
README, BEGIN, END = ROOT / "README.md", "<!-- from the records -->", "<!-- end -->"


def main() -> None:
    """Writes the page, the table, and a figure for each experiment that has runs."""
    size = SIZES["standard"](TrainingConfig(device="cpu"))
    storage.write_bytes(PAGE, page_of(RECORDS, size, IMAGES.relative_to(PAGE.parent).as_posix()).encode())
    evidence = read_evidence([RECORDS])
    own = {name: records_of(make(size), evidence.records) for name, make in EXPERIMENTS.items()}
    before, _, rest = README.read_text(encoding="utf-8").partition(BEGIN)
    table = _table(own["fig8"], size)
    storage.write_bytes(README, f"{before}{BEGIN}\n{table}\n{END}{rest.partition(END)[2]}".encode())
    with tempfile.TemporaryDirectory() as scratch:
        for name, records in own.items():
            if records:
                out, command = Path(scratch) / name, bench_command(name, BenchOptions(size=size.name))
                write_experiment_report(EXPERIMENTS[name](size), replace(evidence, records=records), out, command)
                storage.write_bytes(IMAGES / f"{name}.svg", (out / "figure.svg").read_bytes())
                print(name)


def page_of(folder: Path, size: Size, images: str) -> str:
    """The page of all results of a size, with the commands that make it."""
    options = BenchOptions(size=size.name)
    commands = Commands(
        size=size.name,
        page="make results",
        records=f"{bench_command('all', options)} --workers 2",
        experiments={name: bench_command(name, options) for name in EXPERIMENTS},
    )
    return results_page(folder, [make(size) for make in EXPERIMENTS.values()], images, commands)


def _table(records: Sequence[Record], size: Size) -> str:
    """AUC with the MLP on the data that no policy has seen, from the sub-pool and from the whole pool."""
    own = size.mlp.own(size.mnist)
    names = {own: "IALE", f"{own}-alil-faithful": "ALIL, as published", f"{own}-alil-corrected": "ALIL, corrected"}
    found, columns = panels(records), []
    for dataset in (size.fashion, size.kmnist):
        for pool in (f"random sub-pool of {size.mlp.shape.cycle.subset_size}", "whole pool"):
            panel = next(p for p in found if p.title == f"{dataset}, MLP, {pool}")
            columns.append({entry.name: estimate(list(entry.areas.values())) for entry in panel.entries})
    best = sorted(columns[0], key=lambda name: -columns[0][name].mean)
    rows = [[names.get(name, display_name(name)), *(percent(column[name]) for column in columns)] for name in best]
    few, all_ = f"of {size.mlp.shape.cycle.subset_size}", f"of {size.mlp.shape.pool_size:,}"
    return markdown(Table(["strategy", f"Fashion-MNIST, {few}", all_, f"KMNIST, {few}", all_], rows))


if __name__ == "__main__":
    main()
