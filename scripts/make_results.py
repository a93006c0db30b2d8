"""Makes everything that tells results, from the records in results/standard and in benchmarks/results.

python scripts/make_results.py

That is docs/results.md, docs/seeing-the-pool.md, docs/heads.md, docs/averages.md, docs/networks.md, docs/universal.md
and their figures, what the README found, docs/performance.md, a table in docs/labeling-measured.md, and the cards of
the shipped policies.
Edit the sentences in results/*/*.md and in benchmarks/performance.md, not in the pages made from them.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

from averages_page import Played, areas_of, averages_page, runs_of
from averages_page import brief as brief_averages
from cards import write_cards
from figures import Figures
from gain_tables import TITLES, USUAL, areas, brief
from heads_and_networks import table
from heads_page import heads_page
from iale import _storage as storage
from iale.benchmark._evidence import Evidence, read_evidence
from iale.benchmark._experiment import Experiment, records_of
from iale.benchmark._experiments.catalog import EXPERIMENTS
from iale.benchmark._sizes import SIZES, Size
from iale.benchmark._statistics import estimate
from iale.benchmark.records import Record
from iale.classifiers.base import TrainingConfig
from iale.cli._bench import BenchOptions, bench_command
from iale.reports._curves import draw_curves
from iale.reports._figures import panel_looks, svg
from iale.reports._markup import Table, markdown
from iale.reports._overlap import draw_overlap
from iale.reports._panels import display_name, panels
from iale.reports._tables import percent
from iale.reports.experiment import write_experiment_report
from networks_page import networks_page
from pool_page import few, pool_page, whole
from results_page import Commands, results_page
from runs_played import runs_played
from sentences import fill, speeds
from shapes_page import sides
from universal_page import universal_page

ROOT = Path(__file__).parents[1]
SEEING, SHAPES, HEADS, NETWORKS = "geometry", "shapes", "heads", "networks"
OWN = (SEEING, SHAPES, HEADS, NETWORKS, "universal")
PAPERS = {name: make for name, make in EXPERIMENTS.items() if name not in OWN}
"""The experiments of the page: those of the paper and their controls."""
RECORDS, PAGE = ROOT / "results" / "standard", ROOT / "docs" / "results.md"
FORMER = ROOT / "results" / "first-training"  # runs of policies that were trained again, perhaps on another machine
POOL, POOL_PAGE = ROOT / "results" / SEEING, ROOT / "docs" / "seeing-the-pool.md"
BY_SHAPES = ROOT / "results" / SHAPES
OF_HEADS, HEADS_PAGE = ROOT / "results" / HEADS, ROOT / "docs" / "heads.md"
OF_NETWORKS, NETWORKS_PAGE = ROOT / "results" / NETWORKS, ROOT / "docs" / "networks.md"
OF_AVERAGES, AVERAGES_PAGE = ROOT / "results" / "averages", ROOT / "docs" / "averages.md"
UNIVERSAL, UNIVERSAL_PAGE = ROOT / "results" / "universal", ROOT / "docs" / "universal.md"
IMAGES = ROOT / "docs" / "images" / "results"
README, BEGIN, END = ROOT / "README.md", "<!-- from the records: edit results/standard/readme.md -->", "<!-- end -->"
MEASURED, BEGIN_HEADS = ROOT / "docs" / "labeling-measured.md", "<!-- from results/heads-and-networks.jsonl -->"
SPEEDS, SPEEDS_PAGE = ROOT / "benchmarks" / "performance.md", ROOT / "docs" / "performance.md"
MADE = "<!-- made by `make results`: edit benchmarks/performance.md -->\n\n"


def main() -> None:
    """Writes the pages, the cards, and a figure for each experiment that has runs."""
    size = SIZES["standard"](TrainingConfig(device="cpu"))
    evidence = read_evidence([RECORDS])
    pages = {
        PAGE: page_of(RECORDS, size, IMAGES.relative_to(PAGE.parent).as_posix()),
        README: readme_of(README.read_text(encoding="utf-8"), all_figures(evidence, size)),
        MEASURED: measured_of(MEASURED.read_text(encoding="utf-8")),
        SPEEDS_PAGE: speeds_page(),
        UNIVERSAL_PAGE: universal_page(UNIVERSAL, (UNIVERSAL / "reading.md").read_text(encoding="utf-8")),
        HEADS_PAGE: linear_page(size),
        AVERAGES_PAGE: averaging_page(),
        NETWORKS_PAGE: doubting_page(size),
        POOL_PAGE: seeing_page(size, (IMAGES / f"{SEEING}.svg").relative_to(POOL_PAGE.parent).as_posix()),
    }
    for path, text in pages.items():
        storage.write_bytes(path, text.encode())
    write_cards(evidence.records, size)
    for name, folder in {SEEING: POOL, HEADS: OF_HEADS}.items():
        usual = [each for each in _evidence_of(folder).records if each.config.acquisition_size == USUAL]
        found = [few(panel) for panel in whole(panels(usual))]
        storage.write_bytes(IMAGES / f"{name}.svg", svg(draw_curves(found, panel_looks(found))))
    asked = panels([record for record in _evidence_of(OF_NETWORKS).records if record.overlap])
    asked = sorted(asked, key=lambda panel: [*TITLES].index(panel.dataset))
    storage.write_bytes(IMAGES / f"{NETWORKS}.svg", svg(draw_overlap(asked, panel_looks(asked))))
    own = {name: records_of(make(size), evidence.records) for name, make in PAPERS.items()}
    with tempfile.TemporaryDirectory() as scratch:
        for name, records in own.items():
            if records:
                out, command = Path(scratch) / name, bench_command(name, BenchOptions(size=size.name))
                write_experiment_report(EXPERIMENTS[name](size), replace(evidence, records=records), out, command)
                storage.write_bytes(IMAGES / f"{name}.svg", (out / "figure.svg").read_bytes())
                print(name)


def all_figures(evidence: Evidence, size: Size) -> Figures:
    """What sentences may tell, with the records of first trainings."""
    return Figures(evidence, size, read_evidence([FORMER]).records)


def page_of(folder: Path, size: Size, images: str) -> str:
    """The page of all results of a size, with the commands that make it and what ``reading.md`` says about it."""
    options = BenchOptions(size=size.name)
    commands = Commands(
        size=size.name,
        page="make results",
        records=f"{bench_command('all', options)} --workers 2",
        experiments={name: bench_command(name, options) for name in PAPERS},
    )
    evidence, reading = read_evidence([folder], may_be_empty=True), folder / "reading.md"
    text = fill(reading.read_text(encoding="utf-8"), all_figures(evidence, size)) if reading.exists() else ""
    return results_page(evidence, [make(size) for make in PAPERS.values()], text, images, commands)


def seeing_page(size: Size, image: str) -> str:
    """The page of the experiments that are not in the paper, with what each ``reading.md`` says."""
    folders, options = {SEEING: POOL, SHAPES: BY_SHAPES}, BenchOptions(size=size.name)
    records = "\n".join(f"{bench_command(name, options)} --workers 2" for name in folders)
    evidence = read_evidence([*folders.values()])
    one, other = (reading_of(folder, EXPERIMENTS[name](size), evidence) for name, folder in folders.items())
    pool, shapes = (EXPERIMENTS[name](size) for name in (SEEING, SHAPES))
    commands = {"page": "make results", "records": records}
    return pool_page(evidence, pool, shapes, (one, other), image, commands)


def reading_of(folder: Path, experiment: Experiment, evidence: Evidence) -> str:
    """What the ``reading.md`` of an experiment says, with figures of its runs."""
    return fill((folder / "reading.md").read_text(encoding="utf-8"), runs_played(experiment, evidence.records))


@cache
def _evidence_of(folder: Path) -> Evidence:
    """What a folder keeps, which its page, its figure and the README tell."""
    return read_evidence([folder])


def linear_page(size: Size) -> str:
    """The page of the experiment on linear heads, with what its ``reading.md`` says."""
    evidence, experiment = _evidence_of(OF_HEADS), EXPERIMENTS[HEADS](size)
    image = (IMAGES / f"{HEADS}.svg").relative_to(HEADS_PAGE.parent).as_posix()
    reading = reading_of(OF_HEADS, experiment, evidence)
    return heads_page(evidence, experiment, reading, image, _commands(HEADS, size))


def averaging_page() -> str:
    """The page on averages of neighbors, from its template."""
    reading = (OF_AVERAGES / "reading.md").read_text(encoding="utf-8")
    return averages_page(evidence_of_averages(), reading)


def evidence_of_averages() -> Played:
    """All that is kept about averages."""
    heads, gates = (storage.read_lines(OF_AVERAGES / f"{name}.jsonl") for name in ("heads", "gate"))
    texts = _evidence_of(OF_AVERAGES / "texts").records
    return Played(_evidence_of(OF_AVERAGES).records, texts, heads, areas_of(gates))


def doubting_page(size: Size) -> str:
    """The page of the experiment on networks, with what its ``reading.md`` says."""
    evidence, experiment = _evidence_of(OF_NETWORKS), EXPERIMENTS[NETWORKS](size)
    image = (IMAGES / f"{NETWORKS}.svg").relative_to(NETWORKS_PAGE.parent).as_posix()
    reading = reading_of(OF_NETWORKS, experiment, evidence)
    return networks_page(evidence, experiment, reading, image, _commands(NETWORKS, size))


def _commands(name: str, size: Size) -> dict[str, str]:
    records = f"{bench_command(name, BenchOptions(size=size.name))} --workers 2"
    return {"page": "make results", "records": records}


def readme_of(text: str, figures: Figures) -> str:
    """The README with what was found, from its template."""
    records = records_of(EXPERIMENTS["fig8"](figures.size), figures.evidence.records)
    template = (RECORDS / "readme.md").read_text(encoding="utf-8").strip()
    shapes = panels(records_of(EXPERIMENTS[SHAPES](figures.size), read_evidence([BY_SHAPES]).records))
    linear = sorted((panel for panel in shapes if panel.model == "linear"), key=lambda panel: panel.dataset)
    played = {HEADS: (OF_HEADS, "linear"), NETWORKS: (OF_NETWORKS, "mlp")}
    gains = {
        name: brief(areas(records_of(EXPERIMENTS[name](figures.size), _evidence_of(folder).records)), classifier)
        for name, (folder, classifier) in played.items()
    }
    averages = brief_averages(runs_of(_evidence_of(OF_AVERAGES).records))
    tables = {"table": _table(records, figures.size), "shapes": markdown(sides(linear)), "averages": markdown(averages)}
    own = tables | {name: markdown(each) for name, each in gains.items()}
    return _with(text, BEGIN, fill(template, lambda name: own[name] if name in own else figures(name)))


def measured_of(text: str) -> str:
    """The page on labeling with what heads and networks learned from the same labels."""
    return _with(text, BEGIN_HEADS, table(ROOT / "results" / "heads-and-networks.jsonl"))


def _with(text: str, begin: str, found: str) -> str:
    """A page with what was found between two marks."""
    before, _, rest = text.partition(begin)
    return f"{before}{begin}\n\n{found}\n\n{END}{rest.partition(END)[2]}"


def speeds_page() -> str:
    """The page of speeds and memory, from its template."""
    return MADE + fill(SPEEDS.read_text(encoding="utf-8"), speeds(SPEEDS.parent / "results"))


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
    argparse.ArgumentParser(description=__doc__).parse_args()
    main()
