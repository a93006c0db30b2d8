"""One run of the benchmark: one strategy, one pool, one seed."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from iale._versions import versions
from iale.benchmark._content import NAMES, run_key, seal
from iale.benchmark._experiment import ORACLES
from iale.benchmark._machine import describe_maker, peak_megabytes, reset_peak
from iale.benchmark._times import RunTimes
from iale.benchmark._views import Vectors, averaged, embedded, geometry_of, size_of
from iale.benchmark.grid import GridConfig
from iale.benchmark.records import PoolName, Record
from iale.classifiers._own import OwnConfig, own_classifier
from iale.classifiers.base import Classifier, FittedClassifier, TrainingConfig
from iale.classifiers.build import build_classifier
from iale.classifiers.stacked.meeting import side_by_side
from iale.data._contents import fingerprint_of, has_changed
from iale.data._folders import is_folder
from iale.data._made_from import DataFingerprint
from iale.data._pictures import PHOTO_SIZE
from iale.data.catalog import load_dataset
from iale.data.samples import DataSet
from iale.errors import ConfigError, DataError, ModelError
from iale.geometry.points import Points
from iale.learner import Learner, Oracle, Step, accuracy, run_cycle, start
from iale.policies._digest import weights_digest
from iale.policies.catalog import find_strategy
from iale.seeding import Stream
from iale.strategies.base import Need, QueryStrategy

SCORING = 500  # the most training samples outside of the pool on which an oracle measures accuracy


@dataclass(frozen=True)
class Run:
    """One strategy, one pool, one seed; it can be pickled, and a worker needs only the data set besides it."""

    config: GridConfig  # its strategies, seeds and pools are not read
    strategy: str
    query_strategy: QueryStrategy | None  # None for an oracle
    pool: PoolName
    seed: int
    data: DataFingerprint | None = None  # of the data set that the run is meant for
    vectors: Vectors | None = None  # of an encoder that the configuration names
    key: str = ""  # of its record, as it was planned
    code: Mapping[str, str] = field(default_factory=dict)  # of one's own, see `own_code`

    def described(self) -> dict[str, Any]:
        """The resolved configuration of the run, whose hash is the key of its record."""
        own = describe_run(self.config, self.strategy, self.query_strategy, self.pool, self.seed)
        return own if self.vectors is None else {**own, **self.vectors.described}


def describe_run(
    config: GridConfig, name: str, strategy: QueryStrategy | None, pool: PoolName, seed: int
) -> dict[str, Any]:
    """What identifies a run; a policy is identified by its weights, wherever its folder is."""
    digest = None if strategy is None else weights_digest(strategy)
    policy = None if strategy is None or digest is None else {"kind": strategy.name, "weights_sha256": digest}
    return {**config.described(name, pool, seed), "policy": policy}


def make_record(
    described: Mapping[str, Any],
    steps: Sequence[Step],
    data: DataFingerprint | None = None,
    code: Mapping[str, str] | None = None,
) -> Record:
    """The record of a finished run, from what identifies it, its recorded points, its data and one's own code.

    Data, code and machine are not part of what identifies a run: its key stays what it was before they were kept.
    """
    content = {
        **{name: described[name] for name in NAMES},
        "config": described,
        "labeled": [step.labeled for step in steps],
        "accuracy": [step.accuracy for step in steps],
        "selected": [list(step.selected) for step in steps],
        "versions": versions(),
        "machine": describe_maker(described["training"]["device"]),
    }
    if data is not None:
        content["data"] = data.content()
    if code:
        content["code"] = dict(code)
    if described.get("beside"):
        content["overlap"] = {name: [step.overlap[name] for step in steps[:-1]] for name in described["beside"]}
    return Record.parse(seal(content))


def find_contender(strategy: QueryStrategy | str, classifier: Classifier) -> QueryStrategy | None:
    """The strategy with that name, checked against ``classifier``; None for the name of an oracle."""
    if isinstance(strategy, str) and strategy in ORACLES:
        return None
    found = find_strategy(strategy)
    found.check(classifier)
    return found


@lru_cache(maxsize=2)
def loaded(
    dataset: str, embeddings: str | Vectors | None = None, resize: tuple[int, ...] = (), neighbors: int = 0
) -> tuple[DataSet, DataFingerprint]:
    """A data set, or its embeddings, with the fingerprint of the data set; a process reads both once, until it forgets
    them. Embeddings and sizes are in the key of a run, so that classifiers of all kinds share a folder.
    """
    if isinstance(embeddings, Vectors) and embeddings.made is not None:
        data, fingerprint = embeddings.made
        return averaged(data, neighbors), fingerprint
    data = load_dataset(dataset, size=size_of(dataset, resize, embeddings))
    return averaged(embedded(data, embeddings), neighbors), fingerprint_of(data)


@lru_cache(maxsize=2)
def prepared(
    dataset: str,
    classifier: str,
    training: TrainingConfig,
    own: OwnConfig | None = None,
    embeddings: str | Vectors | None = None,
    resize: tuple[int, ...] = (),
    neighbors: int = 0,
) -> tuple[DataSet, Classifier, DataFingerprint]:
    """The data set of a grid, its classifier, and the fingerprint of the data."""
    data, fingerprint = loaded(dataset, embeddings, resize, neighbors)
    return data, made(classifier, training, own or OwnConfig(), data), fingerprint


def prepared_for(config: GridConfig, vectors: Vectors | None = None) -> tuple[DataSet, Classifier, DataFingerprint]:
    """The same for a grid, perhaps with the vectors of its encoder."""
    seen = vectors or config.embeddings
    recipe = config.dataset, config.classifier_name, config.training, config.own
    return prepared(*recipe, seen, config.resize, config.neighbors)


def fingerprint_now(dataset: str) -> DataFingerprint:
    """That of a data set as it is now, in whatever size its images are seen."""
    return loaded(dataset, None, PHOTO_SIZE if is_folder(dataset) else ())[1]


def forget() -> None:
    """Lets this process read its data sets again: a file may have changed since an earlier command."""
    loaded.cache_clear()
    prepared.cache_clear()


def _prepared_for(run: Run) -> tuple[DataSet, Classifier]:
    """The data set and the classifier of a run, which was planned in another process, perhaps on another machine.

    Raises DataError if the data here are not those that the run was planned for: its record would name the wrong ones.
    """
    config = run.config
    for _ in range(2):  # a worker that lives longer than a command may remember former data
        data, classifier, found = prepared_for(config, run.vectors)
        if run.data in (None, found):
            return data, classifier
        forget()
    raise DataError(
        f"{config.dataset} has the fingerprint ({found}) where a worker reads it, and ({run.data}) where the command "
        f"began: give every machine the same data, and do not change them while runs go on; finished runs are kept."
    )


def _check_same(runs: Sequence[Run], data: DataSet) -> None:
    """Raises DataError if a file that runs were played on is not what it was: their records would name another one."""
    changed = data.name if has_changed(data) else ""
    for run in runs:
        if run.key and run_key(run.described()) != run.key:  # files are in it by their content
            changed = str(run.config.embeddings or run.config.geometry)
    if changed:
        forget()
        raise DataError(
            f"{changed} has changed while runs went on: finished runs are kept, those in progress are not; put it back "
            f"and start the same command again."
        )


def made(name: str, training: TrainingConfig, own: OwnConfig, data: DataSet) -> Classifier:
    """The classifier called ``name``, or the user's own one, for a data set."""
    if own.model is not None:
        return own_classifier(own, data.train.shape, data.num_classes, training)
    said = own.said()
    return build_classifier(
        name, data.train, data.num_classes, training, optimizer=said.optimizer, loss=said.loss, l2=said.l2
    )


