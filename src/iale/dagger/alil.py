"""Training of an ALIL policy (Liu et al. 2018): one pass over all demonstrations after each episode."""

from __future__ import annotations

import copy
import functools
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from iale.classifiers import _draws as draws
from iale.classifiers.base import resolve_device
from iale.dagger._alil_episode import AlilEpisode, run_alil_episode
from iale.dagger._demonstrations import load_tensors
from iale.dagger._episode import open_episode
from iale.dagger._rounds import claim, on_this_device, play_rounds, prepare
from iale.dagger._update import minimize
from iale.dagger.config import AlilConfig
from iale.policies.alil import AlilPolicy, random_alil_policy
from iale.seeding import Stream


def train_alil(config: AlilConfig, out: Path, *, progress: bool = True) -> Path:
    """Trains an ALIL policy, or goes on where a stopped run was.

    Args:
        config: everything that decides the result.
        out: the run's folder, laid out as `demonstrations` draws it, with a round for each episode.
        progress: show a bar of episodes on stderr.

    Returns:
        The folder of the trained policy, ``out / "policy"``.

    Raises:
        ConfigError: the sizes do not fit the source, or the folder holds a run with another configuration.
    """
    placed = on_this_device(config)
    data, classifier = prepare(placed)
    open_episode(placed, data, classifier, 1)  # what cannot be started raises before anything is written
    claim(config, out)
    stream = Stream(config.seed).child("policy")
    policy = random_alil_policy(
        config.pooling, config.choices, classifier.num_classes, classifier.embedding_dim, stream
    )
    return play_rounds(
        config,
        out,
        policy,
        functools.partial(_play, placed),
        functools.partial(_update, placed, out),
        _actors,
        progress=progress,
    )


def update_alil(
    policy: AlilPolicy, rows: Tensor, targets: Tensor, config: AlilConfig, stream: Stream, device: torch.device
) -> AlilPolicy:
    """A new policy that goes on from the weights of ``policy``, which is not changed.

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

    minimize(
        loss,
        network,
        len(targets),
        draws.keys([stream.child("order").seed])[0],
        epochs=config.policy_epochs,
        states_per_batch=config.states_per_batch,
        learning_rate=config.policy_learning_rate,
    )
    return replace(policy, network=network.cpu().eval())


def _play(config: AlilConfig, policy: AlilPolicy, numbers: tuple[int, ...]) -> list[tuple[int, AlilEpisode]]:
    return [(number, run_alil_episode(config, *prepare(config), policy, number)) for number in numbers]


def _update(config: AlilConfig, out: Path, policy: AlilPolicy, number: int) -> AlilPolicy:
    episodes = [load_tensors(out, episode) for episode in range(1, number + 1)]
    rows, targets = (torch.cat([episode[name] for episode in episodes]) for name in ("rows", "targets"))
    stream = Stream(config.seed).child("update", number)
    return update_alil(policy, rows, targets, config, stream, resolve_device(config.training.device))


def _actors(steps: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """In how many steps the expert and the policy acted."""
    return {"acted": {actor: sum(step["actor"] == actor for step in steps) for actor in ("expert", "policy")}}
