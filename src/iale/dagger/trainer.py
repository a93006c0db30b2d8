"""DAgger: the policy of Algorithm 1, trained in rounds of episodes."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from iale.classifiers.base import Classifier, resolve_device
from iale.classifiers.stacked.meeting import side_by_side
from iale.dagger._demonstrations import Episode, concatenate, load_demonstrations
from iale.dagger._episode import open_episode, run_episode
from iale.dagger._rounds import claim, episodes_of, on_this_device, play_rounds, prepare
from iale.dagger._update import update_policy
from iale.dagger.config import DaggerConfig
from iale.executors import Executor
from iale.policies.catalog import find_strategy
from iale.policies.iale import IalePolicy, random_policy
from iale.seeding import Stream
from iale.strategies.base import QueryStrategy


def train_policy(
    config: DaggerConfig,
    out: Path,
    *,
    workers: int = 1,
    executor: Executor | str | None = None,
    together: int | None = None,
    progress: bool = True,
) -> Path:
    """Trains a policy, or goes on where a stopped run was.

    Args:
        config: everything that decides the result.
        out: the run's folder, laid out as `demonstrations` draws it.
        workers: episodes of a round that are played side by side; the result does not depend on it.
        executor: where they are played, see `open_executor`; by default in this process for one worker, in a pool of
            processes for more. Only this process reads and writes ``out``.
        together: episodes of a round that one worker plays side by side, their fits in one stack; the result is the
            same up to rounding. By default all of its share on a GPU, and 1 on a CPU.
        progress: show a bar of episodes on stderr.

    Returns:
        The folder of the trained policy, ``out / "policy"``.

    Raises:
        ConfigError: the sizes do not fit the source, or the folder holds a run with another configuration.
        ModelError: an expert needs what the classifier lacks.
    """
    placed = on_this_device(config)
    data, classifier = prepare(placed)
    experts = {name: find_strategy(name) for name in config.experts}
    for expert in experts.values():
        expert.check(classifier)
    open_episode(placed, data, classifier, 1)  # what cannot be started raises before anything is written
    claim(config, out)
    policy = random_policy(
        config.state, classifier.num_classes, classifier.embedding_dim, Stream(config.seed).child("policy")
    )
    return play_rounds(
        config,
        out,
        policy,
        functools.partial(play, placed, experts),
        functools.partial(_update, placed, out),
        functools.partial(_imitated, config.experts),
        workers=workers,
        executor=executor,
        together=together,
        progress=progress,
    )


def play(
    config: DaggerConfig, experts: Mapping[str, QueryStrategy], policy: IalePolicy, numbers: tuple[int, ...]
) -> list[tuple[int, Episode]]:
    """Plays episodes with the policy before them, on any machine: only the data set is read there.

    The fits of several are trained side by side.
    """
    data, classifier = prepare(config)

    def task(number: int) -> Callable[[Classifier], Episode]:
        return lambda shared: run_episode(config, data, shared, experts, policy, number)

    tasks = [task(number) for number in numbers]
    episodes = [tasks[0](classifier)] if len(tasks) == 1 else side_by_side(classifier, tasks)
    return list(zip(numbers, episodes, strict=True))


def _update(config: DaggerConfig, out: Path, policy: IalePolicy, number: int) -> IalePolicy:
    last = episodes_of(config, number)[-1]
    demonstrations = concatenate([load_demonstrations(out, episode) for episode in range(1, last + 1)])
    stream = Stream(config.seed).child("update", number)
    return update_policy(policy, demonstrations, config.update, stream, resolve_device(config.training.device))


def _imitated(experts: Sequence[str], steps: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """How often each expert was imitated."""
    return {"imitated": {name: sum(step["best"] == name for step in steps) for name in experts}}
