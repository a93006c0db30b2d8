"""BADGE: k-means++ sampling of gradient embeddings (Ash et al. 2020, Algorithm 1).

The embeddings g = a ⊗ h (see `gradient`) are never built: their distances follow from the factors,
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
from iale.strategies._gradient import residuals
from iale.strategies.base import QueryContext, QueryStrategy

_ROWS = 4096  # of a chunk that is raised to float64; small enough to stay in the processor's cache
_KEPT = 1 << 28  # bytes of float64 residuals that are kept; beyond it each pass computes them from the logits again
_NEAR = 1e-4  # of ‖g_i‖² + ‖g_j‖²: below it the three terms cancel, and the distance is computed from differences


class Badge(QueryStrategy):
    """k candidates by k-means++ sampling in the space of gradient embeddings, the largest gradient first.

    The draws, so that a slow reference can repeat them: each of the k steps gives every candidate a weight w_i ≥ 0
    in float64, and takes one number v = ``rng.random()``. With S the cumulative sums of w in order of position, it
    chooses the first position with S_i > v · S_n.

    - Step 1: w_i = 1 where ‖g_i‖ is the largest, else 0. (The paper speaks of k-means++ seeding, whose first centre
      is uniform; the authors' released code, which made the published figures, takes the largest norm.)
    - Later steps: w_i = the squared distance of g_i to the nearest chosen gradient, 0 for chosen candidates.
    - Where all weights are 0: w_i = 1 for candidates that have not been chosen.

    No centre is placed anywhere but on a candidate, and no candidate is chosen twice. Costs k passes over the
    embeddings, O(k·n·(C + D)), which may lie on disk behind a memory map, and memory for about 64·n bytes and the
    smaller of 8·n·C and 256 MiB.
    """

    name: ClassVar[str] = "badge"

    def select(self, context: QueryContext, k: int, *, rng: np.random.Generator) -> Tensor:
        """int64 [k], in the order of the draws; raises QueryError where an output is not finite."""
        gradients = _Gradients(context.candidates.logits, context.candidates.embeddings)
        norms = gradients.norms
        if not bool(torch.isfinite(norms.sum())):
            raise QueryError("a logit or an embedding of a candidate is not finite: check the classifier's outputs.")
        open_ = np.ones(len(norms), dtype=bool)
        position = _draw((norms == norms.max()).double().cpu().numpy(), open_, rng)
        chosen = [position]
        nearest = torch.full_like(norms, torch.inf)
        while len(chosen) < k:
            open_[position] = False
            torch.minimum(nearest, gradients.distances(position), out=nearest)
            nearest[position] = 0.0
            position = _draw(nearest.cpu().numpy(), open_, rng)
            chosen.append(position)
        return torch.tensor(chosen, dtype=torch.int64)


def _draw(weights: NDArray[np.float64], open_: NDArray[np.bool_], rng: np.random.Generator) -> int:
    """One position, by inversion of the cumulative sums of its float64 weights; see `Badge`."""
    sums = np.cumsum(weights)
    if sums[-1] == 0:
        sums = np.cumsum(open_.astype(np.float64))
    position = int(np.searchsorted(sums, rng.random() * sums[-1], side="right"))
    return min(position, int(np.searchsorted(sums, sums[-1])))  # the product may round up to the last sum


class _Gradients:
    """Squared distances between gradient embeddings that are kept as factors.

    Attributes:
        norms: float64 [n], ‖g_i‖².
    """

    def __init__(self, logits: Tensor, embeddings: Tensor) -> None:
        self._logits = logits  # [n, C]
        self._embeddings = embeddings  # [n, D], raised to float64 a chunk at a time
        n, width = embeddings.shape
        self.norms = logits.new_empty(n, dtype=torch.float64)
        self._buffer = self.norms.new_empty(min(n, _ROWS), width)  # one for all chunks: freed pieces would pile up
        self._lengths = torch.empty_like(self.norms)  # ‖h_i‖²
        self._kept = self.norms.new_empty(logits.shape) if 8 * logits.numel() <= _KEPT else None
        for rows, chunk in self._chunks():
            torch.sum(chunk.square_(), dim=1, out=self._lengths[rows])
            factors = residuals(logits[rows])
            torch.mul(_squares(factors), self._lengths[rows], out=self.norms[rows])
            if self._kept is not None:
                self._kept[rows] = factors

    def distances(self, center: int) -> Tensor:
        """float64 [n]: ‖g_i − g_center‖²; exactly 0 for duplicates."""
        vector, factor = self._embeddings[center].double(), self._factors(slice(center, center + 1))[0]
        result = torch.empty_like(self.norms)
        for rows, chunk in self._chunks():
            torch.mv(chunk, vector, out=result[rows])
            result[rows] *= self._factors(rows) @ factor
        total = self.norms + self.norms[center]
        result.mul_(-2).add_(total)
        for near in torch.split((result < _NEAR * total).nonzero()[:, 0], _ROWS):
            result[near] = self._near(near, center)
        return result

    def _factors(self, rows: slice | Tensor) -> Tensor:
        """float64 [rows, C]: the residuals a."""
        return residuals(self._logits[rows]) if self._kept is None else self._kept[rows]

    def _chunks(self) -> Iterator[tuple[slice, Tensor]]:
        """Rows and their embeddings in float64, in a buffer that the next chunk overwrites."""
        for start in range(0, len(self._embeddings), _ROWS):
            rows = slice(start, start + _ROWS)
            chunk = self._embeddings[rows]
            yield rows, self._buffer[: len(chunk)].copy_(chunk)

    def _near(self, rows: Tensor, center: int) -> Tensor:
        """The same for rows close to the centre: g_i − g_j = (a_i − a_j) ⊗ h_i + a_j ⊗ (h_i − h_j)."""
        own, other = self._embeddings[rows].double(), self._embeddings[center].double()
        factor = self._factors(slice(center, center + 1))[0]
        a, h = self._factors(rows) - factor, own - other
        cross = (a @ factor) * (own * h).sum(dim=1)
        result = _squares(a) * self._lengths[rows] + _squares(factor) * _squares(h) + 2 * cross
        return result.clamp(min=0)


def _squares(rows: Tensor) -> Tensor:
    """float64 [...], the squared length of the last axis."""
    return rows.square().sum(dim=-1)
