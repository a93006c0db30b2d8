"""Plays grids: one record for each run, paired over strategies, safe to stop at any moment.

    out/
      experiment.json     the grids of the last call, and the fingerprints of their data sets; the paths
                          of files that records name by their content, and the names of encoders
      machine.json        the machine and the versions of the last call
      records.jsonl       one line for each finished run; the same seed gives the same line
      records.jsonl.gz    packed records; they count as finished too
      times.jsonl         how long each run took, kept apart because it differs between executions

Runs whose key is in the records are skipped. So the same call goes on where it stopped, and a call with more seeds or
strategies plays only the new runs. The data of the records must be there unchanged: runs of one seed are compared.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, groupby
from pathlib import Path

from tqdm import tqdm

from iale import _storage as storage
from iale.benchmark._content import told
from iale.benchmark._cost import cost
from iale.benchmark._evidence import MACHINE
from iale.benchmark._machine import describe_machine
from iale.benchmark._plan import planned
from iale.benchmark._play import Run, check, find_contender, made, play, play_together
from iale.benchmark._record_files import EXPERIMENT, RECORDS, all_records, cut_short, known_files
from iale.benchmark._same_data import refuse_other_code, refuse_other_data, without_fingerprint
from iale.benchmark._times import TIMES, RunTimes
from iale.benchmark.grid import GridConfig
from iale.benchmark.records import PoolName, Record
from iale.classifiers.base import Classifier
from iale.data._contents import fingerprint_of
from iale.data._made_from import DataFingerprint
from iale.data.samples import DataSet
from iale.errors import ConfigError, StorageError
from iale.executors import Executor, as_completed, one_thread, open_executor
from iale.strategies.base import QueryStrategy

_TOGETHER = 32  # runs whose fits are trained side by side on a GPU, which a single run would leave mostly idle


def run_grids(
    config: GridConfig | Sequence[GridConfig],
    out: Path,
    *,
    workers: int = 1,
    executor: Executor | str | None = None,
    together: int | None = None,
    progress: bool = True,
) -> Path:
    """Plays the runs that are not finished yet.

    Everything is checked before the first fit. With several workers the lines of records.jsonl come in the order in
    which runs finish; their content does not depend on it. Strategies and trained policies travel to the workers. Data
    sets are loaded there by name or path, so a data set that was registered by hand is known to this process only.

    Args:
        config: what to run. Several grids share the records, and a run that two of them name is played once.
        workers: processes side by side, each on one thread.
        executor: where they run, see `open_executor`; by default this process, and a pool of them for several workers.
        together: runs of one process whose fits are trained side by side, with equal results up to rounding; by
            default 32 on a GPU and 1 on a CPU, which gains nothing.
        progress: whether to tell what is left, and to show a bar of runs on stderr.

    Returns:
        The path of the records.

    Raises:
        ConfigError, DataError, ModelError, PolicyError: something does not fit, or the folder holds runs on other data;
            nothing was run or written.
        StorageError: the folder is not usable.
        KeyboardInterrupt: it was stopped; finished runs are kept, and the message says how to go on.
    """
    grids = [config] if isinstance(config, GridConfig) else list(config)
    runs = planned(grids, shown=progress)
    data = {run.config.dataset: run.data for run in runs.values() if run.data is not None}
    code = {name: digest for run in runs.values() for name, digest in run.code.items()}
    finished = _finished(out, data, code)
    left = [run for key, run in runs.items() if key not in finished]
    if left and progress:
        print(cost(left, workers), file=sys.stderr)
    with open_executor(workers, executor) as opened:
        experiments, prints = [grid.resolved() for grid in grids], {name: own.content() for name, own in data.items()}
        typed = {run.vectors.identity: run.vectors.name for run in runs.values() if run.vectors is not None}
        files = {**known_files(out), **{name: path for grid in grids for name, path in grid.files().items()}, **typed}
        storage.write_json(out / EXPERIMENT, {"experiments": experiments, "data": prints, "files": files})
        storage.write_json(out / MACHINE, describe_machine())
        with tqdm(total=len(runs), initial=len(runs) - len(left), unit="run", disable=not progress) as bar:
            played = as_completed(opened, play_together, _groups(left, together), ahead=2 * workers - 1)
            _keep_all(played, out, bar, len(runs) - len(left))
    return out / RECORDS


def _finished(out: Path, data: Mapping[str, DataFingerprint], code: Mapping[str, str]) -> set[str]:
    """The keys of the runs in a folder, after a check that they were made from the same data, and by the same code;
    tells what it lacks.
    """
    kept = all_records(out)
    refuse_other_code(kept, code, str(out))
    for name, fingerprint in data.items():
        refuse_other_data(kept, name, fingerprint, str(out))
    if (told := without_fingerprint(kept, list(data))) is not None:
        print(f"{out}: {told}", file=sys.stderr)
    if (lost := cut_short(out / RECORDS)) is not None:
        print(f"{out / RECORDS} ends in half a line: the run {lost} was cut short and is played again", file=sys.stderr)
    return {record.key for record in kept}


def _keep_all(played: Iterable[Sequence[tuple[Record, RunTimes]]], out: Path, bar: tqdm, done: int) -> None:
    """Writes down runs as they finish, and turns Ctrl-C into a sentence that says how to go on."""

    def kept() -> str:  # a bar that is not shown does not count
        return f"{done} of {bar.total} runs are finished and kept"

    try:
        for record, times in chain.from_iterable(played):
            name = {"key": record.key, "strategy": record.strategy, "pool": record.pool, "seed": record.seed}
            try:  # the record last: if it is there, the times are there too
                storage.append_line(out / TIMES, {**name, **times.rounded()})
                storage.append_line(out / RECORDS, record.content)
            except StorageError as error:
                lost = f"the run {told(record.content)} is lost: {error}"
                raise StorageError(f"{lost} {kept()}; start the same command again.") from error
            done += 1
            shown = ", ".join([record.dataset, record.strategy, f"seed {record.seed}"])
            bar.set_postfix_str(f"{shown}: {record.accuracy[-1]:.1%}", False)
            bar.update()
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"stopped: {kept()} in {out}; start the same command again to go on.") from None


def _groups(runs: Sequence[Run], together: int | None) -> Iterator[tuple[Run, ...]]:
    """What one worker plays at a time: neighbors that share data set and classifier."""
    for _, members in groupby(runs, lambda r: _shared(r.config)):
        listed = list(members)
        size = together or (1 if listed[0].config.training.device == "cpu" else _TOGETHER)
        yield from (tuple(listed[i : i + size]) for i in range(0, len(listed), size))


def _shared(config: GridConfig) -> tuple[object, ...]:
    """What runs have to share to be played together."""
    seen = config.embeddings, config.with_, config.geometry, config.resize, config.neighbors
    return config.dataset, config.classifier_name, config.training, config.own, seen


def run_one(
    config: GridConfig,
    data: DataSet,
    strategy: QueryStrategy | str,
    pool: PoolName,
    seed: int,
    *,
    classifier: Classifier | None = None,
) -> Record:
    """Plays one run on one thread and returns its record, which is the same in every execution on one machine.

    Args:
        config: sizes and training; its strategies, seeds and pools are not read.
        data: the data set, which need not be registered.
        strategy: a strategy, or its name.
        pool: "subset" or "whole".
        seed: root of every draw.
        classifier: your own recipe; by default the one that ``config`` names.

    Raises:
        ConfigError, DataError, ModelError, PolicyError: something does not fit.
    """
    if config.with_ is not None:
        raise ConfigError("run_one plays on the data set that it gets: encode the data set first, or call run_grids.")
    name = strategy if isinstance(strategy, str) else strategy.name
    with one_thread():  # as workers do: sums that are split over more threads are rounded differently
        recipe = classifier or made(config.classifier_name, config.training, config.own, data)
        check(config, data, recipe)
        run = Run(config, name, find_contender(strategy, recipe), pool, seed, fingerprint_of(data))
        return play(run, data, recipe)[0]
