"""Batches of a state in order: which pairs matter, and how well scores tell them apart.

Legend of dimensions: S states, B batches of a state, R draws of labels.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import softplus


def pair_weights(values: Tensor) -> Tensor:
    """float32 [B, B]: how much it counts that batch a is scored above batch b; 0 unless a is worth more.

    It is the gap between their values, relative to the mean gap of the state, times signal / (signal + noise), with the
    gap squared as the signal, and as the noise the variance of the mean gap over draws of labels.

    Args:
        values: float32 [B, R].
    """
    gaps = values[:, None] - values[None]  # [B, B, R]
    mean = gaps.mean(dim=2)
    noise = gaps.var(dim=2) / values.shape[1] if values.shape[1] > 1 else torch.zeros_like(mean)
    sure = mean.square() / (mean.square() + noise).clamp(min=1e-20)
    return (mean / mean.abs().mean().clamp(min=1e-10)).clamp(min=0) * sure / len(values) ** 2


def ranking_loss(scores: Tensor, weights: Tensor) -> Tensor:
    """The mean over states of the logistic loss of pairs; scores [S, B], weights [S, B, B]."""
    return (softplus(scores[:, None] - scores[:, :, None]) * weights).sum(dim=(1, 2)).mean()


def rank_correlation(scores: Tensor, values: Tensor) -> float:
    """Spearman's, of [B] with [B]: ties in random order hardly occur; 0 if all are equal."""
    ranks = torch.stack([each.argsort().argsort().double() for each in (scores, values)])
    if not bool((scores != scores[0]).any()) or not bool((values != values[0]).any()):
        return 0.0
    return float(torch.corrcoef(ranks)[0, 1])
