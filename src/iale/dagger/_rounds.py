"""Rounds of episodes, an update of the policy after each, and files that a kill cannot spoil.

A round's episodes are a function of the configuration, the seed and the policy before them; the update is a function of
all demonstrations so far. What a killed run left whole is kept, the rest is made again, and so the same command always
ends with the same bytes.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, TypeVar

from tqdm.auto import tqdm

from iale import _storage as storage
from iale.classifiers.base import resolve_device
from iale.classifiers.build import build_classifier
from iale.classifiers.torch_classifier import TorchClassifier
from iale.dagger._demonstrations import Played, has_episode, load_log, save_episode
from iale.dagger.config import AlilConfig, DaggerConfig
from iale.data.catalog import load_dataset
from iale.data.samples import DataSet
from iale.errors import ConfigError
from iale.executors import Executor, as_completed, open_executor
from iale.policies.base import Policy
from iale.policies.saved import CARD, load_policy, save_policy

C = TypeVar("C", DaggerConfig, AlilConfig)
P = TypeVar("P", bound=Policy)


def play_rounds(
    config: DaggerConfig | AlilConfig,
    out: Path,
    policy: P,
    play: Callable[[P, tuple[int, ...]], Sequence[tuple[int, Played]]],
    update: Callable[[P, int], P],
    describe: Callable[[Sequence[dict[str, Any]]], dict[str, Any]],
    *,
    workers: int = 1,
    executor: Executor | str | None = None,
    together: int | None = None,
    progress: bool = True,
) -> Path:
    """Trains a policy, or goes on where a stopped run was.

    Args:
        config: everything that decides the result.
        out: the run's folder, laid out as `demonstrations` draws it and claimed.
        policy: untrained.
        play: plays the episodes of some numbers with a policy, on any machine; returns each number with its episode.
        update: makes the policy after a round of the policy before it and the round's number; it reads ``out``.
        describe: what the card says of the steps so far, as the logs tell them.
        workers: episodes of a round that are played side by side.
        executor: where they are played, see `open_executor`.
        together: episodes of one process whose fits are trained side by side; by default all of a worker's share of a
            round on a GPU, and 1 on a CPU, which gains nothing.
        progress: show a bar of episodes on stderr.

    Returns:
        The folder of the trained policy, ``out / "policy"``.
    """
    rounds = -(-config.episodes // config.round_size)
    workers = min(workers, config.round_size)
    on_cpu = resolve_device(config.training.device).type == "cpu"
    with (
        open_executor(workers, executor) as opened,
        tqdm(total=config.episodes, unit="episode", desc="training the policy", disable=not progress) as bar,
    ):
        for number in range(1, rounds + 1):
            episodes = episodes_of(config, number)
            missing = [episode for episode in episodes if not has_episode(out, episode)]
            bar.update(len(episodes) - len(missing))
            job = functools.partial(play, policy)
            size = together or (1 if on_cpu else -(-len(missing) // workers) or 1)
            groups = [tuple(missing[i : i + size]) for i in range(0, len(missing), size)]
            for played in as_completed(opened, job, groups, ahead=workers):
                for number_played, episode in played:
                    save_episode(episode, out, number_played)
                    bar.update()
            folder = round_folder(out, number)
            if not (folder / CARD).is_file():
                save_policy(update(policy, number), folder, _card(config, out, number, describe))
            policy = load_policy(folder, type(policy))
    save_policy(policy, out / "policy", _card(config, out, rounds, describe))
    return out / "policy"


def claim(config: DaggerConfig | AlilConfig, out: Path) -> None:
    """Writes the configuration to the folder; raises ConfigError where another run lives there.

    A run may be given more episodes: the ones it has are a prefix of the longer run, if its last round is full.
    """
    path, resolved = out / "config.json", asdict(config)
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
    storage.write_json(path, {"config": resolved})


@functools.lru_cache(maxsize=1)
def prepare(config: DaggerConfig | AlilConfig) -> tuple[DataSet, TorchClassifier]:
    """The source and the classifier, once per process."""
    data = load_dataset(config.dataset)
    return data, build_classifier(config.classifier, data.train, data.num_classes, config.training)


def on_this_device(config: C) -> C:
    """The configuration with the device chosen, so that every worker takes the same kind."""
    return replace(config, training=replace(config.training, device=str(resolve_device(config.training.device))))


def episodes_of(config: DaggerConfig | AlilConfig, number: int) -> range:
    """The episodes (1, 2, …) of a round (1, 2, …)."""
    first = (number - 1) * config.round_size + 1
    return range(first, min(first + config.round_size, config.episodes + 1))


def round_folder(out: Path, number: int) -> Path:
    """Where the policy after a round is kept."""
    return out / "rounds" / f"{number:04d}"


def _card(
    config: DaggerConfig | AlilConfig,
    out: Path,
    number: int,
    describe: Callable[[Sequence[dict[str, Any]]], dict[str, Any]],
) -> dict[str, Any]:
    """Where the policy after a round comes from."""
    episodes = episodes_of(config, number)[-1]
    steps = [step for episode in range(1, episodes + 1) for step in load_log(out, episode)]
    common = {"source": asdict(config), "episodes": episodes, "steps": len(steps), "transfer": []}
    return {**common, **describe(steps)}
