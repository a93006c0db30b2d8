"""The lesson of ALIL: episodes of one label at a time, and one pass over all demonstrations after each."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from iale.classifiers import _draws as draws
from iale.classifiers.base import resolve_device
from iale.dagger._alil_episode import AlilEpisode, run_alil_episode
from iale.dagger._demonstrations import StepRecord, load_tensors
from iale.dagger._rounds import prepare
from iale.dagger._update import minimize
from iale.dagger.config import AlilConfig
from iale.policies.alil import AlilPolicy
from iale.seeding import Stream


@dataclass(frozen=True)
class AlilLesson:
    """A `Lesson` for `AlilPolicy`, with a round for each episode.

    Attributes:
        config: everything that decides the result, with the device chosen.
    """

    config: AlilConfig

    def play(self, policy: AlilPolicy, numbers: tuple[int, ...]) -> list[tuple[int, AlilEpisode]]:
        """Plays episodes one after another."""
        data, classifier = prepare(self.config)
        return [(number, run_alil_episode(self.config, data, classifier, policy, number)) for number in numbers]

    def update(self, policy: AlilPolicy, out: Path, number: int) -> AlilPolicy:
        """The policy trained further on the demonstrations of all episodes so far."""
        episodes = [load_tensors(out, episode) for episode in range(1, number + 1)]
        rows, targets = (torch.cat([episode[name] for episode in episodes]) for name in ("rows", "targets"))
        device = resolve_device(self.config.training.device)
        stream = Stream(self.config.seed).child("update", number)
        return update_alil(policy, rows, targets, self.config, stream, device)

    def describe(self, steps: Sequence[StepRecord]) -> Mapping[str, object]:
        """In how many steps the expert and the policy acted."""
        return {"acted": {actor: sum(step["actor"] == actor for step in steps) for actor in ("expert", "policy")}}


def update_alil(
    policy: AlilPolicy, rows: Tensor, targets: Tensor, config: AlilConfig, stream: Stream, device: torch.device
) -> AlilPolicy:
    """A new policy that starts from the weights of ``policy``, which is not changed.

    The loss is the categorical cross entropy of the softmax over a state's candidates. Adam starts afresh.

    Args:
        policy: gives the first weights.
        rows: float32 [S, k, width], the states of all episodes so far.
        targets: int64 [S], positions in 0 … k−1.
        config: passes, learning rate, batch.
        stream: of the order of states.
        device: where to compute.
    """
    network = copy.deepcopy(policy.network).to(device)

    def loss(epoch: int, steps: Tensor) -> Tensor:
        logits = network(rows[steps].to(device)).squeeze(-1)  # [steps, k]
        return torch.nn.functional.cross_entropy(logits, targets[steps].to(device))

    minimize(loss, network, len(targets), draws.keys([stream.child("order").seed])[0], config)
    return replace(policy, network=network.cpu().eval())
