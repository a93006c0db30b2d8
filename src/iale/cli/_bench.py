"""``iale bench``: an experiment of the paper by its name."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from iale import _storage as storage
from iale.benchmark._lessons import read_costs, train_policies
from iale.benchmark.bench import Bench, records_of, wanted
from iale.benchmark.experiments import EXPERIMENTS, on_datasets, with_changes
from iale.benchmark.records import all_records
from iale.benchmark.runner import TIMES, check_additions, run_experiment
from iale.benchmark.sizes import SIZES, SizeName
from iale.classifiers.base import TrainingConfig
from iale.cli._options import parse
from iale.cli._output import check_folder, say, table
from iale.cli._workers import WorkerOptions
from iale.data.catalog import load_dataset
from iale.errors import ConfigError, UnknownNameError
from iale.executors import Executor
from iale.reports._sources import read_machine
from iale.reports.bench import write_bench_report

ALL, LIST = "all", "list"


@dataclass(frozen=True)
class BenchOptions:
    """Trains the policies of an experiment, plays its runs and draws its figure; `iale bench list` shows the names.

    All experiments of one size share their policies and records. The same command goes on where it was stopped.

    Attributes:
        names: experiments, or "all", or "list".
        size: smoke proves that it works in seconds, standard fits a few hours on two cores, paper is the published
            scale.
        out: folder; policies, records and one report for each experiment go to a folder for the size below it.
        seeds: paired repetitions; none takes those of the size.
        add: strategies of your own in every comparison: package.module:Class, names, or folders of policies.
        datasets: compare on these data sets instead, by name or path; the policies are the same.
        report_only: draw from the records that are there, and train and run nothing.
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
    report_only: bool = False
    device: str = "auto"
    precision: str = "float32"
    where: WorkerOptions = field(default_factory=WorkerOptions)


def main(argv: Sequence[str]) -> int:
    """Runs experiments and prints where their reports are."""
    options = parse(BenchOptions, argv, prog="iale bench")
    if options.seeds is not None and options.seeds < 1:
        raise ConfigError(f"the number of seeds must be at least 1, not {options.seeds}.")
    benches = _benches(options)
    if not options.names or LIST in options.names:
        header = ("name", "policies", "runs", "title")
        rows = [(b.name, str(len(b.policies)), str(len(set(wanted(b)))), b.title) for b in benches]
        print(table(header, rows))
        return 0
    with options.where.open() as executor:
        out = check_folder(options.out) / options.size
        if (options.add or options.datasets) and not options.report_only:
            for bench in benches:  # before hours of training
                check_additions(bench, options.add)
        for bench in benches:
            say(f"{bench.title} ({options.size})")
            if not options.report_only:
                _run(bench, out, options, executor)
            found = records_of(bench, all_records(out))
            if len(found) < len(set(wanted(bench))):
                say(f"{len(found)} of {len(set(wanted(bench)))} runs are finished")
            times, costs = storage.read_lines(out / TIMES), read_costs(out)
            command = _command(bench.name, options)
            write_bench_report(bench, found, times, out / bench.name, command, read_machine([out]), costs)
            print(out / bench.name / "report.html")
    return 0


def _command(name: str, options: BenchOptions) -> str:
    """What makes the records of one experiment again; where it runs decides nothing and is left out."""
    default = BenchOptions()
    words = ["iale", "bench", name, "--size", options.size]
    if options.seeds is not None:
        words += ["--seeds", str(options.seeds)]
    for option in ("add", "datasets"):
        if listed := getattr(options, option):
            words += [f"--{option}", ",".join(listed)]
    for option in ("device", "precision"):
        if getattr(options, option) != getattr(default, option):
            words += [f"--{option}", getattr(options, option)]
    return shlex.join(words)


def _run(bench: Bench, out: Path, options: BenchOptions, executor: Executor) -> None:
    trained = train_policies(bench, out, workers=options.where.workers, executor=executor)
    run_experiment(trained.grids, out, workers=options.where.workers, executor=executor)


def _benches(options: BenchOptions) -> list[Bench]:
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
    benches = [with_changes(EXPERIMENTS[name](size), seeds=options.seeds, add=options.add) for name in names]
    if not options.datasets:
        return benches
    loaded = {name: load_dataset(name) for name in options.datasets}
    sizes = {name: (len(data.train), len(data.test)) for name, data in loaded.items()}
    return [on_datasets(bench, sizes) for bench in benches]
