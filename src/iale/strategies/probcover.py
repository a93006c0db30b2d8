"""ProbCover: balls around samples that cover the most of what is uncovered (Yehuda et al. 2022, Algorithm 1).

The graph of the paper, with an edge x→y if ‖x − y‖ < δ, has up to n² edges and is never stored. Only each candidate's
number of edges to uncovered points is. A new ball removes the edges to what it covers, and every point is covered only
once, so all balls together cost as much as the first counts.
Shapes: n candidates, L labeled, C classes, G width of the geometry.
"""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from iale.strategies._k_means import blocks, every_point, k_means
from iale.strategies.base import Need, QueryContext, QueryStrategy

_POINTS = 20_000  # candidates, and as many labeled samples, that a query looks at; of more, that many drawn ones
_PURITY = 0.95
_BLOCK = 1024  # rows and columns of a block of distances
_WAITING = 256  # covered points whose edges are taken away in one step
_TOP = 64  # candidates that are compared with them earlier, because they may be the largest
_LEAST = 1e-12  # δ² is at least this share of the largest squared length, so that duplicates cover each other
_ROUNDING = (
    1e-9  # share of δ²; pairs at exactly δ, such as the one that δ comes from, have no edge whatever rounding does
)


class ProbCover(QueryStrategy):
    """Each step chooses the candidate whose ball covers the most points that are not covered yet.

    The rule (Yehuda et al. 2022): x covers y if ‖x − y‖ < δ. The candidate that covers the most uncovered candidates is
    next, and ties are broken at random. δ is the largest radius for which at least 95 % of the balls are pure: all
    points in them belong to one cluster of a k-means with C clusters (section 4.2, with clusters in place of labels).
    Labeled samples and candidates are clustered together, and δ is exact, not the best of a few values. Distances are
    those of the geometry; the authors' features had length 1.

    When everything is covered, the rest is drawn at random. (The released code then returns one sample again and again,
    and it forgets the last n mod 500 samples.) With a large δ this happens early, so this is a strategy for few labels.
    It ignores the classes, and works without any labels. δ depends on the random draws of k-means, and means little if
    the clusters are not the classes.

    A query takes O((n + L)²·G) time, in blocks of 8 MiB. Of more than 20,000 candidates it looks at 20,000 random ones,
    or at k if that is more, and of more than 20,000 labeled samples at 20,000, too.
    """

    name: ClassVar[str] = "probcover"
    needs: ClassVar[frozenset[Need]] = frozenset({Need.GEOMETRY})
    reads_outputs: ClassVar[bool] = False
    starts_cold: ClassVar[bool] = True

    def select(self, context: QueryContext, k: int, *, rng: np.random.Generator) -> Tensor:
        """int64 [k], in the order of choice; raises QueryError if a point is not finite."""
        points = every_point(context)
        labeled = len(points) - len(context)
        known = rng.permutation(labeled)[:_POINTS]
        order = torch.from_numpy(rng.permutation(len(context))[: max(_POINTS, k)])  # ties go to the first of it
        some = points.at(torch.cat([torch.from_numpy(known), order + labeled]))
        clusters, _ = k_means(some, context.num_classes, rng)
        values = torch.cat([rows for _, rows in blocks(some)]).double()
        values -= values.mean(dim=0)
        return order[_cover(values, len(known), _radius(values, clusters), k)]


def _radius(values: Tensor, clusters: Tensor) -> float:
    """δ², so that 95 % of the ``values`` [m, G] are at least δ away from other ``clusters`` (int64 [m]); maybe ∞."""
    norms = values.square().sum(dim=1)
    nearest = torch.full_like(norms, torch.inf)
    for rows in _slices(len(values)):
        for columns in _slices(len(values), rows.start):  # a pair is looked at once, for both of its ends
            squares = norms[rows, None] + norms[columns] - 2 * values[rows] @ values[columns].T
            squares.masked_fill_(clusters[rows, None] == clusters[columns], torch.inf)
            nearest[rows] = torch.minimum(nearest[rows], squares.amin(dim=1))
            nearest[columns] = torch.minimum(nearest[columns], squares.amin(dim=0))
    pure = math.ceil(_PURITY * len(values))
    return float(nearest.sort(descending=True).values[pure - 1])


