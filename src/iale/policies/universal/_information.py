"""BAIT's gain at its first step: what a label would tell about the weights of the last layer (see `Bait`)."""

from __future__ import annotations

import torch
from torch import Tensor

_WIDEST = 128  # directions of the embedding that are looked at
_SEEN = 256  # samples that show which directions these are


def information_gain(known: Tensor, rows: Tensor, seen: Tensor, logits: tuple[Tensor, Tensor], k: int) -> Tensor:
    """float64 [n]: c·w·zᵀM⁻¹FM⁻¹z / (1 + c·w·zᵀM⁻¹z), in at most 128 principal directions.

    Args:
        known: float32 [L, D], embeddings z of the labeled samples.
        rows: float32 [n, D], those of the candidates.
        seen: float32 [S, D], random ones of them; the first 256 show the principal directions.
        logits: of the labeled samples and of the candidates, float32 [L, C] and [n, C]; not calibrated.
        k: size of the batch.
    """
    directions = _directions(seen[:_SEEN]) if rows.shape[1] > _WIDEST else None
    held, z = (each if directions is None else each @ directions for each in (known, rows))
    total = len(known) + k
    labeled = held.double() * _root_weights(logits[0])[:, None]
    candidates = z.double() * _root_weights(logits[1])[:, None]
    present = labeled.T @ labeled
    whole = (candidates.T @ candidates + present) / (len(known) + len(rows))
    root = torch.linalg.cholesky(present / total + torch.eye(len(present), dtype=torch.float64))
    inverse = torch.cholesky_inverse(root)
    share = k / total
    turned = candidates @ inverse
    found = share * ((turned @ whole) * turned).sum(dim=1)
    return found / (1 + share * (turned * candidates).sum(dim=1))


def _root_weights(logits: Tensor) -> Tensor:
    """float64 [m]: √(p₁ (1 − p₁))."""
    probs = torch.softmax(logits.double(), dim=1)
    likely = probs.argmax(dim=1, keepdim=True)
    # 1 − p₁ as the sum of the others, which keeps the digits that the difference loses.
    return (probs.gather(1, likely)[:, 0] * probs.scatter(1, likely, 0.0).sum(dim=1)).sqrt()


def _directions(rows: Tensor) -> Tensor:
    """float32 [D, at most 128]: the principal directions of a few rows, orthonormal; their mean is not taken away."""
    exact = rows.double()
    values, vectors = torch.linalg.eigh(exact @ exact.T)
    kept = values[-_WIDEST:] > 1e-10 * values[-1]
    axes = vectors[:, -_WIDEST:][:, kept] / values[-_WIDEST:][kept].sqrt()
    found: Tensor = exact.T @ axes
    return found.float()
