"""CoreSet: greedy k-center in the space of embeddings (Sener & Savarese 2018, Algorithm 1), exact and lazy.

With S the labeled and chosen samples (the centers), each step adds argmax_x min_{c ∈ S} ‖x − c‖. Centers are only
added, so a candidate's distance to its nearest center only shrinks, and its distance to *some* of the centers is an
upper bound. If the candidate with the largest bound has seen all centers, it is the greedy choice, and the other bounds
need not be exact. (This is the idea of the lazy greedy algorithm, Minoux 1978.)

Shapes: n candidates, L labeled samples, D embedding.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from iale.errors import QueryError
from iale.strategies._rows import rows_at_once
from iale.strategies.base import Need, QueryContext, QueryStrategy

_ROWS = 4096  # candidates raised to float64 at a time, or fewer if embeddings are wide
_CENTERS = 256  # centers compared with them at a time
_BATCH = 64  # candidates updated in the first try of a step; each further try takes four times as many
_FIRST = 128  # labeled samples with which every candidate is compared at first
_NOT_FINITE = "an embedding is not finite: check the classifier's outputs."


class CoreSet(QueryStrategy):
    """Each step chooses the candidate that is farthest from its nearest labeled or chosen sample.

    This is the greedy 2-approximation of the k-center problem (Sener & Savarese 2018, Algorithm 1). Distances are
    Euclidean, in float64. Of several candidates at the same distance, the first is chosen. So nothing is random, except
    that the first center is a uniform draw (one ``rng.integers(n)``) if there is no labeled sample.
    """

    name: ClassVar[str] = "coreset"
    needs: ClassVar[frozenset[Need]] = frozenset({Need.LABELED})
    reads_embeddings: ClassVar[bool] = True

    def select(self, context: QueryContext, k: int, *, rng: np.random.Generator) -> Tensor:
        """int64 [k], in the order of choice; raises QueryError if an embedding is not finite."""
        assert context.labeled is not None
        return _k_center(context.candidates.embeddings, context.labeled.embeddings, k, rng)


def _k_center(points: Tensor, centers: Tensor, k: int, rng: np.random.Generator) -> Tensor:
    """The greedy choice of k of n ``points`` [n, D] beside the ``centers`` [L, D]: int64 [k], unique positions.

    After `_Search.start`, no point is compared with more than 2·(L + k) centers. So the worst case is that of the plain
    loop, O(n·(L + k)·D). Usually, a small share of the pairs is enough.

    ``rng`` draws the first center if L = 0. Raises QueryError if a point or a center is not finite.
    """
    search = _Search(points, centers, k)
    if len(centers) == 0:
        search.take(int(rng.integers(len(points))))
    search.start()
    while len(search.chosen) < k:
        search.take(search.farthest())
    return torch.tensor(search.chosen, dtype=torch.int64)


class _Search:
    """An upper bound of each candidate's distance, and the number of centers that it has seen."""

    def __init__(self, points: Tensor, labeled: Tensor, k: int) -> None:
        n, width = points.shape
        self.chosen: list[int] = []
        self._points = points
        self._rows = rows_at_once(width, _ROWS)
        self._labeled = len(labeled)
        self._count = len(labeled)
        self._centers = torch.empty(len(labeled) + k, width, dtype=torch.float64, device=points.device)
        self._centers[: self._count] = labeled
        self._bounds = torch.full((n,), torch.inf, dtype=torch.float64, device=points.device)  # −1 for the chosen
        self._seen = torch.zeros(n, dtype=torch.int64, device=points.device)

    def start(self) -> None:
        """Bounds every candidate by its distance to the first centers, from one fast but inexact matrix product.

        ‖x − c‖² = ‖x‖² + ‖c‖² − 2 x·c loses digits when x is close to c. Its rounding error is at most a few times
        D·ε (‖x‖² + ‖c‖²), with ε that of the number type, plus D times the smallest normal number for underflow (Higham
        2002, section 3.1). Adding this error keeps the bound an upper bound, so the choice stays exact: no candidate
        counts as having seen these centers, and all that matter are compared again, exactly.
        """
        # float32 is twice as fast, but a GPU, or a lowered precision, may multiply with fewer digits than its ε says.
        quick = self._points.device.type == "cpu" and torch.get_float32_matmul_precision() == "highest"
        kind = torch.float32 if quick and self._points.dtype == torch.float32 else torch.float64
        centers = self._centers[: min(self._count, _FIRST)].to(kind)
        lengths = centers.square().sum(dim=1)
        terms = 4 * (self._points.shape[1] + 8)
        slack, smallest = terms * torch.finfo(kind).eps, terms * torch.finfo(kind).tiny
        for start in range(0, len(self._points), self._rows):
            rows = slice(start, start + self._rows)
            points = self._points[rows].to(kind)
            norms = points.square().sum(dim=1)
            squares = torch.addmm(lengths, points, centers.T, alpha=-2).amin(dim=1).double() + norms
            # The largest ‖c‖² stands for that of the nearest center, which is not known here.
            squares += slack * (norms.double() + lengths.max()) + smallest
            if not bool(torch.isfinite(squares.sum())):
                if not bool(torch.isfinite(self._points[rows]).all()):
                    raise QueryError(_NOT_FINITE)
                squares.fill_(torch.inf)  # squares beyond float32; exact distances are in float64, which holds them
            torch.minimum(self._bounds[rows], squares.clamp_(min=0).sqrt_(), out=self._bounds[rows])
        if not bool(torch.isfinite(self._centers[: self._count]).all()):
            raise QueryError(_NOT_FINITE)

    def farthest(self) -> int:
        """The first of the candidates with the largest distance.

        Each turn brings a candidate forward that lacks a center, so there are at most n·(log₂ L + k) turns.
        """
        batch = _BATCH
        while True:
            # argmax returns the first of equal bounds. So all candidates before it are strictly closer, whether their
            # bounds are exact or not, and ties go to the first candidate, as in the plain loop.
            top = int(self._bounds.argmax())
            if self._seen[top] == self._count or self._bounds[top] == 0:
                return top
            self._refresh(batch)
            batch = min(4 * batch, _BATCH + len(self._bounds) // 8)

    def take(self, position: int) -> None:
        """Makes a candidate a center."""
        self.chosen.append(position)
        self._centers[self._count] = self._points[position]
        self._count += 1
        self._bounds[position] = -1.0  # below every distance, so that it is never chosen again

    def _refresh(self, batch: int) -> None:
        """Compares the candidates with the largest bounds with more centers.

        Of the labeled samples, a candidate sees twice as many as before: most fall behind long before they have seen
        all. Chosen centers are few, so it sees them all, together with candidates that lack about as many.
        """
        # Only candidates that lack a center: any number of others may tie with them and would fill the batch forever.
        lacking = torch.where(self._seen < self._count, self._bounds, -1.0)
        rows = lacking.topk(min(batch, len(lacking))).indices
        rows = rows[lacking[rows] > 0]
        seen = self._seen[rows]
        # Groups share one product: those at the same labeled sample, and those whose number of missing centers has the
        # same length in bits. A group starts at its earliest member, so nobody computes more than twice what it lacks.
        missing = torch.frexp((self._count - seen).double()).exponent
        groups = torch.where(seen < self._labeled, -seen, missing)
        for group in torch.unique(groups):
            alike = rows[groups == group]
            start = int(self._seen[alike].min())
            stop = min(max(2 * start, _FIRST), self._count) if start < self._labeled else self._count
            for part in torch.split(alike, self._rows):
                self._lower(part, start, stop)
            self._seen[alike] = self._seen[alike].clamp(min=stop)

    def _lower(self, rows: Tensor, start: int, stop: int) -> None:
        """Lowers bounds to the exact distances to centers ``start`` … ``stop`` − 1."""
        points = self._points[rows].double()
        bounds = self._bounds[rows]
        for centers in torch.split(self._centers[start:stop], _CENTERS):
            # Differences, not a product: duplicates must be at distance 0, and equal rows must get equal bits, or
            # ties would depend on the batch in which a row happens to be.
            distances = torch.cdist(points, centers, compute_mode="donot_use_mm_for_euclid_dist")
            bounds = torch.minimum(bounds, distances.amin(dim=1))
        self._bounds[rows] = bounds
