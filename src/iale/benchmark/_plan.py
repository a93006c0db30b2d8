"""Which runs a set of grids stands for, checked before the first of them starts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from iale.benchmark._content import label, run_key
from iale.benchmark._experiment import ORACLES, Experiment
from iale.benchmark._own_code import own_code
from iale.benchmark._play import (
    Run,
    begin_run,
    check,
    find_contender,
    fingerprint_now,
    forget,
    prepared,
    prepared_for,
)
from iale.benchmark._same_data import refuse_other_data
from iale.benchmark._views import NO_FILES, Vectors, geometry_of, vectors_of
from iale.benchmark.grid import GridConfig
from iale.benchmark.records import Record
from iale.classifiers.base import resolve_device
from iale.dagger.universal.config import UniversalConfig
from iale.data.catalog import load_dataset
from iale.errors import ConfigError
from iale.executors import one_thread
from iale.policies.catalog import find_strategy


def planned(configs: Sequence[GridConfig], *, shown: bool = False) -> Mapping[str, Run]:
    """Every run by its key, after a check that each of them can start; the device of all is chosen here.

    The vectors of an encoder are made now, too; ``shown`` tells a person.
    """
    forget()
    vectors = [_vectors(config, shown=shown) for config in configs]
    with one_thread():  # the statistics of the data must be those that a worker computes
        return _planned(configs, vectors)


def _vectors(config: GridConfig, *, shown: bool) -> Vectors | None:
    """Those of the encoder that a grid names, which are made now on all threads."""
    if config.with_ is None:
        return None
    for name in (*config.strategies, *config.beside):
        if name not in ORACLES:
            find_strategy(name)  # a wrong name is told before anything is encoded
    return vectors_of(config.dataset, config.with_, config.training.device, config.resize, shown=shown)


def _planned(configs: Sequence[GridConfig], vectors: Sequence[Vectors | None]) -> Mapping[str, Run]:
    runs: dict[str, Run] = {}
    labels: dict[str, str] = {}
    for config, seen in zip(configs, vectors, strict=True):
        device = str(resolve_device(config.training.device))
        config = replace(config, training=replace(config.training, device=device))
        for run in _checked(config, seen):
            described = run.described()
            if labels.setdefault(described["strategy"], run.strategy) != run.strategy:
                raise ConfigError(
                    f"{labels[described['strategy']]!r} and {run.strategy!r} would both be called "
                    f"{described['strategy']!r}: rename one of them."
                )
            key = run_key(described)
            runs.setdefault(key, replace(run, key=key))
    return runs


def check_kept(records: Sequence[Record], datasets: Iterable[str], where: str) -> None:
    """Checks that records were made from the data sets that are there now; raises DataError if not.

    A data set is read, once, only if one of its records has a fingerprint.
    """
    forget()
    for dataset in dict.fromkeys(datasets):
        if any(record.dataset == dataset and record.data is not None for record in records):
            refuse_other_data(records, dataset, fingerprint_now(dataset), where)


def check_additions(experiment: Experiment, added: Sequence[str]) -> None:
    """Checks that added strategies and other data sets can run, before hours are spent on training policies."""
    for name in added:
        own = label(name)
        if own in experiment.policies and name not in experiment.policies:
            raise ConfigError(f"{name!r} would be called {own!r} like a policy of {experiment.name}: rename it.")
    trained = [config for config in experiment.policies.values() if not isinstance(config, UniversalConfig)]
    sources = {config.dataset for config in trained}
    learned_classes = {source: load_dataset(source).num_classes for source in sorted(sources)}
    for grid in experiment.grids:
        shown = grid.dataset, grid.classifier_name, grid.training, grid.own, None, grid.resize
        classes = prepared(*shown)[0].num_classes
        for source, learned in learned_classes.items():
            if learned != classes:
                raise ConfigError(
                    f"{grid.dataset} has {classes} classes and the policies of {experiment.name} learn on the "
                    f"{learned} of {source}: take data with {learned} classes, or compare with `iale run`."
                )
    ready = [(g, tuple(n for n in g.strategies if n not in experiment.policies)) for g in experiment.grids]
    planned([replace(grid, strategies=names) for grid, names in ready if names])


def _checked(config: GridConfig, vectors: Vectors | None) -> Iterator[Run]:
    """The runs of one grid; each pool and seed is begun once on trial, which is cheap because nothing is fitted."""
    data, classifier, fingerprint = prepared_for(config, vectors)
    check(config, data, classifier)
    contenders = {name: find_contender(name, classifier) for name in config.strategies}
    for name in config.beside:
        find_strategy(name).check(classifier)
    if config.geometry not in NO_FILES:
        geometry_of(data, config.geometry)  # raises now
    for seed in range(config.first_seed, config.first_seed + config.seeds):
        for pool in config.pools:
            begin_run(config, data, classifier, pool, seed)
    code = {name: own_code(config, name, contenders[name]) for name in config.strategies}
    for name, pool, seed in config.runs():
        yield Run(config, name, contenders[name], pool, seed, fingerprint, vectors, code=code[name])
