"""Training of an ALIL policy (Liu et al. 2018), the learned baseline of the paper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from iale.classifiers.base import resolve_device
from iale.dagger._alil_episode import AlilEpisode, run_alil_episode
from iale.dagger._cost import tell_cost
from iale.dagger._demonstrations import StepRecord, load_tensors
from iale.dagger._episode import open_episode
from iale.dagger._rounds import Workers, check_same, claim, on_this_device, play_rounds, prepare, prepare_for
from iale.dagger._update import update_alil
from iale.dagger.config import AlilConfig
from iale.data._made_from import DataFingerprint
from iale.policies.alil import AlilPolicy, random_alil_policy
from iale.seeding import Stream


@dataclass(frozen=True)
class _AlilLesson:
    """A `Lesson` for `AlilPolicy`: episodes one after another, and one pass over all demonstrations after each."""

    config: AlilConfig
    source: DataFingerprint

    def play(self, policy: AlilPolicy, numbers: tuple[int, ...]) -> list[tuple[int, AlilEpisode]]:
        data, classifier = prepare_for(self.config, self.source)
        episodes = [(number, run_alil_episode(self.config, data, classifier, policy, number)) for number in numbers]
        check_same(self.config, data)
        return episodes

    def update(self, policy: AlilPolicy, out: Path, number: int) -> AlilPolicy:
        episodes = [load_tensors(out, episode) for episode in range(1, number + 1)]
        rows, targets = (torch.cat([episode[name] for episode in episodes]) for name in ("rows", "targets"))
        stream, device = Stream(self.config.seed).child("update", number), resolve_device(self.config.training.device)
        return update_alil(policy, rows, targets, self.config, stream, device)

    def describe(self, steps: Sequence[StepRecord]) -> Mapping[str, object]:
        return {"acted": {actor: sum(step["actor"] == actor for step in steps) for actor in ("expert", "policy")}}


def train_alil(config: AlilConfig, out: Path, *, progress: bool = True) -> Path:
    """Trains an ALIL policy, or resumes a stopped run; returns the policy's folder, ``out / "policy"``.

    Args:
        config: everything that decides the result.
        out: the run's folder: the configuration, ``episodes/``, ``rounds/`` and, at the end, ``policy/``.
        progress: tell what is left, and show a bar of episodes, on stderr.

    Raises:
        ConfigError: the sizes do not fit the source, or the folder holds a run with another configuration.
        DataError: the folder holds a run that learned from other data.
    """
    placed = on_this_device(config)
    data, classifier, source = prepare(placed)
    open_episode(placed, data, classifier, 1)  # what cannot be started raises before anything is written
    claim(config, out, source)
    if progress:
        tell_cost(placed, data, classifier, {}, out)
    stream = Stream(config.seed).child("policy")
    classes, width = classifier.num_classes, classifier.embedding_dim
    policy = random_alil_policy(config.pooling, config.choices, classes, width, stream)
    return play_rounds(_AlilLesson(placed, source), policy, config, out, Workers(progress=progress))
