"""The lesson of IALE: demonstrations of the best expert, and a policy fitted to all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from iale.classifiers.base import Classifier, resolve_device
from iale.classifiers.stacked.meeting import side_by_side
from iale.dagger._demonstrations import Episode, StepRecord, concatenate, load_demonstrations
from iale.dagger._episode import run_episode
from iale.dagger._rounds import episodes_of, prepare
from iale.dagger._update import update_policy
from iale.dagger.config import DaggerConfig
from iale.policies.iale import IalePolicy
from iale.seeding import Stream
from iale.strategies.base import QueryStrategy


@dataclass(frozen=True)
class ImitationLesson:
    """A `Lesson` for `IalePolicy`.

    Attributes:
        config: everything that decides the result, with the device chosen.
        experts: the strategies to imitate, by name.
    """

    config: DaggerConfig
    experts: Mapping[str, QueryStrategy]

    def play(self, policy: IalePolicy, numbers: tuple[int, ...]) -> list[tuple[int, Episode]]:
        """Plays episodes; the fits of several are trained side by side. Only the data set is read from disk."""
        data, classifier = prepare(self.config)

        def task(number: int) -> Callable[[Classifier], Episode]:
            return lambda shared: run_episode(self.config, data, shared, self.experts, policy, number)

        tasks = [task(number) for number in numbers]
        episodes = [tasks[0](classifier)] if len(tasks) == 1 else side_by_side(classifier, tasks)
        return list(zip(numbers, episodes, strict=True))

    def update(self, policy: IalePolicy, out: Path, number: int) -> IalePolicy:
        """The policy fitted to the demonstrations of all episodes so far (Algorithm 1, line 15)."""
        last = episodes_of(self.config, number)[-1]
        demonstrations = concatenate([load_demonstrations(out, episode) for episode in range(1, last + 1)])
        device = resolve_device(self.config.training.device)
        stream = Stream(self.config.seed).child("update", number)
        return update_policy(policy, demonstrations, self.config.update, stream, device)

    def describe(self, steps: Sequence[StepRecord]) -> Mapping[str, object]:
        """How often each expert was imitated."""
        return {"imitated": {name: sum(step["best"] == name for step in steps) for name in self.config.experts}}
