"""DAgger: the policy of Algorithm 1, trained in rounds of episodes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from iale.classifiers.base import Classifier, resolve_device
from iale.classifiers.stacked.meeting import side_by_side
from iale.dagger._cost import tell_cost
from iale.dagger._demonstrations import Episode, StepRecord, concatenate, load_demonstrations
from iale.dagger._episode import open_episode, run_episode
from iale.dagger._rounds import (
    Workers,
    check_same,
    claim,
    episodes_of,
    on_this_device,
    play_rounds,
    prepare,
    prepare_for,
)
from iale.dagger._update import update_policy
from iale.dagger.config import DaggerConfig
from iale.data._made_from import DataFingerprint
from iale.executors import Executor
from iale.policies.catalog import find_strategy
from iale.policies.iale import IalePolicy, random_policy
from iale.seeding import Stream
from iale.strategies.base import QueryStrategy


@dataclass(frozen=True)
class _ImitationLesson:
    """A `Lesson` for `IalePolicy`, with the strategies to imitate by name."""

    config: DaggerConfig
    experts: Mapping[str, QueryStrategy]
    source: DataFingerprint

    def play(self, policy: IalePolicy, numbers: tuple[int, ...]) -> list[tuple[int, Episode]]:
        # The fits of several episodes are trained side by side. Only the data set is read from disk.
        data, classifier = prepare_for(self.config, self.source)

        def task(number: int) -> Callable[[Classifier], Episode]:
            return lambda shared: run_episode(self.config, data, shared, self.experts, policy, number)

        tasks = [task(number) for number in numbers]
        episodes = [tasks[0](classifier)] if len(tasks) == 1 else side_by_side(classifier, tasks)
        check_same(self.config, data)
        return list(zip(numbers, episodes, strict=True))

    def update(self, policy: IalePolicy, out: Path, number: int) -> IalePolicy:
        last = episodes_of(self.config, number)[-1]
        demonstrations = concatenate([load_demonstrations(out, episode) for episode in range(1, last + 1)])
        stream, device = Stream(self.config.seed).child("update", number), resolve_device(self.config.training.device)
        return update_policy(policy, demonstrations, self.config.update, stream, device)

    def describe(self, steps: Sequence[StepRecord]) -> Mapping[str, object]:
        return {"imitated": {name: sum(step["best"] == name for step in steps) for name in self.config.experts}}


def train_policy(
    config: DaggerConfig,
    out: Path,
    *,
    workers: int = 1,
    executor: Executor | str | None = None,
    together: int | None = None,
    progress: bool = True,
) -> Path:
    """Trains a policy, or resumes a stopped run; returns the policy's folder, ``out / "policy"``.

    Args:
        config: everything that decides the result.
        out: the run's folder: the configuration, ``episodes/``, ``rounds/`` and, at the end, ``policy/``.
        workers: episodes of a round that are played side by side; the result does not depend on it.
        executor: where they are played, see `open_executor`; by default in this process for one worker, in a pool of
            processes for more. Only this process reads and writes ``out``.
        together: episodes of a round that one worker plays side by side, their fits in one stack; the result is the
            same up to rounding. By default the worker's whole share on a GPU, and 1 on a CPU.
        progress: tell what is left, and show a bar of episodes, on stderr.

    Raises:
        ConfigError: the sizes do not fit the source, or the folder holds a run with another configuration.
        DataError: the folder holds a run that learned from other data.
        ModelError: an expert needs what the classifier lacks.
    """
    placed = on_this_device(config)
    data, classifier, source = prepare(placed)
    experts = {name: find_strategy(name) for name in config.experts}
    for expert in experts.values():
        expert.check(classifier)
    open_episode(placed, data, classifier, 1)  # what cannot be started raises before anything is written
    claim(config, out, source)
    if progress:
        tell_cost(placed, data, classifier, experts, out, workers)
    stream = Stream(config.seed).child("policy")
    policy = random_policy(config.state, classifier.num_classes, classifier.embedding_dim, stream)
    played_by = Workers(workers, executor, together, progress)
    return play_rounds(_ImitationLesson(placed, experts, source), policy, config, out, played_by)
