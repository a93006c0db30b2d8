"""BAIT: batches that tell the most about the weights of the last layer (Ash et al. 2021, Algorithm 1).

Shapes: n candidates, L labeled samples, C classes, D embedding.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from iale._given import is_real
from iale.classifiers.base import Outputs
from iale.errors import ConfigError, QueryError
from iale.geometry.points import Points
from iale.strategies._fisher import Floats, Information, Rows, kept_at_most, narrowed
from iale.strategies.base import Need, QueryContext, QueryStrategy

_MOST = 1 << 31  # bytes of all matrices
_TIED = 1e-9  # of the first step's largest gain: gains that differ by less are tied


class _Bait(QueryStrategy):
    """The greedy choice; `_rows` says what a sample's information is."""

    needs: ClassVar[frozenset[Need]] = frozenset({Need.LABELED, Need.GEOMETRY})
    reads_embeddings: ClassVar[bool] = True
    starts_cold: ClassVar[bool] = True

    def __init__(self, ridge: float = 1.0) -> None:
        """With λ, ``ridge``, above 0, of the scale of squared embeddings; raises ConfigError if it is not."""
        if not is_real(ridge) or not 0 < ridge < np.inf:
            raise ConfigError(f"the ridge of BAIT must be a number above 0, not {ridge!r:.40}.")
        self.ridge = ridge

    def select(self, context: QueryContext, k: int, *, rng: np.random.Generator) -> Tensor:
        """int64 [k], in the order of choice; raises QueryError if an output is not finite."""
        known = context.labeled
        assert known is not None
        looked = _looked_at(context, k, rng)
        if len(looked) < len(context):
            context = context.at(looked)
        self._check_size(context)
        candidates = self._rows(*_points(context.candidates, context.geometry))
        labeled = self._rows(*_points(known, context.labeled_geometry))
        candidates, labeled = narrowed([candidates, labeled])
        present = labeled.information()
        total = len(known) + k
        whole = (candidates.information() + present) / (len(known) + len(context))
        if not np.isfinite(whole.sum()):
            raise QueryError("a logit or an embedding is not finite: check the classifier's outputs.")
        held = present / total + self.ridge * np.eye(len(whole))
        candidates.scale *= (k / total) ** 0.5
        return looked[torch.from_numpy(_forward_backward(candidates, held, whole, k, rng))]

    @abstractmethod
    def _rows(self, points: Points, logits: Tensor, unit: bool = False) -> Rows:
        """V of each sample: its information is VᵀV. ``unit`` says whether points are taken at length 1."""

    @abstractmethod
    def _check_size(self, context: QueryContext) -> None:
        """Raises QueryError if the matrices would not fit into memory."""


class Bait(_Bait):
    """BAIT for large pools: the information of "is the predicted class right?", which has rank one.

    A sample's information is w·zzᵀ with w = p₁(1 − p₁): the Fisher information of a logistic regression on the
    embedding z that separates the predicted class, which has probability p₁, from the others. With two classes it is
    that of the classifier itself. With M = λI + (Σ over labeled + k·Σ over chosen samples of w·zzᵀ) / (L + k), and F
    the mean of w·zzᵀ over candidates and labeled samples, each step adds the candidate with the largest

        c·w·zᵀM⁻¹FM⁻¹z / (1 + c·w·zᵀM⁻¹z),   c = k / (L + k)

    until 2k are chosen (or all), and then drops the one whose removal raises tr(M⁻¹F) the least until k are left.
    Recent comparisons call this form BAIT; the paper's form is `BaitFull`. The weights 1 / (L + k) and c are from the
    authors' code, and, as there, z has no constant 1 for the bias.

    Before the first label, z is the candidate's point in the geometry at unit length (a zero row stays zero), and all w
    are equal. If these points take more than 256 MiB in float64, random ones that just fit, at least 2k, stand for all
    candidates. Gains that differ by less than 1e-9 of the first one are ties, and ``rng`` breaks them.

    With fewer candidates and labeled samples than D, their number takes the place of D in what follows, at the cost of
    O((n + L)²·D). It takes O((n + L)·D² + k·(n·D + D²)) time, plus D³ for a check every 64 steps. Memory is 4·D²
    numbers, and the smaller of 8·n·D bytes and 256 MiB for embeddings, which may be on disk. Where the matrices take
    more than 2 GiB, which is for D above 8,192, it raises QueryError.
    """

    name: ClassVar[str] = "bait"

    def _rows(self, points: Points, logits: Tensor, unit: bool = False) -> Rows:
        probs = torch.softmax(logits.double(), dim=1)
        likely = probs.argmax(dim=1, keepdim=True)
        # 1 − p₁ as the sum of the others, which keeps the digits that the difference loses.
        others = probs.scatter(1, likely, 0.0).sum(dim=1)
        return Rows(points, (probs.gather(1, likely)[:, 0] * others).sqrt().cpu().numpy(), unit=unit)

    def _check_size(self, context: QueryContext) -> None:
        size = _directions(context)
        if 8 * 4 * size**2 > _MOST:
            raise QueryError(
                f"{self.name} needs {8 * 4 * size**2 / 1e9:.0f} GB for embeddings of {size} numbers: take a strategy "
                f"that needs less, such as margin, or a model with narrower embeddings."
            )


