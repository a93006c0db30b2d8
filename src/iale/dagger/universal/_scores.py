"""How learned herding scores a batch: what it covers, as a function of the plan with gradients everywhere.

    score = log Σ_t exp(a_t) · Σ_j U_j exp(b_j) · max(K_tj − m_tj, 0) − log Σ_j U_j exp(b_j) (1 − m_0j)

over the samples t of the batch in turn, where m_t is what labeled samples and earlier ones cover. The greedy choice
raises this sum most at every step. So if the score ranks batches as they are worth, herding chooses good ones.

Legend of dimensions: S states, Q batches of T samples, M = Q·T, J candidates that are to be covered.
"""

from __future__ import annotations

import torch
from torch import Tensor

from iale.dagger.universal._examples import PlanExamples
from iale.policies.universal._network import Plan, UniversalNetwork


def coverage_scores(network: UniversalNetwork, examples: PlanExamples) -> Tensor:
    """float32 [S, Q]."""
    chosen = examples.chosen.float()
    rows = torch.cat([chosen, examples.rows.float()], dim=1)
    plan = network.plan(rows, examples.context)
    preference, weights = plan.log_preference[:, : chosen.shape[1]], plan.log_weights[:, chosen.shape[1] :]
    kernel = _kernel(examples.near.float(), plan)  # [S, M, J]
    # The nearest in a mix of two kernels is at most the mix of the nearest ones.
    before = _kernel(examples.labeled[:, :, None], plan)  # [S, 1, J]
    sizes = len(chosen), examples.weights.shape[1], -1
    turns = torch.cummax(kernel.view(*sizes, kernel.shape[2]), dim=2).values  # [S, Q, T, J]
    after = torch.maximum(turns, before[:, None])
    gains = after - torch.cat([before[:, None].expand_as(after[:, :, :1]), after[:, :, :-1]], dim=2)
    weighted = examples.uncertainty * weights.exp()
    each = torch.einsum("sqtj,sj->sqt", gains, weighted) * preference.exp().view(sizes)
    open_ = (weighted * (1 - before[:, 0])).sum(dim=1, keepdim=True)
    return (each.sum(dim=2) + 1e-6 * open_).clamp(min=1e-12).log() - open_.clamp(min=1e-12).log()


def _kernel(near: Tensor, plan: Plan) -> Tensor:
    """[S, a, J] from squared distances [S, 2, a, J]."""
    both = torch.exp(-near / (2 * plan.log_bandwidth).exp()[:, None, None, None])
    return both[:, 0] + plan.share[:, None, None] * (both[:, 1] - both[:, 0])
