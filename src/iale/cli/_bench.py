"""``iale bench``: runs experiments of the paper."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from iale._given import resize_of
from iale._typed import as_flag, as_typed
from iale.benchmark._evidence import read_evidence
from iale.benchmark._experiment import Experiment, records_of, wanted
from iale.benchmark._experiments.catalog import EXPERIMENTS, on_datasets, with_changes
from iale.benchmark._plan import check_additions, check_kept
from iale.benchmark._power import foreseen
from iale.benchmark._sizes import SIZES, SizeName
from iale.benchmark._training import check_sources, train_policies
from iale.benchmark.runner import run_grids
from iale.classifiers.base import TrainingConfig
from iale.cli._options import WorkerOptions, parse
from iale.cli._output import check_folder, say, table
from iale.cli._run import run_command
from iale.data.catalog import DATASETS, load_dataset
from iale.errors import ConfigError, UnknownNameError
from iale.reports.experiment import write_experiment_report

ALL, LIST = "all", "list"


@dataclass(frozen=True)
class BenchOptions:
    """Trains the policies of an experiment, plays its runs and draws its figure; `iale bench list` shows the names.

    All experiments of one size share their policies and records. If it is stopped, the same command goes on.

    Attributes:
        names: experiments, or "all", or "list".
        size: smoke takes seconds and proves that everything works, standard takes a few hours on two cores, paper is
            the published scale.
        out: folder; policies, records and one report for each experiment go into a subfolder for the size.
        seeds: paired repetitions; none takes those of the size.
        add: your own strategies in every comparison: package.module:Class, names, or folders of policies.
        datasets: compare on these data sets instead, by name or path, with the same policies.
        resize: height,width to resize the images of these data sets to, if they are folders; none keeps them.
        report_only: draw from the existing records, without training or running anything.
        device: where classifiers are fitted: auto, cpu, cuda, cuda:0.
        precision: how a GPU multiplies while it trains: float32, tf32 or bf16.
        where: where policies are trained and runs are played.
    """

    names: tuple[str, ...] = field(default=(), metadata={"positional": True})
    size: SizeName = "standard"
    out: Path = Path("bench")
    seeds: int | None = None
    add: tuple[str, ...] = ()
    datasets: tuple[str, ...] = ()
    resize: tuple[int, ...] = ()
    report_only: bool = False
    device: str = "auto"
    precision: str = "float32"
    where: WorkerOptions = field(default_factory=WorkerOptions)


def main(argv: Sequence[str]) -> int:
    options = parse(BenchOptions, argv, prog="iale bench")
    if options.resize and not options.datasets:
        raise ConfigError("--resize is for the images of --datasets: name some, or leave it out.")
    if options.seeds is not None and options.seeds < 1:
        raise ConfigError(f"the number of seeds must be at least 1, not {options.seeds}.")
    experiments = _experiments(options)
    if not options.names or LIST in options.names:
        header = ("name", "policies", "runs", "title")
        rows = [(e.name, str(len(e.policies)), str(len(set(wanted(e)))), e.title) for e in experiments]
        print(table(header, rows))
        return 0
    with options.where.open() as executor:
        out, workers = check_folder(options.out) / options.size, options.where.workers
        if (options.add or options.datasets) and not options.report_only:
            for experiment in experiments:  # before hours of training
                check_additions(experiment, options.add)
        for experiment in experiments:  # before any fit
            # A report reads no data set that has a name: it may not be here, and its files are checked when loaded.
            names = [g.dataset for g in experiment.grids if not options.report_only or g.dataset not in DATASETS]
            check_kept(read_evidence([out], may_be_empty=True).records, names, str(out))
            if not options.report_only:
                check_sources(experiment, out)
        for experiment in experiments:
            say(f"{experiment.title} ({options.size})")
            if not options.report_only:
                say(foreseen(experiment, read_evidence([out], may_be_empty=True).records))
                trained = train_policies(experiment, out, workers=workers, executor=executor)
                run_grids(trained.grids, out, workers=workers, executor=executor)
            print(_report(experiment, out, bench_command(experiment.name, options)))
    return 0


def bench_command(name: str, options: BenchOptions) -> str:
    """What makes the records of one experiment again, without where it runs, which changes no result."""
    words = ["iale", "bench", name, "--size", options.size]
    for option in ("seeds", "add", "datasets", "resize", "device", "precision"):
        if (value := getattr(options, option)) != getattr(BenchOptions, option):
            words += [as_flag(option), as_typed(value)]
    return shlex.join(words)


def _report(experiment: Experiment, out: Path, command: str) -> Path:
    """Writes the report of an experiment from the records that there are, and returns its page."""
    evidence = read_evidence([out], may_be_empty=True)
    found, planned = records_of(experiment, evidence.records), len(set(wanted(experiment)))
    if len(found) < planned:
        say(f"{len(found)} of {planned} runs are finished")
    folder = out / experiment.name
    write_experiment_report(experiment, replace(evidence, records=found), folder, command, run_command)
    return folder / "report.html"


def _experiments(options: BenchOptions) -> list[Experiment]:
    training = TrainingConfig(device=options.device, precision=options.precision)
    size = SIZES[options.size](training)
    names = [name for name in options.names if name != LIST]
    if not names or ALL in names:
        names = list(EXPERIMENTS)
    for name in names:
        if name not in EXPERIMENTS:
            raise UnknownNameError(
                f"unknown experiment {name!r}: the known ones are {', '.join(EXPERIMENTS)}; {ALL!r} is all of them."
            )
    experiments = [with_changes(EXPERIMENTS[name](size), seeds=options.seeds, add=options.add) for name in names]
    if not options.datasets:
        return experiments
    loaded = {name: load_dataset(name, size=resize_of(options.resize)) for name in options.datasets}
    sizes = {name: (len(data.train), len(data.test)) for name, data in loaded.items()}
    return [on_datasets(experiment, sizes, options.resize) for experiment in experiments]