class BaitFull(_Bait):
    """BAIT as published: the information of all C classes, for small C·D.

    A sample's information is VᵀV = (diag(p) − ppᵀ) ⊗ zzᵀ, where V has a row √p_c (e_c − p) ⊗ z for each class. The
    steps, weights, ties and the start without labels are those of `Bait`; the score is
    c·tr(V M⁻¹ F M⁻¹ Vᵀ (I + c·V M⁻¹ Vᵀ)⁻¹).

    With fewer candidates and labeled samples than D, their number takes the place of D in what follows. It takes
    O((n + L)·C²·D² + k·(n·C²·D + n·C³ + C³·D²)) time, (C·D)³ at first and every 64 steps, and memory for
    5·(C·D)² + 3·n·C² numbers. Where this is more than 2 GiB, it raises QueryError.
    """

    name: ClassVar[str] = "bait-full"

    def _rows(self, points: Points, logits: Tensor, unit: bool = False) -> Rows:
        return Rows(points, np.ones(len(logits)), torch.softmax(logits.double(), dim=1).cpu().numpy(), unit=unit)

    def _check_size(self, context: QueryContext) -> None:
        n, classes = context.candidates.logits.shape
        size = classes * _directions(context)
        needed = 8 * (5 * size**2 + 3 * n * classes**2)
        if needed > _MOST:
            raise QueryError(
                f"{self.name} needs {needed / 1e9:.0f} GB for {n} candidates, {classes} classes and {size} weights: "
                f"ask a smaller sub-pool, or take bait."
            )


def _directions(context: QueryContext) -> int:
    """In how many directions embeddings can point: D, or fewer if there are fewer samples."""
    known = 0 if context.labeled is None else len(context.labeled)
    return min(_points(context.candidates, context.geometry)[0].dim, len(context) + known)


def _points(outputs: Outputs, geometry: Points | None) -> tuple[Points, Tensor, bool]:
    """The arguments of `_rows`: embeddings as points; before the first label, the geometry at unit length."""
    if outputs.embeddings.shape[1]:
        every = torch.arange(len(outputs), device=outputs.embeddings.device)
        return Points(outputs.embeddings, every), outputs.logits, False
    assert geometry is not None
    return geometry, outputs.logits, True


def _looked_at(context: QueryContext, k: int, rng: np.random.Generator) -> Tensor:
    """int64 [m]: the candidates that are chosen from, in order; before the first label, at most what is kept."""
    points, _, cold = _points(context.candidates, context.geometry)
    n, most = len(context), max(2 * k, kept_at_most(points.dim))
    if not cold or n <= most:
        return torch.arange(n)
    return torch.from_numpy(np.sort(rng.choice(n, most, replace=False, shuffle=False)))


def _forward_backward(rows: Rows, held: Floats, whole: Floats, k: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """2k of the ``rows`` by greedy addition to M, ``held``; then k of them by greedy removal."""
    n = len(rows.points)
    order = rng.permutation(n)  # of tied candidates, the first in this order is chosen and the last removed
    information, open_, chosen, tied = Information(rows, held, whole), np.ones(n, dtype=bool), list[int](), 0.0
    while len(chosen) < min(2 * k, n):
        gains = information.gains()
        tied = tied or _TIED * float(gains.max())
        position = _first(-gains, open_, tied, order)
        chosen.append(position)
        open_[position] = False
        information.step(position)
    kept = np.array(chosen)
    information, open_ = information.of(kept), np.ones(len(kept), dtype=bool)
    while open_.sum() > k:
        position = _first(information.gains(-1), open_, tied, -order[kept])
        open_[position] = False
        information.step(position, -1)
    return kept[open_]


def _first(losses: Floats, open_: NDArray[np.bool_], tied: float, order: NDArray[np.int64]) -> int:
    """The open position with the smallest loss; of several within ``tied`` of it, the first in ``order``."""
    losses = np.where(open_, losses, np.inf)
    near = np.flatnonzero(losses <= losses.min() + tied)
    return int(near[order[near].argmin()])
