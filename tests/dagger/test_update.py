"""The loss against Eq. 2 by hand, and the update against a plain loop."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from iale.classifiers import _draws as draws
from iale.dagger._demonstrations import Demonstrations, concatenate, stack
from iale.dagger._update import demonstration_loss, update_policy
from iale.dagger.config import UpdateConfig
from iale.policies._network import policy_network
from iale.policies.iale import IalePolicy, random_policy
from iale.policies.state import StateConfig, encode, observe
from iale.seeding import Stream
from iale.testing import make_context

CPU = torch.device("cpu")


@pytest.mark.parametrize("weight", [None, 0.9, 0.25])
def test_loss_is_binary_cross_entropy_by_hand(weight: float | None) -> None:
    rng = np.random.default_rng(0)
    logits, targets = rng.normal(size=(3, 7)), rng.random((3, 7)) < 0.3
    total = 0.0
    for row, truth in zip(logits.tolist(), targets.tolist(), strict=True):
        for value, t in zip(row, truth, strict=True):
            rho = 1 / (1 + math.exp(-value))
            positive, negative = (1.0, 1.0) if weight is None else (weight, 1 - weight)
            total -= positive * t * math.log(rho) + negative * (1 - t) * math.log(1 - rho)
    found = demonstration_loss(torch.from_numpy(logits), torch.from_numpy(targets), weight)
    assert float(found) == pytest.approx(total / 3, rel=1e-12)
    if weight is None:
        rho_tensor = torch.sigmoid(torch.from_numpy(logits))
        reference = torch.nn.functional.binary_cross_entropy(
            rho_tensor, torch.from_numpy(targets).double(), reduction="sum"
        )
        assert float(found) == pytest.approx(float(reference) / 3, rel=1e-12)


def demonstrations(steps: int = 6) -> Demonstrations:
    pairs = []
    for seed in range(steps):
        given = make_context(n=8, num_classes=3, dim=4, labeled=5, passes=2, members=2, seed=seed)
        target = torch.zeros(8, dtype=torch.bool)
        target[given.candidates.probs.max(dim=1).values.argsort()[:2]] = True
        pairs.append((observe(given), target))
    return stack(pairs)


def fresh() -> IalePolicy:
    return random_policy(StateConfig(), 3, 4, Stream(0))


def test_the_papers_update_equals_a_plain_loop() -> None:
    config = UpdateConfig(policy_epochs=4, states_per_batch=4, permute=False)
    stream, shown = Stream(5), demonstrations()
    network = policy_network(StateConfig().width(3, 4), stream.child("init"))
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0)
    (key,) = draws.keys([stream.child("order").seed])
    for epoch in range(4):
        order = draws.permutation(draws.fold(key, epoch), 6)
        for batch in (order[:4], order[4:]):
            loss = torch.zeros(())
            for step in batch:
                one = shown.at(step[None])
                rho = torch.sigmoid(network(encode(one.states, StateConfig())))[0, :, 0]
                truth = one.targets[0].float()
                loss = loss - (truth * rho.log() + (1 - truth) * (1 - rho).log()).sum()
            optimizer.zero_grad()
            (loss / len(batch)).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
    found = update_policy(fresh(), shown, config, stream, CPU)
    for name, value in network.state_dict().items():
        torch.testing.assert_close(found.network.state_dict()[name], value, rtol=1e-4, atol=1e-6)


def test_an_update_learns_the_demonstrations_and_leaves_the_old_policy() -> None:
    old, shown = fresh(), demonstrations()
    before = {name: value.clone() for name, value in old.network.state_dict().items()}
    new = update_policy(old, shown, UpdateConfig(policy_epochs=200), Stream(1), CPU)
    with torch.no_grad():
        losses = [
            float(
                demonstration_loss(policy.network(encode(shown.states, policy.state)).squeeze(-1), shown.targets, None)
            )
            for policy in (old, new)
        ]
    assert losses[1] < 0.8 * losses[0]
    assert all(torch.equal(value, before[name]) for name, value in old.network.state_dict().items())


def test_a_permuting_update_does_not_depend_on_the_name_of_a_class() -> None:
    """Renaming units and classes of every state changes what is shown, but hardly what is learned."""
    new = update_policy(fresh(), demonstrations(40), UpdateConfig(policy_epochs=60), Stream(1), CPU)
    plain = update_policy(fresh(), demonstrations(40), UpdateConfig(policy_epochs=60, permute=False), Stream(1), CPU)

    def spread(policy: IalePolicy) -> float:
        from iale.dagger._update import permute

        states = demonstrations(40).states
        scores = []
        for seed in range(6):
            generator = torch.Generator().manual_seed(seed)
            units = torch.rand(40, 4, generator=generator).argsort(dim=1)
            classes = torch.rand(40, 3, generator=generator).argsort(dim=1)
            with torch.no_grad():
                scores.append(policy.network(encode(permute(states, units, classes), policy.state)).squeeze(-1))
        stacked = torch.stack(scores)
        return float(stacked.std(dim=0).mean() / stacked.std())

    assert spread(new) < 0.7 * spread(plain)


def test_the_same_stream_gives_the_same_policy_and_warm_start_goes_on() -> None:
    shown, config = demonstrations(), UpdateConfig(policy_epochs=2)
    one, two = (update_policy(fresh(), shown, config, Stream(1), CPU) for _ in range(2))
    assert all(torch.equal(v, two.network.state_dict()[k]) for k, v in one.network.state_dict().items())
    warm = UpdateConfig(policy_epochs=1, policy_learning_rate=1e-9, warm_start=True)
    kept = update_policy(one, shown, warm, Stream(2), CPU)
    for name, value in one.network.state_dict().items():
        torch.testing.assert_close(kept.network.state_dict()[name], value, rtol=1e-5, atol=1e-6)


def test_concatenated_demonstrations_keep_their_order() -> None:
    both = concatenate([demonstrations(2), demonstrations(3)])
    assert len(both) == 5
    assert torch.equal(both.targets[2:], demonstrations(3).targets)