def _cover(values: Tensor, labeled: int, square: float, k: int) -> Tensor:
    """int64 [k]: positions of candidates, whose ``values`` stand behind those of the ``labeled`` samples.

    ``square`` is δ². Of equal candidates the first is chosen. A point always covers itself.
    """
    balls = _Balls(values, square)
    candidates, known = torch.arange(labeled, len(values)), torch.arange(labeled)
    uncovered = torch.ones(len(candidates), dtype=torch.bool)
    for part in torch.split(known, _BLOCK):
        for rows in _slices(len(candidates)):
            uncovered[rows] &= ~balls.edges(candidates[rows], part).any(dim=1)
    degrees = _Degrees(balls, candidates, candidates[uncovered])
    chosen: list[int] = []
    while len(chosen) < k and uncovered.any():
        best = degrees.pop()
        chosen.append(best)
        new = balls.around(labeled + best)[labeled:] & uncovered
        uncovered &= ~new
        degrees.covered(candidates[new])
    rest = torch.ones(len(candidates), dtype=torch.bool)
    rest[chosen] = False
    return torch.cat([torch.tensor(chosen, dtype=torch.int64), rest.nonzero()[: k - len(chosen), 0]])


class _Balls:
    """Which of the points [m, G] lie within a distance of each other."""

    def __init__(self, values: Tensor, square: float) -> None:
        norms = values.square().sum(dim=1)
        square = max(square * (1 - _ROUNDING), _LEAST * float(norms.max()), torch.finfo(torch.float64).tiny)
        self._values = values
        # x covers y if ‖x‖² + ‖y‖² − 2 x·y < δ², which is x·y > h(x) + h(y).
        self._halves = (norms - square / 2) / 2

    def edges(self, sources: Tensor, targets: Tensor) -> Tensor:
        """bool [s, t]: whether the ball around each source (int64 [s]) covers each target (int64 [t])."""
        products = torch.addmm(self._halves[targets], self._values[sources], self._values[targets].T, beta=-1)
        return products > self._halves[sources, None]

    def around(self, center: int) -> Tensor:
        """bool [m]: which of all points the ball around one of them covers."""
        return self._values @ self._values[center] > self._halves + self._halves[center]

    def count(self, sources: Tensor, targets: Tensor) -> Tensor:
        """int64 [s]: how many targets the ball around each source covers."""
        found = torch.zeros(len(sources), dtype=torch.int64)
        for part in torch.split(targets, _BLOCK):
            for rows in _slices(len(sources)):
                found[rows] += self.edges(sources[rows], part).sum(dim=1)
        return found


class _Degrees:
    """How many uncovered targets each candidate's ball covers.

    These numbers only shrink. So a few targets that have been covered lately may wait: a candidate is compared with
    them only if it could be the largest.
    """

    def __init__(self, balls: _Balls, candidates: Tensor, targets: Tensor) -> None:
        self._balls = balls
        self._candidates = candidates
        self._bounds = balls.count(candidates, targets).numpy()
        self._exact = self._bounds.copy()  # without the targets that wait
        self._waiting = candidates[:0]
        self._seen = np.zeros(len(candidates), dtype=np.int64)  # of those that wait

    def pop(self) -> int:
        """The first candidate with the largest number, which is never given again."""
        while self._seen[best := int(self._bounds.argmax())] < len(self._waiting):
            lacking = np.where(self._seen < len(self._waiting), self._bounds, -1)
            top = np.argpartition(-lacking, _TOP)[:_TOP] if len(lacking) > _TOP else np.arange(len(lacking))
            self._refresh(np.append(top, best))
        self._bounds[best] = self._exact[best] = -len(self._bounds) - 1  # below all others, whatever is taken away
        return best

    def covered(self, targets: Tensor) -> None:
        """Takes the edges into newly covered ``targets`` away."""
        self._waiting = torch.cat([self._waiting, targets])
        if len(self._waiting) >= _WAITING:
            self._refresh(np.arange(len(self._bounds)))
            self._exact = self._bounds.copy()
            self._waiting = self._waiting[:0]
            self._seen.fill(0)

    def _refresh(self, rows: NDArray[np.int64]) -> None:
        counts = self._balls.count(self._candidates[torch.from_numpy(rows)], self._waiting)
        self._bounds[rows] = self._exact[rows] - counts.numpy()
        self._seen[rows] = len(self._waiting)


def _slices(size: int, start: int = 0) -> list[slice]:
    return [slice(begin, min(begin + _BLOCK, size)) for begin in range(start, size, _BLOCK)]
