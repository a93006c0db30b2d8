"""CoreSet: greedy k-center in the space of embeddings (Sener & Savarese 2018, Algorithm 1).

Shapes: n candidates, L labeled samples, D embedding.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from iale.errors import QueryError
from iale.strategies.base import Need, QueryContext, QueryStrategy

_ROWS = 4096  # candidates raised to float64 at a time
_CENTERS = 256  # centres compared with them at a time
_BATCH = 64  # candidates brought up to date at first, four times as many in each further try
_FIRST = 128  # labeled samples that every candidate is compared with at first
_NOT_FINITE = "an embedding is not finite: check the classifier's outputs."


class CoreSet(QueryStrategy):
    """Each step chooses the candidate farthest from its nearest labeled or chosen sample.

    Distances are Euclidean, in float64. Of candidates at equal distance the first is chosen, so that nothing is left
    to chance; only the very first centre, where there is no labeled sample, is a uniform draw (one
    ``rng.integers(n)``).
    """

    name: ClassVar[str] = "coreset"
    needs: ClassVar[frozenset[Need]] = frozenset({Need.LABELED})

    def select(self, context: QueryContext, k: int, *, rng: np.random.Generator) -> Tensor:
        """int64 [k], in the order of choice; raises QueryError where an embedding is not finite."""
        assert context.labeled is not None
        return k_center(context.candidates.embeddings, context.labeled.embeddings, k, rng)


def k_center(points: Tensor, centers: Tensor, k: int, rng: np.random.Generator) -> Tensor:
    """Greedy k-center, exact and lazy.

    A candidate's distance to its nearest centre only shrinks as centres are added. So a distance that has not seen
    the latest centres is an upper bound, and only candidates whose bound is the largest need the rest: a candidate
    that is the largest with all centres seen is the greedy choice. No pair is needed more than once, so the worst
    case is that of the plain loop, O(n·(L + k)·D); usually a small share of the pairs is computed.

    Args:
        points: [n, D], the candidates.
        centers: [L, D], L ≥ 0.
        k: 1 … n.
        rng: for the first centre where L = 0.

    Returns:
        int64 [k], unique positions in ``points``.
    """
    search = _Search(points, centers, k)
    if len(centers) == 0:
        search.take(int(rng.integers(len(points))))
    search.start()
    while len(search.chosen) < k:
        search.take(search.farthest())
    return torch.tensor(search.chosen, dtype=torch.int64)


class _Search:
    """Upper bounds of the candidates' distances and how many centres each of them has seen."""

    def __init__(self, points: Tensor, labeled: Tensor, k: int) -> None:
        n, width = points.shape
        self.chosen: list[int] = []
        self._points = points
        self._labeled = len(labeled)
        self._count = len(labeled)
        self._centers = torch.empty(len(labeled) + k, width, dtype=torch.float64, device=points.device)
        self._centers[: self._count] = labeled
        self._bounds = torch.full((n,), torch.inf, dtype=torch.float64, device=points.device)  # −1 for the chosen
        self._seen = torch.zeros(n, dtype=torch.int64, device=points.device)

    def start(self) -> None:
        """Bounds every candidate by its distance to the first centres, as a matrix product tells it.

        ‖x‖² + ‖c‖² − 2 x·c is off by no more than a few D·ε (‖x‖² + ‖c‖²), ε the rounding of the type it is computed
        in, and D times the smallest number; this is added, and the candidates that come into question are compared
        exactly later.
        """
        quick = self._points.device.type == "cpu" and torch.get_float32_matmul_precision() == "highest"
        kind = torch.float32 if quick and self._points.dtype == torch.float32 else torch.float64
        centers = self._centers[: min(self._count, _FIRST)].to(kind)
        lengths = centers.square().sum(dim=1)
        terms = 4 * (self._points.shape[1] + 8)
        slack, smallest = terms * torch.finfo(kind).eps, terms * torch.finfo(kind).tiny
        for start in range(0, len(self._points), _ROWS):
            rows = slice(start, start + _ROWS)
            points = self._points[rows].to(kind)
            norms = points.square().sum(dim=1)
            squares = torch.addmm(lengths, points, centers.T, alpha=-2).amin(dim=1).double() + norms
            squares += slack * (norms.double() + lengths.max()) + smallest
            if not bool(torch.isfinite(squares.sum())):
                if not bool(torch.isfinite(self._points[rows]).all()):
                    raise QueryError(_NOT_FINITE)
                squares.fill_(torch.inf)  # squares that float32 cannot hold; exact distances are in float64
            torch.minimum(self._bounds[rows], squares.clamp_(min=0).sqrt_(), out=self._bounds[rows])
        if not bool(torch.isfinite(self._centers[: self._count]).all()):
            raise QueryError(_NOT_FINITE)

    def farthest(self) -> int:
        """The first of the candidates with the largest distance."""
        batch = _BATCH
        while True:
            top = int(self._bounds.argmax())
            if self._seen[top] == self._count or self._bounds[top] == 0:
                return top
            self._refresh(batch)
            batch = min(4 * batch, _BATCH + len(self._bounds) // 8)

    def take(self, position: int) -> None:
        """Makes a candidate a centre."""
        self.chosen.append(position)
        self._centers[self._count] = self._points[position]
        self._count += 1
        self._bounds[position] = -1.0

    def _refresh(self, batch: int) -> None:
        """Shows the candidates with the largest bounds more centres.

        Among the labeled samples a candidate sees twice as many as before, and often falls behind before it has seen
        all. Chosen centres it sees at once, together with candidates that miss about as many.
        """
        # Only candidates that miss a centre: others may tie with them in any number and would fill the batch for ever.
        stale = torch.where(self._seen < self._count, self._bounds, -1.0)
        rows = stale.topk(min(batch, len(stale))).indices
        rows = rows[stale[rows] > 0]
        seen = self._seen[rows]
        missing = torch.frexp((self._count - seen).double()).exponent  # the number's length in bits
        groups = torch.where(seen < self._labeled, -seen, missing)
        for group in torch.unique(groups):
            alike = rows[groups == group]
            start = int(self._seen[alike].min())
            stop = min(max(2 * start, _FIRST), self._count) if start < self._labeled else self._count
            for part in torch.split(alike, _ROWS):
                self._lower(part, start, stop)
            self._seen[alike] = self._seen[alike].clamp(min=stop)

    def _lower(self, rows: Tensor, start: int, stop: int) -> None:
        points = self._points[rows].double()
        bounds = self._bounds[rows]
        for centers in torch.split(self._centers[start:stop], _CENTERS):
            # differences, not products: duplicates are at distance 0, and equal rows give equal bits
            distances = torch.cdist(points, centers, compute_mode="donot_use_mm_for_euclid_dist")
            bounds = torch.minimum(bounds, distances.amin(dim=1))
        self._bounds[rows] = bounds
