"""Fitting a policy to demonstrations with Adam: IALE by binary cross entropy (Eq. 2), ALIL by the categorical one.

Legend of dimensions: S states, n candidates (k in ALIL), C classes, D embedding.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor, nn

from iale.classifiers import _draws as draws
from iale.dagger._demonstrations import Demonstrations
from iale.dagger.config import AlilConfig, UpdateConfig
from iale.policies.alil import AlilPolicy
from iale.policies.iale import IalePolicy, random_policy
from iale.policies.state import State, encode
from iale.seeding import Stream


def demonstration_loss(logits: Tensor, targets: Tensor, positive_weight: float | None) -> Tensor:
    """The loss of Eq. 2, summed over the candidates of a state and averaged over states.

    ``logits`` [S, n] are those of the desirability ρ, ``targets`` (bool [S, n]) are t of Eq. 2.
    """
    # Eq. 2 prints t log ρ − (1 − t) log(1 − ρ), which no ρ minimizes. This is −[t log ρ + (1 − t) log(1 − ρ)].
    truth = targets.to(logits.dtype)
    weight = None
    if positive_weight is not None:
        weight = truth * positive_weight + (1 - truth) * (1 - positive_weight)
    total = torch.nn.functional.binary_cross_entropy_with_logits(logits, truth, weight, reduction="sum")
    return total / len(logits)


def permute(state: State, units: Tensor, classes: Tensor) -> State:
    """S states with the embedding's units (order int64 [S, D]) and the classes (order int64 [S, C]) in another order.

    A classifier with other initial weights might have produced any of these orders.
    """

    def rows(part: Tensor, order: Tensor) -> Tensor:
        return part.gather(-1, order.unsqueeze(1).expand(-1, part.shape[1], -1))

    return State(
        state.labeled_mean.gather(-1, units),
        state.label_distribution.gather(-1, classes),
        state.predicted_distribution.gather(-1, classes),
        rows(state.embeddings, units),
        rows(state.logits, classes),
    )


def update_policy(
    policy: IalePolicy, demonstrations: Demonstrations, config: UpdateConfig, stream: Stream, device: torch.device
) -> IalePolicy:
    """A new policy fitted to all demonstrations so far; ``policy`` gives the first weights only with a warm start."""
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

    _minimize(loss, network, len(demonstrations), order_key, config)
    return IalePolicy(network.cpu().eval(), policy.state, policy.num_classes, policy.embedding_dim)


def update_alil(
    policy: AlilPolicy, rows: Tensor, targets: Tensor, config: AlilConfig, stream: Stream, device: torch.device
) -> AlilPolicy:
    """A new policy that starts from the weights of ``policy``, fitted to ``rows`` [S, k, width] and ``targets`` [S].

    The loss is the categorical cross entropy of the softmax over a state's candidates.
    """
    network = copy.deepcopy(policy.network).to(device)

    def loss(epoch: int, steps: Tensor) -> Tensor:
        logits = network(rows[steps].to(device)).squeeze(-1)  # [steps, k]
        return torch.nn.functional.cross_entropy(logits, targets[steps].to(device))

    _minimize(loss, network, len(targets), draws.keys([stream.child("order").seed])[0], config)
    return replace(policy, network=network.cpu().eval())


def _minimize(
    loss: Callable[[int, Tensor], Tensor],
    network: nn.Module,
    size: int,
    key: Tensor,
    config: UpdateConfig | AlilConfig,
) -> None:
    """Fits ``network`` in place with Adam, which starts afresh; every epoch shows each of ``size`` states once.

    ``loss`` is that of an epoch (0, 1, …) and of the states at some positions; ``key`` draws the order of states.
    """
    optimizer = torch.optim.Adam(network.parameters(), lr=config.policy_learning_rate, fused=True)
    for epoch in range(config.policy_epochs):
        order = draws.permutation(draws.fold(key, epoch), size)
        for steps in torch.split(order, config.states_per_batch):
            value = loss(epoch, steps)
            optimizer.zero_grad(set_to_none=True)
            value.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
