"""Learned herding: Uncertainty Herding, and whatever a plan changes in it.

    g_c = exp(a_c) · mean_j U_j exp(b_j) · max(K_cj − m_j, 0),   K = (1 − s) · K_geometry(f·δ) + s · K_embedding(f·δ′)

with preferences a, in which is BAIT's gain to a learned power, weights b, the bandwidth's factor f and the embedding's
share s. Where a, b and s are 0 and f is 1, it is Uncertainty Herding, to the last bit.
"""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from torch import Tensor

from iale.geometry.points import Points
from iale.policies.universal._network import Plan
from iale.policies.universal._scene import Scene
from iale.strategies._bandwidth import CLOSEST
from iale.strategies._calibrated import calibrated_uncertainty
from iale.strategies._herd import Herd, distinct, greedy
from iale.strategies._kernel import Kernel, MixedKernel
from iale.strategies.base import QueryContext


def learned_herding(context: QueryContext, herd: Herd, scene: Scene, plan: Plan, k: int) -> Tensor:
    """int64 [k]: positions of candidates, in the order of choice."""
    assert context.labeled_geometry is not None
    assert context.labeled is not None
    weights = calibrated_uncertainty(context, herd.at) * plan.log_weights.double().exp()
    scale, factor, share = plan.log_preference.double().exp(), math.exp(plan.log_bandwidth), float(plan.share)
    widths = [max(CLOSEST, factor * width) for width in scene.bandwidths.tolist()]
    embeddings, known = context.candidates.embeddings, context.labeled.embeddings
    if not embeddings.shape[1] or not share:
        kernel = Kernel(herd.rows[herd.first], widths[0])
        return greedy(herd, kernel, kernel.nearest(context.labeled_geometry), weights, k, scale)
    seen = embeddings[herd.at] + 0.0  # −0 becomes 0, so that equal rows have equal bytes
    first, group = distinct(torch.cat([herd.rows, seen], dim=1))
    mixed = MixedKernel(Kernel(herd.rows[first], widths[0]), Kernel(seen[first], widths[1]), share)
    covered = mixed.nearest(context.labeled_geometry, Points(known, torch.arange(len(known))))
    return greedy(replace(herd, first=first, group=group), mixed, covered, weights, k, scale)
