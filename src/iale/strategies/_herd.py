"""The candidates that herding looks at, and the greedy choice among them.

Legend of dimensions: n candidates, m of them that are looked at, g different rows, D width of the geometry.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from iale.errors import QueryError
from iale.geometry.points import Points
from iale.strategies._coverage import Coverage
from iale.strategies._kernel import Kernel, MixedKernel

_WHOLE = 50_000  # candidates that are compared with one another, all with all
_SKETCH = 20_000  # random ones that stand for a larger pool
_NUMBERS = 40_000_000  # of the geometry in memory at once


@dataclass(frozen=True, eq=False)
class Herd:
    """The candidates that herding looks at, and which of them win ties.

    Attributes:
        at: int64 [m], where they stand among the candidates, in order; all of them if there are not too many.
        rows: float32 [m, D], their points.
        rank: int64 [n], a random permutation of all candidates: lower ranks win ties.
        first: int64 [g], where each different row stands first in ``rows``.
        group: int64 [m], which of these each row equals.
    """

    at: Tensor
    rows: Tensor
    rank: Tensor
    first: Tensor
    group: Tensor


def look_at(geometry: Points, rng: np.random.Generator) -> Herd:
    """The candidates of a geometry; raises QueryError if a point is not finite."""
    at = sketch(geometry, rng)
    rows = finite(geometry.at(at).read()) + 0.0  # −0 becomes 0, so that equal rows have equal bytes
    first, group = distinct(rows)
    return Herd(at, rows, _ranks(len(geometry), at, group, rng), first, group)


def greedy(
    herd: Herd, kernel: Kernel | MixedKernel, covered: Tensor, weights: Tensor, k: int, scale: Tensor | None = None
) -> Tensor:
    """int64 [k]: the greedy choice; if nothing is left to gain, the rest is drawn at random.

    Args:
        herd: who is chosen from.
        kernel: of the g different rows.
        covered: float64 [g], how much of each different row is covered.
        weights: float64 [m], how much it counts to cover each candidate.
        k: 1 to n.
        scale: float64 [m], above 0: what the gain of each candidate is multiplied by; None is 1.
    """
    at, rank, group = herd.at, herd.rank, herd.group
    # Equal rows cover each other whole: of several, one is chosen, and it stands for all.
    shared = torch.zeros(len(herd.first), dtype=torch.float64).index_add_(0, group, weights)
    preferred = torch.ones(len(at), dtype=torch.float64) if scale is None else scale
    winner = _winners(group, preferred, rank[at], len(herd.first))
    chosen: list[int] = []
    if float(shared.sum()) > 0:
        coverage = Coverage(kernel, shared, finite(covered), preferred[winner])
        while len(chosen) < k and len(tied := coverage.best()):
            best = int(tied[rank[at[winner[tied]]].argmin()])
            coverage.take(best)
            chosen.append(int(at[winner[best]]))
    if len(chosen) < k:
        known = set(chosen)
        rest = (i for i in rank.argsort().tolist() if i not in known)
        chosen += [next(rest) for _ in range(k - len(chosen))]
    return torch.tensor(chosen, dtype=torch.int64)


def sketch(geometry: Points, rng: np.random.Generator) -> Tensor:
    """int64 [m]: the candidates that are covered and chosen from, in order; all of them if there are not too many."""
    n, most = len(geometry), _NUMBERS // max(1, geometry.dim)
    if n <= min(_WHOLE, most):
        return torch.arange(n)
    return torch.from_numpy(np.sort(rng.choice(n, max(1, min(_SKETCH, most)), replace=False, shuffle=False)))


def finite(values: Tensor) -> Tensor:
    """The values; raises QueryError if one is not finite."""
    if not bool(torch.isfinite(values).all()):
        raise QueryError("a point is not finite: check the geometry.")
    return values


def distinct(rows: Tensor) -> tuple[Tensor, Tensor]:
    """int64 [g]: where each different row of [m, D] stands first; int64 [m]: which of these each row equals.

    They are sorted by content, so that the order of candidates does not even affect rounding.
    """
    if not rows.shape[1]:
        return torch.zeros(1, dtype=torch.int64), torch.zeros(len(rows), dtype=torch.int64)
    whole = np.ascontiguousarray(rows.numpy()).view(np.dtype((np.void, 4 * rows.shape[1])))[:, 0]
    _, first, group = np.unique(whole, return_index=True, return_inverse=True)
    return torch.from_numpy(first), torch.from_numpy(group.reshape(-1))


def _ranks(n: int, at: Tensor, group: Tensor, rng: np.random.Generator) -> Tensor:
    """int64 [n], a random permutation: lower ranks win ties.

    It is drawn in the order of content, so that the same samples win in any order of candidates.
    """
    sorted_by_content = at[torch.argsort(group, stable=True)]
    others = torch.ones(n, dtype=torch.bool)
    others[at] = False
    rank = torch.empty(n, dtype=torch.int64)
    rank[torch.cat([sorted_by_content, torch.where(others)[0]])] = torch.from_numpy(rng.permutation(n))
    return rank


def _winners(group: Tensor, scale: Tensor, rank: Tensor, groups: int) -> Tensor:
    """int64 [g]: the member of each group with the largest scale, of several the one with the lowest rank."""
    order = np.lexsort((-rank.numpy(), scale.numpy()))
    found = torch.empty(groups, dtype=torch.int64)
    found.numpy()[group.numpy()[order]] = order  # NumPy keeps the last of several
    return found
