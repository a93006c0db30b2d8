"""Learned herding on small pools: all kernel values at once, so that gains have gradients.

Legend of dimensions: n candidates, c of them may be chosen, j of them are to be covered.
"""

from __future__ import annotations

import torch
from numpy.random import Generator
from torch import Tensor

from iale.policies.universal._network import Plan, UniversalNetwork
from iale.policies.universal._scene import Scene
from iale.policies.universal._space import Space, squares

_NOISE = (1.0, 0.7, 0.4)  # standard deviations of log weights, log preferences, and log bandwidth


def mixed(
    plan: Plan, spaces: tuple[Space, Space], some: tuple[Tensor, Tensor], others: tuple[Tensor, Tensor]
) -> Tensor:
    """float32 [a, b]: the kernel of a plan, of unit rows in the two ``spaces`` with others."""
    parts = []
    for space, one, other in zip(spaces, some, others, strict=True):
        parts.append(torch.exp(-squares(one, other) / (space.bandwidth * plan.log_bandwidth.exp()) ** 2))
    return parts[0] + plan.share * (parts[1] - parts[0])


def coverage(plan: Plan, spaces: tuple[Space, Space], rows: tuple[Tensor, Tensor]) -> Tensor:
    """float32 [a]: how much of unit rows the labeled samples cover."""
    if not len(spaces[0].labeled):
        return torch.zeros(len(rows[0]))
    return mixed(plan, spaces, rows, (spaces[0].labeled, spaces[1].labeled)).amax(dim=1)


@torch.no_grad()
def planned_batch(network: UniversalNetwork, scene: Scene, k: int, rng: Generator, noise: float = 0.0) -> Tensor:
    """int64 [k]: what the network's plan chooses greedily among the candidates of a scene, with noise in the plan."""
    plan = _noisy(network.plan(scene.rows, scene.context), rng, noise)
    spaces, rows = scene.spaces, (scene.spaces[0].rows, scene.spaces[1].rows)
    kernel, covered = mixed(plan, spaces, rows, rows), coverage(plan, spaces, rows)
    weights, preference = scene.uncertainty * plan.log_weights.exp(), plan.log_preference.exp()
    chosen: list[int] = []
    for _ in range(k):
        gains = ((kernel - covered).relu_() @ weights).mul_(preference)
        gains[chosen] = -1
        chosen.append(int(gains.argmax()))
        covered = torch.maximum(covered, kernel[chosen[-1]])
    return torch.tensor(chosen)


def _noisy(plan: Plan, rng: Generator, noise: float) -> Plan:
    if not noise:
        return plan
    n = len(plan.log_weights)
    drawn = torch.from_numpy(rng.standard_normal((2, n))).float() * noise
    return Plan(
        plan.log_weights + _NOISE[0] * drawn[0],
        plan.log_preference + _NOISE[1] * drawn[1],
        plan.log_bandwidth + _NOISE[2] * noise * float(rng.standard_normal()),
        (plan.share + float(rng.uniform(-1, 1))).clamp(0, 1),
    )
