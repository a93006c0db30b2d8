"""What one view of the samples says: who is near to whom.

All distances are those of unit rows. With δ, the bandwidth, K_ij = exp(−‖ẑ_i − ẑ_j‖² / δ²).
Legend of dimensions: n candidates, L labeled samples, C classes, S of the sketch, D width of the view.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from iale.strategies._bandwidth import CLOSEST
from iale.strategies._rows import rows_at_once
from iale.strategies._unit import unit_rows

FARTHEST = 2.0
"""No two unit rows are farther apart."""

_BLOCK = 512  # rows at a time, so that what is computed for them stays near the processor
_NEIGHBORS = 5  # of 320, PyTorch finds these twice as fast as 6


@dataclass(frozen=True, eq=False)
class Space:
    """Candidates and labeled samples in one view.

    Attributes:
        rows: float32 [n, D], unit rows of the candidates.
        labeled: float32 [L, D], unit rows of the labeled samples.
        bandwidth: δ.
    """

    rows: Tensor
    labeled: Tensor
    bandwidth: float

    def kernel(self, some: Tensor, others: Tensor) -> Tensor:
        """float32 [a, b]: K of unit rows [a, D] with others [b, D]."""
        return squares(some, others).div_(-(self.bandwidth**2)).exp_()

    def nearest_labeled(self) -> Tensor:
        """float32 [n]: the squared distance of each candidate to the nearest labeled sample; 4 if there is none."""
        if not len(self.labeled):
            return torch.full((len(self.rows),), FARTHEST**2)
        return torch.cat([squares(self.rows[part], self.labeled).amin(dim=1) for part in blocks(len(self.rows))])

    def votes(self, labels: Tensor, classes: int) -> Tensor:
        """float32 [n, C]: the share of each class among labeled samples, weighted by K; all alike if there are none."""
        n = len(self.rows)
        if not len(labels):
            return torch.full((n, classes), 1 / classes)
        found = torch.zeros(classes, n)
        for part in blocks(n):
            # Of narrow kernels all values may round to 0; their shares do not.
            weights = torch.softmax(squares(self.labeled, self.rows[part]).div_(-(self.bandwidth**2)), dim=0)
            found[:, part].index_add_(0, labels, weights)
        return found.T


@dataclass(frozen=True, eq=False)
class Surroundings:
    """What `look_around` finds of each candidate, float32 [n] each.

    Attributes:
        covered: m, K of the nearest labeled sample.
        density: mean K of the others in the sketch; 0 if there are none.
        alike: of its 5 nearest others in the sketch, the share of those with the same predicted class; 1 without any.
        gain: herding's gain, Σ_j U_j max(K_ij − m_j, 0), as a share of what it is to cover, Σ_j U_j (1 − m_j). The
            sketch stands for all others.
    """

    covered: Tensor
    density: Tensor
    alike: Tensor
    gain: Tensor


def look_around(space: Space, nearest: Tensor, sketch: Tensor, uncertainty: Tensor, predicted: Tensor) -> Surroundings:
    """Compares candidates with a sketch of them.

    Args:
        space: the view.
        nearest: float32 [n], the squared distances to labeled samples.
        sketch: int64 [S], candidates that stand for all.
        uncertainty: float32 [n], U.
        predicted: int64 [n], classes.
    """
    n, size = len(nearest), len(sketch)
    covered = torch.exp(-nearest / space.bandwidth**2) if len(space.labeled) else torch.zeros(n)
    uncovered = uncertainty * (1 - covered)
    theirs, column = space.rows[sketch], torch.full((n,), -1)
    column[sketch] = torch.arange(size)  # where a candidate stands in the sketch itself
    density, alike, gain = torch.zeros(n), torch.ones(n), torch.zeros(n)
    neighbors = min(_NEIGHBORS, size - 1)
    for part in blocks(n):
        apart, own = squares(space.rows[part], theirs), column[part]
        inside = torch.where(own >= 0)[0]
        apart[inside, own[inside]] = torch.inf
        if neighbors:
            around = sketch[apart.topk(neighbors, dim=1, largest=False).indices]
            alike[part] = (predicted[around] == predicted[part, None]).float().mean(dim=1)
        near = apart.div_(-(space.bandwidth**2)).exp_()
        others = (size - (own >= 0).float()).clamp_(min=1)
        density[part] = near.sum(dim=1) / others
        gain[part] = near.sub_(covered[sketch]).relu_() @ uncertainty[sketch] / others
    total = uncovered.sum()
    gain = ((n - 1) * gain + uncovered) / total.where(total > 0, 1.0)
    return Surroundings(covered, density, alike, gain)


def squares(some: Tensor, others: Tensor) -> Tensor:
    """float32 [a, b]: squared distances of unit rows [a, D] to others [b, D]; rows of zeros have length 0."""
    mine, theirs = (rows.square().sum(dim=1) for rows in (some, others))
    return torch.addmm(theirs, some, others.T, alpha=-2).add_(mine[:, None]).clamp_(min=0)


def among_labeled(labeled: Tensor, labels: Tensor) -> tuple[float, float | None]:
    """The bandwidth of labeled unit rows [L, D], and the share of them whose nearest other one has the same label.

    The bandwidth is the median of the distances to the nearest one that is not the same, as of `find_bandwidth`, and 1
    if there is none. The share is None if there are fewer than two.
    """
    count = len(labeled)
    if count < 2:
        return 1.0, None
    gaps, right = [], 0
    for part in blocks(count):
        apart = squares(labeled[part], labeled)
        rows = torch.arange(count)[part]
        apart[rows - part.start, rows] = torch.inf
        right += int((labels[apart.argmin(dim=1)] == labels[part]).sum())
        gaps.append(apart.masked_fill_(apart < CLOSEST**2, torch.inf).amin(dim=1))
    found = torch.cat(gaps)
    found = found[found < torch.inf].sqrt()
    return float(found.quantile(0.5)) if len(found) else 1.0, right / count


def blocks(count: int) -> Iterator[slice]:
    """Consecutive parts of ``count`` rows."""
    return (slice(start, min(start + _BLOCK, count)) for start in range(0, count, _BLOCK))


def unit(rows: Tensor) -> Tensor:
    """float32 [m, D]: rows of length 1, and rows of zeros as they are."""
    parts = torch.split(rows, rows_at_once(rows.shape[1])) if len(rows) else (rows,)
    return torch.cat([unit_rows(part).float() for part in parts])
