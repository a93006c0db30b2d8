"""How much labels would tell about the weights of the last layer: Fisher information, collected greedily.

A sample's information is VᵀV with V = S ⊗ z: its embedding z and a small factor S. With M the information at hand and F
that of all samples, adding a sample lowers tr(M⁻¹F), a bound on the error (Ash et al. 2021, section 3), by its *gain*

    tr(T (I + K)⁻¹),   K = V M⁻¹ Vᵀ,   T = V M⁻¹ F M⁻¹ Vᵀ

and removing one that M holds costs tr(T (I − K)⁻¹). A step changes M⁻¹ by r rows (Woodbury). So updating the K and T of
all samples takes products with 2r vectors, O(n·D·r²). Computing them from scratch would take O(n·D²·r²).

Nothing is known of directions in which no embedding points. So if there are fewer samples than D, their coordinates
along as many directions stand for their embeddings (`narrowed`), and D is the number of these.

Shapes: n samples, D embedding, r rows of V, P = r·D parameters. All numbers are float64.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.linalg.lapack import dpotri

from iale.geometry.points import Points
from iale.strategies._rows import rows_at_once
from iale.strategies._unit import unit_rows

Floats = NDArray[np.float64]
_KEPT = 1 << 28  # bytes of embeddings that are kept in float64; those of more samples are raised in each pass
_EVERY = 64  # steps between two checks against a fresh inverse
_JUDGED = 64  # samples, those with the largest gains, whose K and T a check computes anew
_DRIFT = 1e-9  # relative error at which those of all samples are computed anew
_FLOOR = 1e-12  # of the mean diagonal of M; less on the diagonal, and the inverse has no digits


def kept_at_most(dim: int) -> int:
    """How many embeddings of this width are kept in memory."""
    return _KEPT // (8 * max(1, dim))


class Rows:
    """V of n samples, as their embeddings and factors.

    Attributes:
        points: the embeddings z, float32 [n, D], maybe on disk.
        dim: D, which is smaller than that of the points after `narrowed`.
        scale: float64 [n]; the factor S has one row and column, √w, if there are no ``probs``.
        probs: p, float64 [n, C], or None: S is the scale times the rows √p_c (e_c − p).
        unit: whether z is the embedding at length 1.
    """

    def __init__(
        self,
        points: Points,
        scale: Floats,
        probs: Floats | None = None,
        *,
        unit: bool = False,
        kept: Floats | None = None,
    ) -> None:
        """``kept`` are the embeddings, or their coordinates [n, d], if they have been read before."""
        self.points, self.scale, self.probs, self.unit = points, scale, probs, unit
        self.rank = 1 if probs is None else probs.shape[1]
        self.dim = points.dim if kept is None else kept.shape[1]
        self._kept = kept
        if kept is None and len(points) <= kept_at_most(points.dim):
            read = np.empty((len(points), points.dim))
            for rows, block in self._blocks():
                read[rows] = block
            self._kept = read

    def at(self, positions: NDArray[np.int64]) -> Rows:
        """The samples at ``positions`` [m]."""
        points, scale = self.points.at(torch.from_numpy(positions)), self.scale[positions]
        probs, kept = (None if part is None else part[positions] for part in (self.probs, self._kept))
        return Rows(points, scale, probs, unit=self.unit, kept=kept)

    def along(self, directions: Floats) -> Rows:
        """The same samples, with the coordinates of their embeddings along ``directions`` [D, d], which are kept."""
        assert self._kept is not None
        return Rows(self.points, self.scale, self.probs, unit=self.unit, kept=self._kept @ directions)

    def dense(self, positions: NDArray[np.int64]) -> Floats:
        """V [m, r, P] of a few samples."""
        z = self._read(positions) if self._kept is None else self._kept[positions]
        factors = self._scaled(positions, np.repeat(np.eye(self.rank)[None], len(positions), axis=0))
        return (factors[..., None] * z[:, None, None]).reshape(len(positions), self.rank, -1)

    def times(self, vectors: Floats) -> Iterator[tuple[slice, Floats]]:
        """Consecutive samples, and V·``vectors`` for vectors [P, m]: [b, r, m]."""
        width = vectors.shape[1]
        beside = vectors.reshape(self.rank, -1, width).transpose(1, 0, 2).reshape(-1, self.rank * width)
        for rows, block in self._blocks():
            yield rows, self._scaled(rows, (block @ beside).reshape(len(block), self.rank, width))

    def information(self) -> Floats:
        """Σ VᵀV over all samples: [P, P]."""
        r, dim = self.rank, self.dim
        total = np.zeros((r, dim, r, dim))
        for rows, block in self._blocks():
            scaled = block * self.scale[rows, None]
            if self.probs is None:
                total[0, :, 0] += scaled.T @ scaled  # twice as fast as a product of two matrices
                continue
            for a in range(r):
                for b in range(a + 1):
                    weights = self.probs[rows, a] * ((a == b) - self.probs[rows, b])
                    total[a, :, b] += (scaled * weights[:, None]).T @ scaled
        for a in range(r):
            for b in range(a):
                total[b, :, a] = total[a, :, b].T
        return total.reshape(r * dim, r * dim)

    def forms(self, matrix: Floats) -> Floats:
        """V·``matrix``·Vᵀ for a symmetric matrix [P, P]: [n, r, r]."""
        n, r = len(self.points), self.rank
        parts, found = matrix.reshape(r, -1, r, matrix.shape[0] // r), np.empty((n, r, r))
        for rows, block in self._blocks():
            inner = np.empty((len(block), r, r))
            for a in range(r):
                for b in range(a + 1):
                    inner[:, a, b] = inner[:, b, a] = np.einsum("nd,nd->n", block @ parts[a, :, b], block)
            found[rows] = self._scaled(rows, self._scaled(rows, inner).swapaxes(1, 2))
        return found

    def _scaled(self, rows: slice | NDArray[np.int64], values: Floats) -> Floats:
        """S·``values`` for values [b, r, m] of some samples."""
        scale = self.scale[rows][:, None, None]
        if self.probs is None:
            return scale * values
        probs = self.probs[rows]
        return (scale * np.sqrt(probs)[:, :, None]) * (values - probs[:, None] @ values)

    def _blocks(self) -> Iterator[tuple[slice, Floats]]:
        """Consecutive samples, and their embeddings [b, D]."""
        step = rows_at_once(self.points.dim)
        for start in range(0, len(self.points), step):
            rows = slice(start, min(start + step, len(self.points)))
            yield rows, self._read(np.arange(rows.start, rows.stop)) if self._kept is None else self._kept[rows]

    def _read(self, positions: NDArray[np.int64]) -> Floats:
        values = self.points.at(torch.from_numpy(positions)).read()
        if self.unit:
            values = unit_rows(values).float()  # as exact as embeddings are
        return values.cpu().numpy().astype(np.float64)


def narrowed(parts: Sequence[Rows]) -> list[Rows]:
    """The same samples along the directions in which their embeddings point, if they are fewer than D.

    M and F are λ and 0 in all other directions, whatever is chosen. So no gain changes.
    """
    kept = [part._kept for part in parts if part._kept is not None]
    if len(kept) < len(parts) or sum(map(len, kept)) >= parts[0].dim:
        return list(parts)
    directions, _ = np.linalg.qr(np.concatenate(kept).T)
    return [part.along(directions) for part in parts]


class Information:
    """M, its inverse, and the K and T of ``rows``.

    A step changes M by VᵀV and M⁻¹ by WᵀW. Both may be large, so they keep what they were at the last check, and the
    rows of V and W lie beside them.
    """

    def __init__(self, rows: Rows, held: Floats, whole: Floats) -> None:
        """From M, ``held``, and F, ``whole``: [P, P], positive definite and semidefinite."""
        self._rows, self._whole, self._steps = rows, whole, 0
        self._held: Floats = held + _FLOOR * np.trace(held) / len(held) * np.eye(len(held))
        self._v, self._w = (np.empty((_EVERY * rows.rank, len(held))) for _ in range(2))
        self._signs, self._beside = np.empty((len(self._v), 1)), 0
        self._compute()

    @property
    def held(self) -> Floats:
        """M [P, P]."""
        self._settle()
        return self._held

    def of(self, positions: NDArray[np.int64]) -> Information:
        """The same M for the samples at ``positions`` only; this object is not to be used after it."""
        found = copy.copy(self)
        found._rows, found._k, found._t = self._rows.at(positions), self._k[positions], self._t[positions]
        return found

    def gains(self, sign: int = 1) -> Floats:
        """[n]: how much tr(M⁻¹F) falls if a sample is added (1), or rises if it is removed (−1)."""
        return self._gains(self._k, self._t, sign)

    def step(self, position: int, sign: int = 1) -> None:
        """Adds a sample to M (1), or removes it (−1)."""
        v = self._rows.dense(np.array([position]))[0]  # [r, P]
        turned = self._times_inverse(v.T)
        try:
            root = np.linalg.cholesky(np.eye(len(v)) + sign * (v @ turned))
        except np.linalg.LinAlgError:  # the sample was nearly all that M held in some direction, so no digits are left
            self._settle()
            self._held += sign * (v.T @ v)
            self._compute()
            return
        # M⁻¹ loses w·wᵀ when a sample is added, and gains it when one is removed.
        w = np.linalg.solve(root, turned.T).T
        pushed = self._whole @ w
        middle = w.T @ pushed
        pushed = self._times_inverse(pushed) - w @ (sign * middle / 2)
        new = slice(self._beside, self._beside + len(v))
        self._v[new], self._w[new], self._signs[new], self._beside = v, w.T, sign, new.stop
        for rows, products in self._rows.times(np.concatenate([w, pushed], axis=1)):
            p, other = products[:, :, : len(v)], products[:, :, len(v) :]
            cross = _outer(p, other)
            self._k[rows] -= sign * _outer(p, p)
            self._t[rows] -= sign * (cross + cross.swapaxes(1, 2))
        self._steps += 1
        if self._steps % _EVERY == 0:
            self._check()

    def _gains(self, k: Floats, t: Floats, sign: int) -> Floats:
        if k.shape[1] == 1:
            return (t / (1 + sign * k))[:, 0, 0]
        # (I + K)⁻¹ and T are symmetric, so the trace of their product is the sum of the products of their entries.
        inverse, _ = torch.linalg.inv_ex(torch.from_numpy(np.eye(k.shape[1]) + sign * k))
        found: Floats = np.einsum("nij,nij->n", inverse.numpy(), t)
        return found

    def _times_inverse(self, vectors: Floats) -> Floats:
        """M⁻¹·``vectors`` for vectors [P, m]."""
        w, signs = self._w[: self._beside], self._signs[: self._beside]
        found: Floats = self._inverse @ vectors - w.T @ (signs * (w @ vectors))
        return found

    def _settle(self) -> None:
        """Adds to M and M⁻¹ what lies beside them."""
        v, w, signs = self._v[: self._beside], self._w[: self._beside], self._signs[: self._beside]
        if len(v):
            self._held += v.T @ (signs * v)
            self._inverse -= w.T @ (signs * w)
        self._beside = 0

    def _check(self) -> None:
        """Recomputes the inverse of M, and also K and T if those of the samples with the largest gains have drifted."""
        self._settle()
        self._inverse = _inverse(self._held)
        judged = np.argsort(-self.gains(), kind="stable")[:_JUDGED]
        pairs = zip((self._k, self._t), self._fresh(judged), strict=True)
        if any(np.abs(kept[judged] - fresh).max() > _DRIFT * np.abs(fresh).max() for kept, fresh in pairs):
            self._compute()

    def _compute(self) -> None:
        """From M alone; nothing lies beside it."""
        self._inverse = _inverse(self._held)
        n = len(self._rows.points)
        if n * self._rows.rank < len(self._held):  # fewer products than P³, which is most of the work of a wide layer
            self._k, self._t = self._fresh(np.arange(n))
            return
        self._k = self._rows.forms(self._inverse)
        self._t = self._rows.forms(self._inverse @ self._whole @ self._inverse)

    def _fresh(self, positions: NDArray[np.int64]) -> tuple[Floats, Floats]:
        """K and T of a few samples, from their V."""
        v, shape = self._rows.dense(positions), (len(positions), self._rows.rank, -1)
        turned = v.reshape(-1, len(self._held)) @ self._inverse
        k = _outer(turned.reshape(shape), v)
        del v  # the memory that `BaitFull` foresees has room for two such matrices
        return k, _outer((turned @ self._whole).reshape(shape), turned.reshape(shape))


def _outer(one: Floats, other: Floats) -> Floats:
    """``one``·``other``ᵀ for each sample: [b, r, r]."""
    if one.shape[1:] == (1, 1):
        return one * other
    # NumPy takes many small products one by one.
    found: Floats = (torch.from_numpy(one) @ torch.from_numpy(other).mT).numpy()
    return found


def _inverse(matrix: Floats) -> Floats:
    """The inverse of a positive definite matrix, exactly symmetric."""
    found, _ = dpotri(np.linalg.cholesky(matrix), lower=1)
    lower: Floats = np.tril(found)
    return lower + np.tril(lower, -1).T
