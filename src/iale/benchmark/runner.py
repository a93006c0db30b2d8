"""Runs an experiment: one record for each run, paired over strategies, safe to stop at any moment.

    out/
      experiment.json   what was asked for last
      records.jsonl     one line for each finished run; the same seed gives the same line
      times.jsonl       how long each took, kept apart because that never comes out the same

Runs whose key is in the records are skipped, so the same command goes on where it stopped, and more seeds or strategies
are added by asking for them.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm

from iale import storage
from iale.benchmark.config import ExperimentConfig, PoolName, resolved
from iale.benchmark.records import RECORDS, describe_run, make_record, read_records, run_key
from iale.classifiers.base import Classifier, FittedClassifier, TrainingConfig, resolve_device
from iale.classifiers.build import build_classifier
from iale.data.catalog import load_dataset
from iale.data.samples import DataSet
from iale.errors import ConfigError, DataError, ModelError
from iale.executors import Executor, as_completed, open_executor
from iale.learner import Learner, accuracy, run_cycle, start
from iale.policies.catalog import find_strategy
from iale.seeding import Stream
from iale.strategies.base import QueryStrategy

TIMES, EXPERIMENT = "times.jsonl", "experiment.json"


@dataclass(frozen=True)
class Run:
    """One strategy, one pool, one seed; picklable, so that a worker needs nothing else but the data set."""

    config: ExperimentConfig
    strategy: str
    query_strategy: QueryStrategy
    pool: PoolName
    seed: int


def run_experiment(
    config: ExperimentConfig,
    out: Path,
    *,
    workers: int = 1,
    executor: Executor | str | None = None,
    progress: bool = True,
) -> Path:
    """Runs what is not finished yet.

    Everything is checked before the first fit. With several workers the lines come in the order in which the runs
    finish; what they say does not depend on it. Strategies travel to the workers, trained policies too; a data set is
    loaded there, by its name or path, and one that was registered by hand is known to this process alone.

    Args:
        config: what to run.
        out: folder for the records.
        workers: runs side by side, each on one thread.
        executor: where they run, see `open_executor`; by default in this process for one worker, in a pool of processes
            for more.
        progress: shows a bar on stderr.

    Returns:
        The path of the records.

    Raises:
        ConfigError, DataError, ModelError, PolicyError: something does not fit; nothing was run or written.
        StorageError: the folder is not usable.
        KeyboardInterrupt: with a sentence that says how to go on; finished runs are kept.
    """
    path = out / RECORDS
    runs = _planned(config)
    finished = {record["key"] for record in read_records(path)}
    left = [run for key, run in runs.items() if key not in finished]
    done = len(runs) - len(left)
    with open_executor(workers, executor) as opened:
        storage.write_json(out / EXPERIMENT, resolved(config))
        bar = tqdm(total=len(runs), initial=done, unit="run", disable=not progress, file=sys.stderr)
        try:
            for record, seconds in as_completed(opened, _execute, left, ahead=2 * workers - 1):
                storage.append_line(path, record)
                name = {field: record[field] for field in ("key", "strategy", "pool", "seed")}
                storage.append_line(out / TIMES, {**name, "seconds": round(seconds, 3)})
                done += 1
                bar.set_postfix_str(f"{record['strategy']}, seed {record['seed']}: {record['accuracy'][-1]:.1%}", False)
                bar.update()
        except KeyboardInterrupt:
            kept = f"stopped: {done} of {len(runs)} runs are finished and kept in {out}"
            raise KeyboardInterrupt(f"{kept}; start the same command again to go on.") from None
        finally:
            bar.close()
    return path


def run_one(
    config: ExperimentConfig,
    data: DataSet,
    strategy: QueryStrategy | str,
    pool: PoolName,
    seed: int,
    *,
    classifier: Classifier | None = None,
) -> dict[str, Any]:
    """Plays one run and returns its record.

    Args:
        config: sizes and training; its strategies, seeds and pools are not read.
        data: the data set, which need not be a registered one.
        strategy: a strategy, or its name.
        pool: "subset" or "whole".
        seed: root of every draw.
        classifier: a recipe of your own; by default the one that ``config`` names.

    Returns:
        The record: what identifies the run, and ``labeled``, ``accuracy`` and ``selected`` (data-set indices acquired
        after the fit) of each step. It is the same in every execution.
    """
    found = find_strategy(strategy)
    recipe = classifier or build_classifier(config.classifier, data.train, data.num_classes, config.training)
    _check(config, data, recipe)
    found.check(recipe)
    name = strategy if isinstance(strategy, str) else strategy.name
    return _play(Run(config, name, found, pool, seed), data, recipe)


def _play(run: Run, data: DataSet, classifier: Classifier) -> dict[str, Any]:
    """The record of a run that has been checked."""
    config = run.config
    indices = _test_indices(config, data)
    labels = data.test_labels[indices]

    def evaluate(fitted: FittedClassifier) -> float:
        return accuracy(fitted, data.test, indices, labels)

    learner = _start(config, data, classifier, run.pool, run.seed)
    steps = list(run_cycle(learner, run.query_strategy, data.train_labels, evaluate))
    return make_record(describe_run(config, run.strategy, run.query_strategy, run.pool, run.seed), steps)


def _planned(config: ExperimentConfig) -> dict[str, Run]:
    """Every run by its key, once all of them are known to be able to start; the device is chosen here, for all."""
    _prepared.cache_clear()
    device = str(resolve_device(config.training.device))
    config = replace(config, training=replace(config.training, device=device))
    data, classifier = _prepared(config.dataset, config.classifier, config.training)
    _check(config, data, classifier)
    strategies = {name: find_strategy(name) for name in config.strategies}
    for strategy in strategies.values():
        strategy.check(classifier)
    for seed in range(config.first_seed, config.first_seed + config.seeds):
        for pool in config.pools:
            _start(config, data, classifier, pool, seed)
    runs: dict[str, Run] = {}
    labels: dict[str, str] = {}
    for name, pool, seed in config.runs():
        described = describe_run(config, name, strategies[name], pool, seed)
        if labels.setdefault(described["strategy"], name) != name:
            raise ConfigError(
                f"{labels[described['strategy']]!r} and {name!r} would both be called {described['strategy']!r}: "
                f"rename one of the folders."
            )
        runs[run_key(described)] = Run(config, name, strategies[name], pool, seed)
    return runs


def _execute(run: Run) -> tuple[dict[str, Any], float]:
    """Record and seconds of one run; what a worker does."""
    data, classifier = _prepared(run.config.dataset, run.config.classifier, run.config.training)
    begin = time.perf_counter()
    record = _play(run, data, classifier)
    return record, time.perf_counter() - begin


@lru_cache(maxsize=1)
def _prepared(dataset: str, classifier: str, training: TrainingConfig) -> tuple[DataSet, Classifier]:
    """A process reads its data set once."""
    data = load_dataset(dataset)
    return data, build_classifier(classifier, data.train, data.num_classes, training)


def _check(config: ExperimentConfig, data: DataSet, classifier: Classifier) -> None:
    if classifier.num_classes != data.num_classes:
        raise ModelError(
            f"the classifier has {classifier.num_classes} logits and {data.name} {data.num_classes} classes: "
            f"build it for this data set."
        )
    if config.pool_size is not None and config.pool_size > len(data.train):
        raise ConfigError(
            f"the pool size {config.pool_size} is larger than the {len(data.train)} training samples of {data.name}: "
            f"lower it."
        )
    if config.test_size is not None and config.test_size > len(data.test):
        raise ConfigError(
            f"the test size {config.test_size} is larger than the {len(data.test)} test samples of {data.name}: "
            f"lower it."
        )
    if not len(data.test):
        raise DataError(f"{data.name} has no test samples to measure accuracy on: add some.")


def _start(config: ExperimentConfig, data: DataSet, classifier: Classifier, pool: PoolName, seed: int) -> Learner:
    """A learner with what all strategies of one seed share: the samples that may be labelled and the first labels."""
    stream, universe = Stream(seed), torch.arange(len(data.train))
    if config.pool_size is not None:
        order = torch.from_numpy(stream.child("pool").numpy().permutation(len(universe)))
        universe = order[: config.pool_size].sort().values
    return start(classifier, data, config.cycle_of(pool), stream, universe=universe)


def _test_indices(config: ExperimentConfig, data: DataSet) -> Tensor:
    """int64: evenly spaced test samples, so that a split sorted by class keeps its balance."""
    size, total = config.test_size or len(data.test), len(data.test)
    return torch.arange(size) * total // size