def check(config: GridConfig, data: DataSet, classifier: Classifier) -> None:
    """Raises an error if the sizes of ``config`` do not fit the data or the classifier."""
    if classifier.num_classes != data.num_classes:
        raise ModelError(
            f"the classifier has {classifier.num_classes} logits and {data.name} {data.num_classes} classes: "
            f"build it for this data set."
        )
    sizes = ("pool", config.pool_size, "training", data.train), ("test", config.test_size, "test", data.test)
    for name, size, kind, samples in sizes:
        if size is not None and size > len(samples):
            raise ConfigError(
                f"the {name} size {size} is larger than the {len(samples)} {kind} samples of {data.name}: lower it."
            )
    if not len(data.test):
        raise DataError(f"{data.name} has no test samples to measure accuracy on: add some.")
    outside = len(data.train) - (config.pool_size or len(data.train))
    for name in config.strategies:
        if name in ORACLES and outside < data.num_classes:
            raise ConfigError(
                f"{name} measures accuracy on training samples outside of the pool, and there are {outside}: give a "
                f"pool size below {len(data.train)}."
            )


def begin_run(config: GridConfig, data: DataSet, classifier: Classifier, pool: PoolName, seed: int) -> Learner:
    """A learner with what all strategies of one seed share: the samples that may be labeled and the first labels."""
    universe = _order(config, data, seed)[: config.pool_size].sort().values
    # Records whose fits had a last batch of few samples also kept the order of the labels.
    as_told = config.training.batches == "remainder"
    return start(classifier, data, config.cycle_of(pool), Stream(seed), universe=universe, as_told=as_told)


