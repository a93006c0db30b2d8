"""The networks of a policy learn from examples, until tasks that are set apart say that it gets worse."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import TypeVar

import torch
from torch import Tensor, nn

from iale.dagger.universal._examples import PlanExamples, ValueExamples
from iale.dagger.universal._ranking import rank_correlation, ranking_loss
from iale.dagger.universal._scores import coverage_scores
from iale.dagger.universal.config import UniversalFitConfig
from iale.policies.universal._network import UniversalNetwork
from iale.policies.universal._scene import CONTEXT_FEATURES
from iale.seeding import Stream

E = TypeVar("E", ValueExamples, PlanExamples)

_TOGETHER = 32  # states in a step
_SHARPNESS = 5.0  # of the scores of learned herding, at the start
_UNREAD = 1e9  # a standard deviation that hides a feature


@dataclass(frozen=True)
class Fitted:
    """How well something was learned, on the tasks that were set apart.

    Attributes:
        before: the mean rank correlation within states before learning.
        after: after it.
        loss_before: the ranking loss before learning; of a plan, that with closed gates and the sharpness learned.
        loss_after: after it.
        epochs: after how many passes it was best; 0 keeps what there was.
    """

    before: float
    after: float
    loss_before: float
    loss_after: float
    epochs: int


def standardize(network: UniversalNetwork, values: ValueExamples, plans: PlanExamples | None) -> None:
    """Sets the means and standard deviations of all features to those of the examples; without plans, not of rows.

    The size of the pool is hidden: all pools of tasks are small, and nobody knows what to make of larger ones.
    """
    every = {"context": values.context, "batch": values.features.flatten(0, 1)}
    if plans is not None:
        every["row"] = plans.rows.float().flatten(0, 1)
    for name, rows in every.items():
        getattr(network, f"{name}_mean").copy_(rows.mean(dim=0))
        getattr(network, f"{name}_std").copy_(rows.std(dim=0).clamp(min=1e-3))
    network.context_std[CONTEXT_FEATURES.index("pool")] = _UNREAD


def fit_value(
    network: UniversalNetwork, learned: ValueExamples, apart: ValueExamples, config: UniversalFitConfig, stream: Stream
) -> Fitted:
    """Fits the value of a batch."""

    def scores(examples: ValueExamples) -> Tensor:
        return network.value(examples.features, examples.context[:, None].expand(*examples.features.shape[:2], -1))

    groups = [{"params": [*network._batch.parameters()], "lr": config.learning_rate}]
    return _descend(network, scores, learned, apart, groups, config, stream)


def fit_plan(
    network: UniversalNetwork, learned: PlanExamples, apart: PlanExamples, config: UniversalFitConfig, stream: Stream
) -> Fitted:
    """Fits the plan of learned herding. If closed gates are better on the tasks set apart, they are closed again."""
    sharpness = nn.Parameter(torch.tensor(_SHARPNESS).log())

    def scores(examples: PlanExamples) -> Tensor:
        return sharpness.exp() * coverage_scores(network, examples)

    weights = [*network._candidate.parameters(), *network._whole.parameters()]
    groups = [
        {"params": weights, "lr": config.learning_rate},
        {"params": [network.gates, sharpness], "lr": config.gate_rate, "weight_decay": 0.0},
    ]
    fitted = _descend(network, scores, learned, apart, groups, config, stream)
    gates = network.gates.detach().clone()
    with torch.no_grad():
        network.gates.zero_()
        closed, correlation = _judge(scores, apart)  # with the sharpness that was learned: that alone is no merit
        if closed <= fitted.loss_after:
            return replace(fitted, loss_before=closed, loss_after=closed, after=correlation, epochs=0)
        network.gates.copy_(gates)
    return replace(fitted, loss_before=closed)


def _descend(
    network: UniversalNetwork,
    scores: Callable[[E], Tensor],
    learned: E,
    apart: E,
    groups: list[dict[str, object]],
    config: UniversalFitConfig,
    stream: Stream,
) -> Fitted:
    """Adam on the ranking loss; the network ends with the weights that were best on ``apart``."""
    optimizer = torch.optim.Adam(groups, weight_decay=config.decay)
    loss, before = _judge(scores, apart)
    best, start = (loss, before, 0, deepcopy(network.state_dict())), loss
    rng = stream.numpy()
    for epoch in range(1, config.epochs + 1):
        for rows in torch.split(torch.from_numpy(rng.permutation(len(learned))), _TOGETHER):
            part = learned.at(rows)
            optimizer.zero_grad()
            ranking_loss(scores(part), part.weights).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        loss, after = _judge(scores, apart)
        if loss < best[0]:
            best = (loss, after, epoch, deepcopy(network.state_dict()))
        if epoch - best[2] >= config.patience:
            break
    network.load_state_dict(best[3])
    return Fitted(before, best[1], start, best[0], best[2])


@torch.no_grad()
def _judge(scores: Callable[[E], Tensor], examples: E) -> tuple[float, float]:
    """The loss, and the mean rank correlation within states."""
    losses, correlations = [], []
    for rows in torch.split(torch.arange(len(examples)), _TOGETHER):
        part = examples.at(rows)
        found = scores(part)
        losses.append(float(ranking_loss(found, part.weights)) * len(rows))
        correlations += [rank_correlation(own, said) for own, said in zip(found, part.values, strict=True)]
    return sum(losses) / len(examples), sum(correlations) / len(examples)
