"""BADGE: k-means++ sampling of gradient embeddings (Ash et al. 2020, Algorithm 1).

The embeddings g = a ⊗ h (see `_gradient`) have C·D numbers each and are never built. Their distances follow from the
factors: (a_i ⊗ h_i)·(a_j ⊗ h_j) = (a_i·a_j)(h_i·h_j), and so
‖g_i − g_j‖² = ‖a_i‖²‖h_i‖² + ‖a_j‖²‖h_j‖² − 2 (a_i·a_j)(h_i·h_j).
Shapes: n candidates, C classes, D embedding.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from iale.errors import QueryError
from iale.strategies._gradient import Powers, residuals
from iale.strategies._rows import rows_at_once
from iale.strategies.base import QueryContext, QueryStrategy

_ROWS = 4096  # rows raised to float64 at a time, or fewer if they are wide
_KEPT = 1 << 28  # bytes of float64 residuals that are kept in memory; those of further rows are computed in each pass
_NEAR = 1e-4  # share of ‖g_i‖² + ‖g_j‖² below which the three terms cancel; then differences are used


class Badge(QueryStrategy):
    """k candidates by k-means++ sampling in the space of gradient embeddings, starting with the largest gradient.

    The draws are defined exactly, so that a slow reference can repeat them. Each of the k steps gives every candidate a
    weight w_i ≥ 0 in float64 and takes one number v = ``rng.random()``. With S the cumulative sums of w in order of
    position, it chooses the first position with S_i > v · S_n.

    - Step 1: w_i = 1 if ‖g_i‖ is the largest, else 0. (The paper describes k-means++ seeding, whose first center is
      uniform. The authors' code, which made the published figures, takes the largest norm.)
    - Later steps: w_i is the squared distance of g_i to the nearest chosen gradient, and 0 for chosen candidates.
    - If all weights are 0: w_i = 1 for candidates that have not been chosen.

    All centers are candidates, and no candidate is chosen twice. A query takes O(k·n·(C + D)) time. Embeddings may be
    on disk behind a memory map. Memory is about 100·n bytes, blocks of 32 MiB, and the smaller of 8·n·C bytes and 256
    MiB; rows beyond these 256 MiB take about three times as long.
    """

    name: ClassVar[str] = "badge"
    reads_embeddings: ClassVar[bool] = True

    def select(self, context: QueryContext, k: int, *, rng: np.random.Generator) -> Tensor:
        """int64 [k], in the order of the draws; raises QueryError if an output is not finite."""
        gradients = _Gradients(context.candidates.logits, context.candidates.embeddings)
        norms = gradients.norms
        # One sum finds every bad value: a sum with a NaN or an infinity is never finite.
        if not bool(torch.isfinite(norms.sum())):
            raise QueryError("a logit or an embedding of a candidate is not finite: check the classifier's outputs.")
        open_ = np.ones(len(norms), dtype=bool)
        position = _draw((norms == norms.max()).double().cpu().numpy(), open_, rng)
        chosen = [position]
        nearest = torch.full_like(norms, torch.inf)
        while len(chosen) < k:
            open_[position] = False
            # Only the newest center can have come closer, so each step is one pass and not one for every center.
            torch.minimum(nearest, gradients.distances(position), out=nearest)
            nearest[position] = 0.0  # exactly, so that it cannot be drawn again
            position = _draw(nearest.cpu().numpy(), open_, rng)
            chosen.append(position)
        return torch.tensor(chosen, dtype=torch.int64)


def _draw(weights: NDArray[np.float64], open_: NDArray[np.bool_], rng: np.random.Generator) -> int:
    """One position, drawn by inverting the cumulative sums of the weights; see `Badge`."""
    # In float64 and always in order of position: a parallel sum would round differently on another machine.
    sums = np.cumsum(weights)
    if sums[-1] == 0:
        sums = np.cumsum(open_.astype(np.float64))
    position = int(np.searchsorted(sums, rng.random() * sums[-1], side="right"))
    # The product may round up to the last sum, beyond every position: then the last position with a weight is right.
    return min(position, int(np.searchsorted(sums, sums[-1])))


class _Gradients:
    """Squared distances between gradient embeddings, which are stored as their factors.

    Attributes:
        norms: float64 [n], ‖g_i‖².
    """

    def __init__(self, logits: Tensor, embeddings: Tensor) -> None:
        self._logits = logits  # [n, C]
        # [n, D]. Raised to float64, because the three terms cancel for close pairs; one chunk at a time, because a copy
        # would be twice as large as embeddings that may not even fit into memory.
        self._embeddings = embeddings
        (n, classes), width = logits.shape, embeddings.shape[1]
        self.norms = logits.new_empty(n, dtype=torch.float64)
        self._rows = rows_at_once(max(classes, width), _ROWS)
        self._buffer = self.norms.new_empty(min(n, self._rows), width)  # one for all: allocators keep freed ones
        self._lengths = torch.empty_like(self.norms)  # ‖h_i‖²
        whole = _KEPT // (8 * max(1, classes) * self._rows) * self._rows  # no chunk is kept in part
        self._kept = self.norms.new_empty(n if 8 * logits.numel() <= _KEPT else min(n, whole), classes)
        self._powers = Powers(logits, len(self._kept))
        for rows, chunk in self._chunks():
            torch.sum(chunk.square_(), dim=1, out=self._lengths[rows])
            factors = residuals(logits[rows])
            torch.mul(_squares(factors), self._lengths[rows], out=self.norms[rows])
            if rows.start < len(self._kept):
                self._kept[rows] = factors

    def distances(self, center: int) -> Tensor:
        """float64 [n]: ‖g_i − g_center‖², exactly 0 for duplicates."""
        vector, factor = self._embeddings[center].double(), residuals(self._logits[center : center + 1])[0]
        result = torch.empty_like(self.norms)
        for rows, chunk in self._chunks():
            torch.mv(chunk, vector, out=result[rows])
            kept = rows.start < len(self._kept)
            result[rows] *= self._kept[rows] @ factor if kept else self._powers.products(rows, factor)
        total = self.norms + self.norms[center]
        result.mul_(-2).add_(total)
        # Rounding errors are about 1e-16 of `total`, so at 1e-4 of it 12 digits of the distance are left. Without this,
        # duplicates could be drawn, and weights could be negative.
        for near in torch.split((result < _NEAR * total).nonzero()[:, 0], self._rows):
            result[near] = self._near(near, center)
        return result

    def _chunks(self) -> Iterator[tuple[slice, Tensor]]:
        """Rows, and their embeddings in float64 in a buffer, which the next chunk overwrites."""
        for start in range(0, len(self._embeddings), self._rows):
            rows = slice(start, min(start + self._rows, len(self._embeddings)))
            chunk = self._embeddings[rows]
            yield rows, self._buffer[: len(chunk)].copy_(chunk)

    def _near(self, rows: Tensor, center: int) -> Tensor:
        """float64 [rows]: the distances of rows close to the center, from differences of the factors.

        g_i − g_j = (a_i − a_j) ⊗ h_i + a_j ⊗ (h_i − h_j). Unlike the three terms, those of its squared length are
        small when the factors are close.
        """
        own, other = self._embeddings[rows].double(), self._embeddings[center].double()
        factor = residuals(self._logits[center : center + 1])[0]
        all_kept = len(self._kept) == len(self.norms)
        a, h = (self._kept[rows] if all_kept else residuals(self._logits[rows])) - factor, own - other
        cross = (a @ factor) * (own * h).sum(dim=1)
        result = _squares(a) * self._lengths[rows] + _squares(factor) * _squares(h) + 2 * cross
        return result.clamp(min=0)


def _squares(rows: Tensor) -> Tensor:
    """float64 [...], squared lengths along the last axis."""
    return rows.square().sum(dim=-1)