def play_together(runs: tuple[Run, ...]) -> list[tuple[Record, RunTimes]]:
    """The record and the times of each run; what a worker does.

    ``runs`` share a data set and a classifier. The fits of several runs are trained side by side, and the seconds are
    then divided evenly among them.
    """
    data, classifier = _prepared_for(runs[0])
    if len(runs) == 1:
        played = [play(runs[0], data, classifier)]
        _check_same(runs, data)
        return played

    def task(run: Run) -> Callable[[Classifier], tuple[Record, RunTimes]]:
        return lambda shared: play(run, data, shared)

    begin = time.perf_counter()
    played = side_by_side(classifier, [task(run) for run in runs])
    _check_same(runs, data)
    seconds = (time.perf_counter() - begin) / len(runs)
    return [(record, RunTimes(seconds=seconds, peak_mb=times.peak_mb)) for record, times in played]


def play(run: Run, data: DataSet, classifier: Classifier) -> tuple[Record, RunTimes]:
    """The record and the times of a run that has been checked."""
    config = run.config
    indices = _test_indices(config, data)
    labels = data.test_labels[indices]

    def evaluate(fitted: FittedClassifier) -> float:
        return accuracy(fitted, data.test, indices, labels)

    reset_peak()
    begin = time.perf_counter()
    learner = begin_run(config, data, classifier, run.pool, run.seed)
    chooser: QueryStrategy | Oracle | None = run.query_strategy
    if chooser is None:
        scoring = _order(config, data, run.seed)[config.pool_size :][:SCORING]
        chooser = ORACLES[run.strategy](data, scoring)
    beside = [find_strategy(name) for name in config.beside]
    if any(Need.GEOMETRY in asked.needs for asked in (chooser, *beside)):
        learner.geometry = _geometry(data, config.geometry, config.neighbors)
    steps = list(run_cycle(learner, chooser, data.train_labels, evaluate, beside=beside))
    seconds = time.perf_counter() - begin
    times = RunTimes(seconds, learner.seconds["fit"], learner.seconds["query"], peak_megabytes())
    return make_record(run.described(), steps, run.data, run.code), times


@lru_cache(maxsize=2)
def _geometry(data: DataSet, geometry: str, neighbors: int) -> Points:
    """That of a data set, which a process makes once."""
    return geometry_of(data, geometry, neighbors)


def _order(config: GridConfig, data: DataSet, seed: int) -> Tensor:
    """int64 [N]: the training samples, beginning with those that may be labeled."""
    if config.pool_size is None:
        return torch.arange(len(data.train))
    return torch.from_numpy(Stream(seed).child("pool").numpy().permutation(len(data.train)))


def _test_indices(config: GridConfig, data: DataSet) -> Tensor:
    """int64 [T]: evenly spaced test samples, so that a split sorted by class keeps its balance."""
    size, total = config.test_size or len(data.test), len(data.test)
    return torch.arange(size) * total // size
