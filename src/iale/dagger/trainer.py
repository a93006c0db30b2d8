"""DAgger: rounds of episodes, an update of the policy after each, and files that a kill cannot spoil.

A round's episodes are a function of the configuration, the seed and the policy before them; the update is a function of
all demonstrations so far. What a killed run left whole is kept, the rest is made again, and so the same command always
ends with the same bytes.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path

import torch
from tqdm.auto import tqdm

from iale import storage
from iale.classifiers.base import resolve_device
from iale.classifiers.build import build_classifier
from iale.classifiers.torch_classifier import TorchClassifier
from iale.dagger.config import DaggerConfig
from iale.dagger.demonstrations import Episode, concatenate, has_episode, load_demonstrations, load_log, save_episode
from iale.dagger.episode import open_episode, run_episode
from iale.dagger.update import update_policy
from iale.data.catalog import load_dataset
from iale.data.samples import DataSet
from iale.errors import ConfigError
from iale.executors import Executor, as_completed, open_executor
from iale.policies.catalog import find_strategy
from iale.policies.iale import IalePolicy, random_policy
from iale.policies.saved import CARD, load_policy, save_policy
from iale.seeding import Stream
from iale.strategies.base import QueryStrategy


def train_policy(
    config: DaggerConfig,
    out: Path,
    *,
    workers: int = 1,
    executor: Executor | str | None = None,
    progress: bool = True,
) -> Path:
    """Trains a policy, or goes on where a stopped run was.

    Args:
        config: everything that decides the result.
        out: the run's folder, laid out as `demonstrations` draws it.
        workers: episodes of a round that are played side by side; the result does not depend on it.
        executor: where they are played, see `open_executor`; by default in this process for one worker, in a pool of
            processes for more. Only this process reads and writes ``out``.
        progress: show a bar of episodes on stderr.

    Returns:
        The folder of the trained policy, ``out / "policy"``.

    Raises:
        ConfigError: the sizes do not fit the source, or the folder holds a run with another configuration.
        ModelError: an expert needs what the classifier lacks.
    """
    placed = _on_this_device(config)
    data, classifier = prepare(placed)
    experts = {name: find_strategy(name) for name in config.experts}
    for expert in experts.values():
        expert.check(classifier)
    open_episode(placed, data, classifier, 1)  # what cannot be started raises before anything is written
    claim(config, out)
    policy = random_policy(
        config.state, classifier.num_classes, classifier.embedding_dim, Stream(config.seed).child("policy")
    )
    rounds = -(-config.episodes // config.round_size)
    workers = min(workers, config.round_size)
    with (
        open_executor(workers, executor) as opened,
        tqdm(total=config.episodes, unit="episode", desc="training the policy", disable=not progress) as bar,
    ):
        for number in range(1, rounds + 1):
            episodes = episodes_of(config, number)
            missing = [episode for episode in episodes if not has_episode(out, episode)]
            bar.update(len(episodes) - len(missing))
            job = functools.partial(play, placed, experts, policy)
            for number_played, episode in as_completed(opened, job, missing, ahead=workers):
                save_episode(episode, out, number_played)
                bar.update()
            folder = round_folder(out, number)
            if not (folder / CARD).is_file():
                save_policy(_update(placed, out, number, policy), folder, card(config, out, number))
            policy = load_policy(folder, IalePolicy)
    save_policy(policy, out / "policy", card(config, out, rounds))
    return out / "policy"


def claim(config: DaggerConfig, out: Path) -> None:
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
def prepare(config: DaggerConfig) -> tuple[DataSet, TorchClassifier]:
    """The source and the classifier, once per process."""
    data = load_dataset(config.dataset)
    return data, build_classifier(config.classifier, data.train, data.num_classes, config.training)


def episodes_of(config: DaggerConfig, number: int) -> range:
    """The episodes (1, 2, …) of a round (1, 2, …)."""
    first = (number - 1) * config.round_size + 1
    return range(first, min(first + config.round_size, config.episodes + 1))


def round_folder(out: Path, number: int) -> Path:
    """Where the policy after a round is kept."""
    return out / "rounds" / f"{number:04d}"


def play(
    config: DaggerConfig, experts: Mapping[str, QueryStrategy], policy: IalePolicy, number: int
) -> tuple[int, Episode]:
    """Plays one episode with the policy before it, on any machine: only the data set is read there."""
    return number, run_episode(config, *prepare(config), experts, policy, number)


def card(config: DaggerConfig, out: Path, rounds: int) -> dict[str, object]:
    """Where a policy comes from: its configuration and how often each expert was imitated."""
    episodes = min(rounds * config.round_size, config.episodes)
    steps = [step for episode in range(1, episodes + 1) for step in load_log(out, episode)]
    imitated = {name: sum(step["best"] == name for step in steps) for name in config.experts}
    return {"source": asdict(config), "episodes": episodes, "steps": len(steps), "imitated": imitated, "transfer": []}


def _on_this_device(config: DaggerConfig) -> DaggerConfig:
    """The configuration with the device chosen, so that every worker takes the same kind."""
    return replace(config, training=replace(config.training, device=str(resolve_device(config.training.device))))


def _update(config: DaggerConfig, out: Path, number: int, policy: IalePolicy) -> IalePolicy:
    last = episodes_of(config, number)[-1]
    demonstrations = concatenate([load_demonstrations(out, episode) for episode in range(1, last + 1)])
    stream = Stream(config.seed).child("update", number)
    device: torch.device = resolve_device(config.training.device)
    return update_policy(policy, demonstrations, config.update, stream, device)
