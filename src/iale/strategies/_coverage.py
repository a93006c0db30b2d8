"""Greedy weighted coverage: the exact greedy choice, with few kernel values and never n × n of them.

With m_j = max_{c ∈ S} K_cj, which is what S covers, a candidate a gains g_a = Σ_j w_j · max(K_aj − m_j, 0). S only
grows, so m only grows and gains only shrink: an old gain is an upper bound (Minoux 1978). A choice raises m only at the
points that are nearer to it than to the rest of S, so an old gain is brought up to date from these few points alone.

Gains are computed fast, with a bound on their error. Candidates that this bound cannot rule out are computed again in
float64.
Legend of dimensions: n points, which are the candidates and what they cover; k to choose.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from iale.strategies._kernel import Kernel, MixedKernel, columns_at_once

SAME = 1e-12
"""Gains, as shares of all weight, that differ by no more than this are tied."""

_BLOCK = 512
_NEAR = 0.95  # candidates are updated together if their bounds are at least this share of the largest
_FEW = 8  # fewer candidates with a common past are computed anew
_EXACT = 4  # candidates computed exactly in the first try of a step; each further try takes twice as many


class Coverage:
    """What is covered, and bounds of what each candidate would add.

    Attributes:
        gains: float64 [n], the gain of each candidate when it was last looked at; −∞ for the chosen.
        covered: float64 [n], m.
    """

    def __init__(self, kernel: Kernel | MixedKernel, weights: Tensor, covered: Tensor, scale: Tensor) -> None:
        """``scale``, float64 [n], multiplies the gain of each candidate."""
        n = len(kernel)
        self._kernel, self._weights, self._scale = kernel, weights / weights.sum(), scale
        self.covered = covered.clone()
        self._taken = torch.zeros(n, dtype=torch.bool)
        self._changes: list[tuple[NDArray[np.int64], NDArray[np.float64]]] = []  # where m rose, and what it was
        self.start()

    def start(self) -> None:
        """All gains in fast numbers. K is symmetric, so each block serves its rows and its columns.

        |K̃ − K| ≤ error · K. So a gain is wrong by at most the error times the sum of w·K where K > m, and that is the
        gain plus the sum of w·m. A slightly smaller m finds all these places, and makes no gain smaller. The sums of a
        block round, too.
        """
        n, kind, error = len(self._kernel), self._kernel.fast, self._kernel.error
        self.gains, already = torch.zeros(2, n, dtype=torch.float64)
        weights, covered = self._weights.to(kind), (self.covered * (1 - 2 * error)).to(kind)
        weighted = weights * covered

        def add(to: slice, of: slice, above: Tensor) -> None:
            """Adds what the points of one slice give to the gains of another; ``above``, which is K − m, is lost."""
            self.gains[to] += (above.relu_() @ weights[of]).double()
            already[to] += (above.sign_() @ weighted[of]).double()

        for i in range(0, n, _BLOCK):
            for j in range(i, n, _BLOCK):
                rows, columns = slice(i, i + _BLOCK), slice(j, j + _BLOCK)
                block = self._kernel.block(rows, columns, kind)
                if i != j:
                    add(columns, rows, (block - covered[rows, None]).T)
                add(rows, columns, block.sub_(covered[columns]))
        self._slack = 1.1 * error * (self.gains + already) + (_BLOCK + 8) * torch.finfo(kind).eps * self.gains
        self.gains *= self._scale
        self._slack *= self._scale
        self.gains[self._taken] = -torch.inf
        self._exact = torch.full((n,), -1)
        self._version = torch.full((n,), len(self._changes))

    def best(self) -> Tensor:
        """int64 [m]: the candidates with the largest gain, all that are tied; none if nothing is left to gain.

        Each turn updates a candidate or makes one exact, so there are at most 2·n turns.
        """
        now, largest, size = len(self._changes), SAME, _EXACT
        while True:
            bounds = self.gains + self._slack
            current = self._version == now
            done = self._exact == now
            if bool(done.any()):
                largest = max(SAME, float(self.gains[done].max()))
            open_ones = torch.where(~done & (bounds >= largest - SAME), bounds, -torch.inf)
            top = int(open_ones.argmax())
            if float(open_ones[top]) <= SAME:
                break
            if current[top]:
                fresh = torch.where(current, open_ones, -torch.inf)
                self._make_exact(_highest(fresh, size))
                size = min(2 * size, 8 * _EXACT)
            else:
                self._bring_up_to_date(torch.where(~current & (bounds >= _NEAR * bounds[top]))[0])
        return torch.where(done & (self.gains >= largest - SAME) & (self.gains > SAME))[0]

    def take(self, position: int) -> None:
        """Chooses a candidate."""
        row = self._kernel.block(torch.tensor([position]), slice(None), torch.float64)[0]
        where = torch.where(row > self.covered)[0]
        self._changes.append((where.numpy(), self.covered[where].numpy()))
        self.covered[where] = row[where]
        self._taken[position] = True
        self.gains[position] = -torch.inf

    def _make_exact(self, rows: Tensor) -> None:
        gains = torch.zeros(len(rows), dtype=torch.float64)
        step = columns_at_once(len(rows))
        for start in range(0, len(self._kernel), step):
            columns = slice(start, start + step)
            block = self._kernel.block(rows, columns, torch.float64)
            gains += block.sub_(self.covered[columns]).relu_() @ self._weights[columns]
        self.gains[rows], self._slack[rows], self._exact[rows] = gains * self._scale[rows], 0.0, len(self._changes)
        self._version[rows] = len(self._changes)

    def _bring_up_to_date(self, rows: Tensor) -> None:
        """Subtracts from gains what was covered since their last update; starts over if that is most of everything."""
        if 2 * len(rows) > len(self.gains) < 2 * len(self._changes[-1][0]):
            self.start()
            return
        versions, group, counts = torch.unique(self._version[rows], return_inverse=True, return_counts=True)
        for number, version in enumerate(versions.tolist()):
            if counts[number] >= _FEW:
                self._lower(rows[group == number], version)
        self._make_exact(rows[counts[group] < _FEW])

    def _lower(self, rows: Tensor, version: int) -> None:
        """Subtracts from gains what was covered since a version."""
        kind, error = self._kernel.fast, self._kernel.error
        where, past = self._since(version)
        before, after, weights = past.to(kind), self.covered[where].to(kind), self._weights[where].to(kind)
        almost, weighted = before * (1 - 4 * error), weights * after
        step = columns_at_once(len(rows))
        rounding = (min(step, len(where)) + 8) * torch.finfo(kind).eps
        for start in range(0, len(where), step):
            part = slice(start, start + step)
            block = self._kernel.block(rows, where[part], kind)
            # A value is wrong by at most error · K, and what is lost only where K lies between before and after.
            wrong = 1.1 * error * ((block > almost[part]).to(kind) @ weighted[part]).double()
            # max(K − before, 0) − max(K − after, 0), in one piece, so that little is lost to rounding
            above = torch.minimum(block, after[part]).sub_(before[part]).relu_()
            lost = (above @ weights[part]).double()
            self.gains[rows] -= lost * self._scale[rows]
            self._slack[rows] += (wrong + rounding * lost) * self._scale[rows]
        self._version[rows] = len(self._changes)

    def _since(self, version: int) -> tuple[Tensor, Tensor]:
        """Where m has increased since a version, and what it was then."""
        places = np.concatenate([where for where, _ in self._changes[version:]])
        values = np.concatenate([before for _, before in self._changes[version:]])
        # The first change of a point holds the value it had: np.unique returns the first of equal ones.
        where, first = np.unique(places, return_index=True)
        return torch.from_numpy(where), torch.from_numpy(values[first])


def _highest(values: Tensor, most: int) -> Tensor:
    """Positions of the ``most`` highest values that are finite."""
    top = values.topk(min(most, len(values)))
    return top.indices[top.values > -torch.inf]
