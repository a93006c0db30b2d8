"""Fitting the policy to the demonstrations: binary cross entropy (Eq. 2) with Adam."""

from __future__ import annotations

import copy

import torch
from torch import Tensor

from iale.classifiers import draws
from iale.dagger.config import UpdateConfig
from iale.dagger.demonstrations import Demonstrations
from iale.policies.iale import IalePolicy, random_policy
from iale.policies.state import encode, permute
from iale.seeding import Stream


def demonstration_loss(logits: Tensor, targets: Tensor, positive_weight: float | None) -> Tensor:
    """The loss of Eq. 2, summed over the candidates of a state and averaged over states.

    Args:
        logits: float [S, n]; the desirability ρ is their sigmoid.
        targets: bool [S, n].
        positive_weight: see `UpdateConfig`.
    """
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
    optimizer = torch.optim.Adam(network.parameters(), lr=config.policy_learning_rate, fused=True)
    order_key, unit_key, class_key = draws.keys([stream.child(name).seed for name in ("order", "units", "classes")])
    for epoch in range(config.policy_epochs):
        order = draws.permutation(draws.fold(order_key, epoch), len(demonstrations))
        for steps in torch.split(order, config.states_per_batch):
            batch = demonstrations.at(steps)
            states = batch.states
            if config.permute:
                units = draws.permutation(draws.fold(draws.fold(unit_key, epoch), steps.int()), policy.embedding_dim)
                classes = draws.permutation(draws.fold(draws.fold(class_key, epoch), steps.int()), policy.num_classes)
                states = permute(states, units, classes)
            rows = encode(states, policy.state).to(device)
            logits = network(rows).squeeze(-1)
            loss = demonstration_loss(logits, batch.targets.to(device), config.positive_weight)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
    return IalePolicy(network.cpu().eval(), policy.state, policy.num_classes, policy.embedding_dim)
