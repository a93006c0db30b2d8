"""Runs experiments: one record for each run, paired over strategies, safe to stop at any moment.

    out/
      experiment.json     what was asked for last
      machine.json        where and with what it was computed last
      records.jsonl       one line for each finished run; the same seed gives the same line
      records.jsonl.gz    records that were packed; they count as finished, too
      times.jsonl         how long each took, kept apart because that never comes out the same

Runs whose key is in the records are skipped, so the same command goes on where it stopped, and more seeds or strategies
are added by asking for them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any

from tqdm import tqdm

from iale import _storage as storage
from iale.benchmark._machine import describe_machine
from iale.benchmark._play import Run, begin_run, check, find_contender, play_together, prepared
from iale.benchmark.bench import Bench
from iale.benchmark.config import ExperimentConfig, resolved
from iale.benchmark.records import RECORDS, all_records, cut_short, label, run_key, told
from iale.classifiers.base import resolve_device
from iale.data.catalog import load_dataset
from iale.errors import ConfigError, StorageError
from iale.executors import Executor, as_completed, open_executor
from iale.policies.catalog import find_strategy

TIMES, EXPERIMENT, MACHINE = "times.jsonl", "experiment.json", "machine.json"
TOGETHER = 32
"""Runs whose fits are trained side by side on a GPU, which one run leaves idle."""


def run_experiment(
    config: ExperimentConfig | Sequence[ExperimentConfig],
    out: Path,
    *,
    workers: int = 1,
    executor: Executor | str | None = None,
    together: int | None = None,
    progress: bool = True,
) -> Path:
    """Runs what is not finished yet.

    Everything is checked before the first fit. With several workers the lines come in the order in which the runs
    finish; what they say does not depend on it. Strategies travel to the workers, trained policies too; a data set is
    loaded there, by its name or path, and one that was registered by hand is known to this process alone.

    Args:
        config: what to run; several configurations share the records, and runs of more than one are played once.
        out: folder for the records.
        workers: processes side by side, each on one thread.
        executor: where they run, see `open_executor`; by default in this process for one worker, in a pool of processes
            for more.
        together: runs of one process whose fits are trained side by side, with results that are equal up to rounding;
            by default 32 on a GPU. A CPU gains nothing, and takes 1.
        progress: shows a bar on stderr.

    Returns:
        The path of the records.

    Raises:
        ConfigError, DataError, ModelError, PolicyError: something does not fit; nothing was run or written.
        StorageError: the folder is not usable.
        KeyboardInterrupt: with a sentence that says how to go on; finished runs are kept.
    """
    path = out / RECORDS
    configs = [config] if isinstance(config, ExperimentConfig) else list(config)
    runs = planned(configs)
    finished = {record["key"] for record in all_records(out)}
    left = [run for key, run in runs.items() if key not in finished]
    done = len(runs) - len(left)
    if (lost := cut_short(path)) is not None:
        print(f"{path} ends in half a line: the run {lost} was cut short and is played again", file=sys.stderr)
    with open_executor(workers, executor) as opened:
        storage.write_json(out / EXPERIMENT, {"experiments": [resolved(config) for config in configs]})
        storage.write_json(out / MACHINE, describe_machine())
        bar = tqdm(total=len(runs), initial=done, unit="run", disable=not progress, file=sys.stderr)
        try:
            for played in as_completed(opened, play_together, _groups(left, together), ahead=2 * workers - 1):
                for record, costs in played:
                    _keep(out, record, costs, f"{done} of {len(runs)} runs are finished and kept")
                    done += 1
                    shown = ", ".join([record["dataset"], record["strategy"], f"seed {record['seed']}"])
                    bar.set_postfix_str(f"{shown}: {record['accuracy'][-1]:.1%}", False)
                    bar.update()
        except KeyboardInterrupt:
            kept = f"stopped: {done} of {len(runs)} runs are finished and kept in {out}"
            raise KeyboardInterrupt(f"{kept}; start the same command again to go on.") from None
        finally:
            bar.close()
    return path


def _keep(out: Path, record: dict[str, Any], costs: dict[str, float | None], kept: str) -> None:
    """Writes down a finished run, the record last: where it is there, all of the run is."""
    name = {field: record[field] for field in ("key", "strategy", "pool", "seed")}
    known = {key: round(cost, 3) for key, cost in costs.items() if cost is not None}
    try:
        storage.append_line(out / TIMES, {**name, **known})
        storage.append_line(out / RECORDS, record)
    except StorageError as error:
        raise StorageError(f"the run {told(record)} is lost: {error} {kept}; start the same command again.") from error


def planned(configs: Sequence[ExperimentConfig]) -> Mapping[str, Run]:
    """Every run by its key, once all of them are known to be able to start; the device is chosen here, for all.

    Raises:
        ConfigError, DataError, ModelError, PolicyError: something does not fit.
    """
    prepared.cache_clear()
    runs: dict[str, Run] = {}
    labels: dict[str, str] = {}
    for config in configs:
        device = str(resolve_device(config.training.device))
        config = replace(config, training=replace(config.training, device=device))
        for run in _checked(config):
            described = run.described()
            if labels.setdefault(described["strategy"], run.strategy) != run.strategy:
                raise ConfigError(
                    f"{labels[described['strategy']]!r} and {run.strategy!r} would both be called "
                    f"{described['strategy']!r}: rename one of the folders."
                )
            runs.setdefault(run_key(described), run)
    return runs


def check_additions(bench: Bench, added: Sequence[str]) -> None:
    """Finds what cannot run before the policies of a bench are trained: strategies and data sets of one's own.

    Args:
        bench: with the names of its policies, which need not be there yet.
        added: strategies that are not its own.

    Raises:
        ConfigError, DataError, ModelError, PolicyError: something does not fit.
    """
    for name in added:
        if label(name) in bench.policies and name not in bench.policies:
            raise ConfigError(f"{name!r} would be called {label(name)!r} like a policy of {bench.name}: rename it.")
    sources = {config.dataset for config in bench.policies.values()}
    learned_classes = {source: load_dataset(source).num_classes for source in sorted(sources)}
    for grid in bench.grids:
        classes = prepared(grid.dataset, grid.classifier, grid.training)[0].num_classes
        for source, learned in learned_classes.items():
            if learned != classes:
                raise ConfigError(
                    f"{grid.dataset} has {classes} classes and the policies of {bench.name} learn on the {learned} of "
                    f"{source}: take data with {learned} classes, or compare with `iale run`."
                )
    planned([replace(g, strategies=o) for g in bench.grids if (o := _others(g, bench))])


def _others(config: ExperimentConfig, bench: Bench) -> tuple[str, ...]:
    return tuple(name for name in config.strategies if name not in bench.policies)


def _checked(config: ExperimentConfig) -> Iterator[Run]:
    """The runs of one configuration."""
    data, classifier = prepared(config.dataset, config.classifier, config.training)
    check(config, data, classifier)
    contenders = {name: find_contender(name, classifier) for name in config.strategies}
    for name in config.beside:
        find_strategy(name).check(classifier)
    for seed in range(config.first_seed, config.first_seed + config.seeds):
        for pool in config.pools:
            begin_run(config, data, classifier, pool, seed)
    for name, pool, seed in config.runs():
        yield Run(config, name, contenders[name], pool, seed)


def _groups(runs: Sequence[Run], together: int | None) -> Iterator[tuple[Run, ...]]:
    """Runs that are played by one worker at a time: neighbours that share data set and classifier."""
    for _, members in groupby(runs, lambda r: (r.config.dataset, r.config.classifier, r.config.training)):
        listed = list(members)
        size = together or (1 if listed[0].config.training.device == "cpu" else TOGETHER)
        yield from (tuple(listed[i : i + size]) for i in range(0, len(listed), size))
