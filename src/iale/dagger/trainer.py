"""DAgger: the policy of Algorithm 1, trained in rounds of episodes."""

from __future__ import annotations

from pathlib import Path

from iale.dagger._episode import open_episode
from iale.dagger._imitation import ImitationLesson
from iale.dagger._lesson import Workers
from iale.dagger._rounds import claim, on_this_device, play_rounds, prepare
from iale.dagger.config import DaggerConfig
from iale.executors import Executor
from iale.policies.catalog import find_strategy
from iale.policies.iale import random_policy
from iale.seeding import Stream


def train_policy(
    config: DaggerConfig,
    out: Path,
    *,
    workers: int = 1,
    executor: Executor | str | None = None,
    together: int | None = None,
    progress: bool = True,
) -> Path:
    """Trains a policy, or resumes a stopped run.

    Args:
        config: everything that decides the result.
        out: the run's folder: the configuration, ``episodes/``, ``rounds/`` and, at the end, ``policy/``.
        workers: episodes of a round that are played side by side; the result does not depend on it.
        executor: where they are played, see `open_executor`; by default in this process for one worker, in a pool of
            processes for more. Only this process reads and writes ``out``.
        together: episodes of a round that one worker plays side by side, their fits in one stack; the result is the
            same up to rounding. By default the worker's whole share on a GPU, and 1 on a CPU.
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
    stream = Stream(config.seed).child("policy")
    policy = random_policy(config.state, classifier.num_classes, classifier.embedding_dim, stream)
    lesson = ImitationLesson(placed, experts)
    return play_rounds(lesson, policy, config, out, Workers(workers, executor, together, progress))
