"""Fitting the policy to the demonstrations: binary cross entropy (Eq. 2) with Adam.

Legend of dimensions: S states, n candidates, C classes, D embedding.
"""

from __future__ import annotations

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn

from iale.classifiers import _draws as draws
from iale.dagger._common import AdamConfig
from iale.dagger._demonstrations import Demonstrations
from iale.dagger.config import UpdateConfig
from iale.policies._symmetry import permute
from iale.policies.iale import IalePolicy, random_policy
from iale.policies.state import encode
from iale.seeding import Stream


def demonstration_loss(logits: Tensor, targets: Tensor, positive_weight: float | None) -> Tensor:
    """The loss of Eq. 2, summed over the candidates of a state and averaged over states.

    Args:
        logits: float [S, n]; the desirability ρ is their sigmoid.
        targets: bool [S, n], t of Eq. 2.
        positive_weight: see `UpdateConfig`.
    """
    # Eq. 2 prints t log ρ − (1 − t) log(1 − ρ), which no ρ minimizes. This is −[t log ρ + (1 − t) log(1 − ρ)].
    truth = targets.to(logits.dtype)
    weight = None
    if positive_weight is not None:
        weight = truth * positive_weight + (1 - truth) * (1 - positive_weight)
    total = torch.nn.functional.binary_cross_entropy_with_logits(logits, truth, weight, reduction="sum")
    return total / len(logits)


def update_policy(
    policy: IalePolicy, demonstrations: Demonstrations, config: UpdateConfig, stream: Stream, device: torch.device
) -> IalePolicy:
    """A new policy fitted to all demonstrations; ``policy`` is not changed.

    Args:
        policy: gives the state and, with a warm start, the first weights.
        demonstrations: of all episodes so far.
        config: epochs, learning rate, weights of the loss.
        stream: of the initial weights and the order of states.
        device: where to compute.
    """
    fresh = random_policy(policy.state, policy.num_classes, policy.embedding_dim, stream.child("init"))
    network = copy.deepcopy(policy.network if config.warm_start else fresh.network).to(device)
    order_key, unit_key, class_key = draws.keys([stream.child(name).seed for name in ("order", "units", "classes")])

    def loss(epoch: int, steps: Tensor) -> Tensor:
        batch = demonstrations.at(steps)
        states = batch.states
        if config.permute:
            # Keyed by epoch and state, so a state's orders do not depend on the batch it falls into.
            units = draws.permutation(draws.fold(draws.fold(unit_key, epoch), steps.int()), policy.embedding_dim)
            classes = draws.permutation(draws.fold(draws.fold(class_key, epoch), steps.int()), policy.num_classes)
            states = permute(states, units, classes)
        rows = encode(states, policy.state).to(device)  # [steps, n, width]
        logits = network(rows).squeeze(-1)  # [steps, n]
        return demonstration_loss(logits, batch.targets.to(device), config.positive_weight)

    minimize(loss, network, len(demonstrations), order_key, config)
    return IalePolicy(network.cpu().eval(), policy.state, policy.num_classes, policy.embedding_dim)


def minimize(
    loss: Callable[[int, Tensor], Tensor], network: nn.Module, count: int, key: Tensor, config: AdamConfig
) -> None:
    """Fits a policy's network with Adam, which starts afresh.

    Args:
        loss: of an epoch (0, 1, …) and a batch's states, int64 positions.
        network: changed in place.
        count: number of states; every epoch shows each once.
        key: of the order of states.
        config: epochs, learning rate, batch.
    """
    optimizer = torch.optim.Adam(network.parameters(), lr=config.policy_learning_rate, fused=True)
    for epoch in range(config.policy_epochs):
        order = draws.permutation(draws.fold(key, epoch), count)
        for steps in torch.split(order, config.states_per_batch):
            value = loss(epoch, steps)
            optimizer.zero_grad(set_to_none=True)
            value.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
