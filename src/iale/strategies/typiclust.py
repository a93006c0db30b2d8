"""TypiClust: the most typical sample of each of many clusters (Hacohen, Dekel & Weinshall 2022, Algorithm 1)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from iale.geometry.points import Points
from iale.strategies._k_means import every_point, k_means
from iale.strategies._rows import rows_at_once
from iale.strategies.base import Need, QueryContext, QueryStrategy

_CLUSTERS = 500  # at most
_SMALL = 5  # members of a cluster that is left for last
_NEIGHBORS = 20
_MEMBERS = 10_000  # of a cluster that are compared with each other, all with all
_DRAWN = 4000  # of a larger cluster, drawn ones that are compared at a time
_NO_DISTANCE = 1e-12  # share of ‖x‖² + ‖y‖² that the three terms of a distance do not tell from 0


class TypiClust(QueryStrategy):
    """The most typical sample of each cluster, starting with the clusters that have the fewest labels.

    The rule (Hacohen et al. 2022, section 3.2, and the authors' code): k-means puts labeled samples and candidates into
    min(L + k, 500) clusters. Clusters take turns: those with the fewest labels first, and among these the largest. A
    turn takes the unlabeled member with the smallest mean squared distance to its min(20, ⌊m/2⌋) nearest neighbors
    among the cluster's m remaining unlabeled members. Distances are those of the geometry; the authors' features had
    length 1.

    The authors drop clusters of at most 5 members. Here these take their turns when no larger cluster has candidates
    left, so that every batch is full. Ties are broken at random.

    It uses neither the classes of labels nor the classifier, so it works without any labels. A query takes O(n·(L +
    k)·G) time for each step of k-means, and O(m²·G) for a cluster. k-means is fitted to at most 20,000 random samples.
    Of a cluster with more than 10,000 candidates, 4,000 random ones compete at a time.

    It ignores the classifier's mistakes, so it falls behind with more labels (see `TCM`), and it suffers if clusters
    are not classes, or if classes are rare.
    """

    name: ClassVar[str] = "typiclust"
    needs: ClassVar[frozenset[Need]] = frozenset({Need.GEOMETRY})
    reads_outputs: ClassVar[bool] = False
    starts_cold: ClassVar[bool] = True

    def select(self, context: QueryContext, k: int, *, rng: np.random.Generator) -> Tensor:
        """int64 [k], in the order of the turns; raises QueryError if a point is not finite."""
        points = every_point(context)
        labeled = len(points) - len(context)
        clusters, _ = k_means(points, min(labeled + k, _CLUSTERS), rng)
        order = torch.from_numpy(rng.permutation(len(context))) + labeled  # ties go to the first of a random order
        return torch.tensor(list(islice(_turns(points, clusters, order), k)), dtype=torch.int64) - labeled


def _turns(points: Points, clusters: Tensor, order: Tensor) -> Iterator[int]:
    """All the candidates, each as a position in ``points``, which hold labeled samples first.

    ``clusters`` is int64 [L + n]; ``order`` int64 [n] holds the positions of candidates and breaks ties.
    """
    sizes = torch.bincount(clusters)
    labels = torch.bincount(clusters[: len(points) - len(order)], minlength=len(sizes))
    ranks = np.lexsort((-sizes.numpy(), labels.numpy())).tolist()
    grouped = torch.sort(clusters[order], stable=True)
    members = torch.split(order[grouped.indices], torch.bincount(grouped.values, minlength=len(sizes)).tolist())
    large, small = (
        [_most_typical(points, members[each]) for each in ranks if (sizes[each] <= _SMALL) == little]
        for little in (False, True)
    )
    return chain(_round_robin(large), _round_robin(small))


def _round_robin(sources: Iterable[Iterator[int]]) -> Iterator[int]:
    """One of each source in turn, until all are empty."""
    waiting = list(sources)
    while waiting:
        left = []
        for source in waiting:
            for item in islice(source, 1):
                yield item
                left.append(source)
        waiting = left


def _most_typical(points: Points, members: Tensor) -> Iterator[int]:
    """The ``members`` (int64 [m]) of a cluster, each the most typical one of those that are left."""
    at_once = _MEMBERS if len(members) <= _MEMBERS else _DRAWN  # ``members`` are in random order
    for part in torch.split(members, at_once) if len(members) else ():
        if len(part) <= 2:  # both are as far from each other
            yield from part.tolist()
            continue
        density = _Density(points.at(part))
        for _ in range(len(part)):
            yield int(part[density.pop()])


class _Density:
    """Mean squared distances of points to their nearest neighbors, while points are taken away.

    Without a point, distances only grow. So the smallest of the kept ones is right if its own neighbors are all there;
    otherwise it alone is computed again (the lazy greedy algorithm, Minoux 1978).
    """

    def __init__(self, points: Points) -> None:
        self._points = points
        self._left = torch.ones(len(points), dtype=torch.bool)
        self._means = np.empty(0, dtype=np.float32)  # [m]; float32, so that equal means are equal
        self._neighbors = torch.empty(0, 0, dtype=torch.int64)  # [m, neighbors]
        self._stale = torch.zeros(len(points), dtype=torch.bool)

    def pop(self) -> int:
        """Takes the position with the smallest mean, of several the first."""
        neighbors = min(_NEIGHBORS, int(self._left.sum()) // 2)
        if not len(self._means) or neighbors != self._neighbors.shape[1]:
            self._compute(neighbors)
        while self._stale[best := int(self._means.argmin())]:
            rows = torch.tensor([best])
            means, self._neighbors[rows] = self._nearest(self._values(), rows, neighbors)
            self._means[best], self._stale[best] = float(means), False
        self._left[best], self._means[best] = False, np.inf
        self._stale |= (self._neighbors == best).any(dim=1)
        return best

    def _compute(self, neighbors: int) -> None:
        rows = self._left.nonzero()[:, 0]
        self._neighbors = torch.full((len(self._left), neighbors), -1)
        self._means = np.full(len(self._left), np.inf, dtype=np.float32)
        self._stale.fill_(False)
        values = self._values()
        for part in torch.split(rows, rows_at_once(len(values), 1024)):
            means, self._neighbors[part] = self._nearest(values, part, neighbors)
            self._means[part.numpy()] = means.float().numpy()

    def _values(self) -> Tensor:
        """The points around their mean, float64 [m, G]; not kept, because all clusters together may be large."""
        values = self._points.read().double()
        return values.sub_(values.mean(dim=0))

    def _nearest(self, values: Tensor, rows: Tensor, neighbors: int) -> tuple[Tensor, Tensor]:
        """Of ``rows`` [r], the mean squared distance, float64 [r], to the nearest others, and which, [r, neighbors]."""
        if not neighbors:  # a single point
            return torch.zeros(len(rows), dtype=torch.float64), torch.empty(len(rows), 0, dtype=torch.int64)
        norms = values.square().sum(dim=1)
        total = norms + norms[rows, None]
        squares = torch.addmm(total, values[rows], values.T, alpha=-2)
        squares.masked_fill_(squares < _NO_DISTANCE * total, 0.0)
        squares[:, ~self._left] = torch.inf
        squares[torch.arange(len(rows)), rows] = torch.inf
        found = squares.topk(neighbors, dim=1, largest=False)
        return found.values.mean(dim=1), found.indices
