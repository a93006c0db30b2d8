"""Rounds of episodes, an update of the policy after each, and files that survive a kill.

A round's episodes are a function of the configuration, the seed and the policy before them; the update is a function of
all demonstrations so far. So a resumed run keeps every whole file, makes the rest again, and ends with the same bytes.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Protocol, TypeVar

from tqdm.auto import tqdm

from iale import _storage as storage
from iale._given import resize_of
from iale._implied import compact
from iale.classifiers.base import Classifier, resolve_device
from iale.classifiers.build import build_classifier
from iale.dagger._demonstrations import Played, StepRecord, has_episode, load_log, save_episode
from iale.dagger.config import AlilConfig, DaggerConfig
from iale.data._contents import fingerprint_of, has_changed
from iale.data._made_from import DataFingerprint
from iale.data.catalog import load_dataset
from iale.data.samples import DataSet
from iale.errors import ConfigError, DataError, StorageError
from iale.executors import Executor, as_completed, one_thread, open_executor
from iale.policies._files import CARD
from iale.policies.base import Policy
from iale.policies.saved import load_policy, save_policy

AnyConfig = DaggerConfig | AlilConfig

P = TypeVar("P", bound=Policy)
C = TypeVar("C", DaggerConfig, AlilConfig)


class Lesson(Protocol[P]):
    """How a policy of kind P plays episodes and learns from them; `play_rounds` does the rest.

    `play` runs in any process, so a lesson can be pickled; `update` and `describe` run where the folder is.
    """

    def play(self, policy: P, numbers: tuple[int, ...]) -> Sequence[tuple[int, Played]]:
        """Plays the episodes with these numbers (1, 2, …); returns each number with its episode."""

    def update(self, policy: P, out: Path, number: int) -> P:
        """The policy after round ``number`` (1, 2, …), fitted to all demonstrations so far in the folder ``out``.

        ``policy`` played the round and is not changed.
        """

    def describe(self, steps: Sequence[StepRecord]) -> Mapping[str, object]:
        """What the policy's card says about the steps it learned from."""


