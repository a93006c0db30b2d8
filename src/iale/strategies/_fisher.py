"""What labels would tell about the weights of the last layer: Fisher information, collected greedily.

A sample's information is VᵀV with V = S ⊗ z: its embedding z and a small factor S. With M the information at hand and F
that of all samples, adding a sample lowers tr(M⁻¹F), a bound on the error (Ash et al. 2021, section 3), by its *gain*

    tr(T (I + K)⁻¹),   K = V M⁻¹ Vᵀ,   T = V M⁻¹ F M⁻¹ Vᵀ

and removing one that M holds costs tr(T (I − K)⁻¹). A step changes M⁻¹ by r rows (Woodbury). So the K and T of all
samples follow from products with 2r vectors, O(n·D·q·r), while to compute them anew takes O(n·D²·q²).

Shapes: n samples, D embedding, r rows of V, q columns of S, P = q·D parameters. All numbers are float64.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from iale.geometry.points import Points
from iale.strategies._rows import rows_at_once

_KEPT = 1 << 28  # bytes of embeddings that are kept in float64; those of more samples are raised in each pass
_EVERY = 64  # steps between two checks against a fresh inverse
_JUDGED = 64  # samples, those with the largest gains, whose K and T a check computes anew
_DRIFT = 1e-9  # relative error at which those of all samples are computed anew
_FLOOR = 1e-12  # of the mean diagonal of M; less on the diagonal, and the inverse has no digits


class Rows:
    """V of n samples, as their embeddings and factors.

    Attributes:
        points: the embeddings z, float32 [n, D], maybe on disk.
        factors: S, float64 [n, r, q].
    """

    def __init__(self, points: Points, factors: Tensor) -> None:
        self.points, self.factors = points, factors
        self._kept = self._read(0, len(points)) if 8 * len(points) * points.dim <= _KEPT else None

    def at(self, positions: Tensor) -> Rows:
        """The samples at ``positions`` (int64 [m])."""
        return Rows(self.points.at(positions.to(self.points.indices.device)), self.factors[positions])

    def blocks(self) -> Iterator[tuple[slice, Tensor]]:
        """Consecutive samples, and their embeddings, float64 [b, D]."""
        step = rows_at_once(self.points.dim)
        for start in range(0, len(self.points), step):
            stop = min(start + step, len(self.points))
            yield slice(start, stop), self._read(start, stop) if self._kept is None else self._kept[start:stop]

    def dense(self) -> Tensor:
        """V, float64 [n, r, P], for few samples."""
        embeddings = self._read(0, len(self.points))
        return (self.factors[:, :, :, None] * embeddings[:, None, None, :]).flatten(2)

    def _read(self, start: int, stop: int) -> Tensor:
        return self.points.read(start, stop).to(self.factors.device, torch.float64)

    def times(self, vectors: Tensor) -> Iterator[tuple[slice, Tensor]]:
        """Consecutive samples, and V·``vectors`` for vectors [P, m]: float64 [b, r, m]."""
        q, width = self.factors.shape[2], vectors.shape[1]
        beside = vectors.view(q, -1, width).transpose(0, 1).reshape(-1, q * width)  # [D, q·m]
        for rows, block in self.blocks():
            products = (block @ beside).view(len(block), q, width)
            # A product of numbers is much faster than as many products of matrices with one entry.
            yield rows, self.factors[rows] * products if q == 1 else self.factors[rows] @ products

    def information(self) -> Tensor:
        """Σ VᵀV over all samples: float64 [P, P]."""
        q, dim = self.factors.shape[2], self.points.dim
        total = self.factors.new_zeros(q, dim, q, dim)
        for rows, block in self.blocks():
            weights = self.factors[rows].mT @ self.factors[rows]
            for a in range(q):
                for b in range(a + 1):
                    total[a, :, b] += (block * weights[:, a, b, None]).T @ block
        for a in range(q):
            for b in range(a):
                total[b, :, a] = total[a, :, b].T
        return total.view(q * dim, q * dim)

    def forms(self, matrix: Tensor) -> Tensor:
        """V·``matrix``·Vᵀ for a symmetric matrix [P, P]: float64 [n, r, r]."""
        n, r, q = self.factors.shape
        parts, found = matrix.view(q, -1, q, matrix.shape[0] // q), self.factors.new_empty(n, r, r)
        for rows, block in self.blocks():
            inner = self.factors.new_empty(len(block), q, q)
            for a in range(q):
                for b in range(a + 1):
                    inner[:, a, b] = inner[:, b, a] = ((block @ parts[a, :, b]) * block).sum(dim=1)
            found[rows] = self.factors[rows] @ inner @ self.factors[rows].mT
        return found


class Information:
    """M, its inverse, and the K and T of ``rows``.

    Attributes:
        held: M, float64 [P, P].
    """

    def __init__(self, rows: Rows, held: Tensor, whole: Tensor) -> None:
        """From M, ``held``, and F, ``whole``: float64 [P, P], positive definite and semidefinite."""
        self._rows, self._whole, self._steps = rows, whole, 0
        self.held = held.clone()
        self.held.diagonal().add_(_FLOOR * held.diagonal().mean())
        self._compute()

    def gains(self, sign: int = 1) -> Tensor:
        """float64 [n]: how much tr(M⁻¹F) falls if a sample is added (1), or rises if it is removed (−1)."""
        if self._k.shape[1] == 1:
            return (self._t / (1 + sign * self._k))[:, 0, 0]
        one = torch.eye(self._k.shape[1], dtype=torch.float64, device=self._k.device)
        turned, _ = torch.linalg.solve_ex(one + sign * self._k, self._t)
        return turned.diagonal(dim1=1, dim2=2).sum(dim=1)

    def step(self, position: int, sign: int = 1) -> None:
        """Adds a sample to M (1), or removes it (−1)."""
        v = self._rows.at(torch.tensor([position], device=self.held.device)).dense()[0]  # [r, P]
        self.held += sign * v.T @ v
        turned = self._inverse @ v.T
        inner = sign * v @ turned
        inner.diagonal().add_(1)
        root, failed = torch.linalg.cholesky_ex(inner)
        if bool(failed):  # the sample was nearly all that M held in some direction, so digits are gone
            self._compute()
            return
        # M⁻¹ loses w·wᵀ when a sample is added, and gains it when one is removed.
        w = torch.linalg.solve_triangular(root, turned.T, upper=False).T
        pushed = self._inverse @ (self._whole @ w)
        middle = w.T @ self._whole @ w
        self._inverse -= sign * w @ w.T
        for rows, products in self._rows.times(torch.cat([w, pushed], dim=1)):
            p, other = products.tensor_split(2, dim=2)
            self._k[rows] -= sign * _outer(p, p)
            cross = _outer(p, other)
            self._t[rows] += _outer(p @ middle, p) - sign * (cross + cross.mT)
        self._steps += 1
        if self._steps % _EVERY == 0:
            self._check()

    def _check(self) -> None:
        """Takes a fresh inverse of M, and fresh K and T if those of the samples with the largest gains have drifted."""
        self._inverse = _inverse(self.held)
        judged = self.gains().topk(min(_JUDGED, len(self._k))).indices
        v = self._rows.at(judged).dense()
        turned = v @ self._inverse
        for kept, fresh in (self._k, turned @ v.mT), (self._t, turned @ self._whole @ turned.mT):
            if bool((kept[judged] - fresh).abs().max() > _DRIFT * fresh.abs().max()):
                self._compute()
                return

    def _compute(self) -> None:
        self._inverse = _inverse(self.held)
        self._k = self._rows.forms(self._inverse)
        self._t = self._rows.forms(self._inverse @ self._whole @ self._inverse)


def _outer(one: Tensor, other: Tensor) -> Tensor:
    """``one``·``other``ᵀ for each sample: float64 [b, r, r]."""
    return one * other if one.shape[1:] == (1, 1) else one @ other.mT


def _inverse(matrix: Tensor) -> Tensor:
    return torch.cholesky_inverse(torch.linalg.cholesky(matrix))