@dataclass(frozen=True)
class Workers:
    """Who plays the episodes of a round. The result does not depend on it, except for ``together``.

    Attributes:
        count: episodes that are played side by side.
        executor: where they are played, see `open_executor`.
        together: episodes of one process whose fits are trained in one stack; equal up to rounding. None takes a
            worker's whole share of the round on a GPU, and 1 on a CPU, which gains nothing from more.
        progress: whether to show a bar of episodes on stderr.
    """

    count: int = 1
    executor: Executor | str | None = None
    together: int | None = None
    progress: bool = True

    def share_out(self, episodes: Sequence[int], *, on_cpu: bool) -> list[tuple[int, ...]]:
        """The episodes in groups that one process plays together."""
        share = -(-len(episodes) // self.count) or 1
        size = self.together or (1 if on_cpu else share)
        return [tuple(episodes[i : i + size]) for i in range(0, len(episodes), size)]


def play_rounds(lesson: Lesson[P], policy: P, config: AnyConfig, out: Path, workers: Workers) -> Path:
    """Trains a policy, or resumes a stopped run: lines 2 and 15 of Algorithm 1, one round at a time.

    ``out``, the run's folder, is laid out as in `_demonstrations` and claimed. Returns ``out / "policy"``.
    """
    rounds = -(-config.episodes // config.round_size)
    workers = replace(workers, count=min(workers.count, config.round_size))
    on_cpu = resolve_device(config.training.device).type == "cpu"
    with (
        open_executor(workers.count, workers.executor) as executor,
        tqdm(total=config.episodes, unit="episode", desc="training the policy", disable=not workers.progress) as bar,
    ):
        for number in range(1, rounds + 1):
            episodes = episodes_of(config, number)
            missing = [episode for episode in episodes if not has_episode(out, episode)]
            bar.update(len(episodes) - len(missing))
            groups = workers.share_out(missing, on_cpu=on_cpu)
            play = functools.partial(lesson.play, policy)
            for played in as_completed(executor, play, groups, ahead=workers.count):
                for episode_number, episode in played:
                    save_episode(episode, out, episode_number)
                    bar.update()
            folder = out / "rounds" / f"{number:04d}"
            if not (folder / CARD).is_file():
                save_policy(lesson.update(policy, out, number), folder, _card(lesson, config, out, number))
            # Read back even when it was just made, so that a resumed run plays with the very same weights.
            policy = load_policy(folder, type(policy))
    save_policy(policy, out / "policy", _card(lesson, config, out, rounds))
    return out / "policy"


def claim(config: AnyConfig, out: Path, data: DataFingerprint) -> None:
    """Writes the configuration and the fingerprint of the source to the folder.

    Raises ConfigError if another run lives there, and DataError if it was made from other data. A run whose episodes
    are older than fingerprints goes on without one, because nobody can tell what they were made from.

    A run may be given more episodes if its last round is full: then its episodes are the first ones of the longer run.
    """
    path, resolved = out / "config.json", compact(asdict(config))
    content: dict[str, object] = {"config": resolved, "data": data.content()}
    if path.exists():
        found = storage.read_json(path).get("config", {})
        if storage.to_json({**found, "episodes": 0}) != storage.to_json({**resolved, "episodes": 0}):
            raise ConfigError(f"{out} holds a run with another configuration: choose another folder or delete it.")
        shorter = min(found["episodes"], config.episodes)
        if found["episodes"] != config.episodes and shorter % config.round_size:
            raise ConfigError(
                f"{out} holds a run of {found['episodes']} episodes, and {shorter} do not fill rounds of "
                f"{config.round_size}: choose another folder for {config.episodes} episodes."
            )
        if check_source(out, config.dataset, data) is None and has_episode(out, 1):
            del content["data"]
            print(f"{out}: its episodes have no fingerprint of their data, and go on without a check", file=sys.stderr)
    storage.write_json(path, content)


def check_source(out: Path, dataset: str, now: DataFingerprint) -> DataFingerprint | None:
    """The fingerprint of what a run learned from, None if it has none; raises DataError if it is not ``now``."""
    path = out / "config.json"
    try:
        former = DataFingerprint.parse(storage.read_json(path).get("data")) if path.exists() else None
    except (KeyError, TypeError) as error:
        raise StorageError(f"{path} does not name the data as it should ({error}): restore it.") from error
    if former not in (None, now):
        raise DataError(
            f"{out} holds a run that learned from other data, with the fingerprint ({former}), and what is at "
            f"{dataset} now has ({now}): put the former data back, or choose another folder."
        )
    return former


def prepare(config: AnyConfig) -> tuple[DataSet, Classifier, DataFingerprint]:
    """The source as it is now, the classifier, and the fingerprint of the source."""
    _prepared.cache_clear()
    with one_thread():  # the statistics of the data must be those that a worker computes
        return _prepared(config)


def prepare_for(config: AnyConfig, expected: DataFingerprint) -> tuple[DataSet, Classifier]:
    """The source and the classifier of episodes, made once per process.

    Raises DataError if the source here, perhaps on another machine, is not that with which the run began.
    """
    for make in (_prepared, prepare):  # a worker that lives longer than a command may remember former data
        data, classifier, found = make(config)
        if found == expected:
            return data, classifier
    raise DataError(
        f"{config.dataset} has the fingerprint ({found}) where a worker reads it, and ({expected}) where the command "
        f"began: give every machine the same data, and do not change them while episodes go on."
    )


def check_same(config: AnyConfig, data: DataSet) -> None:
    """Raises DataError if files of the source have changed since its fingerprint was made."""
    if has_changed(data):
        _prepared.cache_clear()
        raise DataError(
            f"{config.dataset} has changed while episodes went on: finished ones are kept, those in progress are not; "
            f"put it back and start the same command again."
        )


@functools.lru_cache(maxsize=1)
def _prepared(config: AnyConfig) -> tuple[DataSet, Classifier, DataFingerprint]:
    data = load_dataset(config.dataset, size=resize_of(config.resize))
    classifier = build_classifier(config.classifier, data.train, data.num_classes, config.training)
    return data, classifier, fingerprint_of(data)


def on_this_device(config: C) -> C:
    """The configuration with the device chosen here, so that every worker takes the same kind."""
    return replace(config, training=replace(config.training, device=str(resolve_device(config.training.device))))


def episodes_of(config: AnyConfig, number: int) -> range:
    """The episodes (1, 2, …) of a round (1, 2, …)."""
    first = (number - 1) * config.round_size + 1
    return range(first, min(first + config.round_size, config.episodes + 1))


def _card(lesson: Lesson[P], config: AnyConfig, out: Path, number: int) -> Mapping[str, object]:
    episodes = episodes_of(config, number)[-1]
    steps = [step for episode in range(1, episodes + 1) for step in load_log(out, episode)]
    common = {"source": compact(asdict(config)), "episodes": episodes, "steps": len(steps), "transfer": []}
    return {**common, **lesson.describe(steps)}
