"""Many linear heads at once, each fitted until a bound on what it could still gain is small.

At every point W = a X for coefficients ``a`` of the samples, which sum to 0 for each class. The gradient has the
coefficients ρ = a + c (p − y), with the probabilities p, so a step needs one product with the inputs. The sums of ρ are
the gradient of the intercepts, and K = X Xᵀ + κ 1 1ᵀ joins both: coefficients v change the logits by v K. The inputs
have the mean 0, so what v has of c changes the intercepts only, and is not put into ``a``. Steps are conjugate (Polak
and Ribière 1969), each as long as the second derivative along it says, and shorter where the slope at its end has
turned up.

With the best intercepts for W,  loss − least loss ≤ ‖g_W‖² / 2 ≤ ρ K ρ / 2  for the gradient g, because the least loss
over the intercepts is 1-strongly convex in W. A problem is solved when this, relative to its loss, is below the
tolerance. The steps are in float32; problems for which that is too coarse go on in float64.
"""

from __future__ import annotations

import warnings

import torch
from torch import Tensor

from iale.classifiers._linear._problems import Problems

TOLERANCE = 1e-6
_POOR = 1e-4  # of which a warning tells
_UNSOLVED = "a linear head is not yet the best: its loss may be over 1e-4 too high; raise its l2, or look for outliers."
_LOOK = 4  # steps between two looks at the losses
_TURNS = 30  # most corrections of a step; each shortens it by a third or more
_ROUNDS = {torch.float32: 3, torch.float64: 12}
_STEPS = {torch.float32: 90, torch.float64: 400}  # of a round
_SHARE = 0.5  # of the tolerance left, at which a round ends: the last steps of the intercepts cost some


def solve(problems: Problems, a: Tensor, b: Tensor, tolerance: float = TOLERANCE) -> tuple[Tensor, Tensor, Tensor]:
    """Solves problems, from the coefficients ``a`` [R, C, n] and the intercepts ``b`` [R, C, 1] on.

    Returns coefficients, which sum to 0; intercepts; and the problems, int64, for which these need float64.
    """
    a, b = a.clone(), b.clone()
    left, excess = torch.arange(len(a), device=a.device), b.new_zeros(len(a))
    fine = left[:0]
    for dtype, rounds in _ROUNDS.items():
        part = problems.at(left)
        if dtype == torch.float64:
            if a.device.type == "mps":
                break
            part, a, b, fine = part.double(), a.double(), b.double(), left
        for number in range(1, rounds + 1):
            short = Descent(part, a[left], b[left]).run(tolerance * _SHARE**number)
            # Looked at anew, the logits have not the rounding of the steps.
            descent = Descent(part, *short)
            excess = descent.excess()
            a[left], b[left] = descent.found()
            unsolved = (~(excess <= tolerance)).nonzero()[:, 0]
            if not len(unsolved):
                return a, b, fine
            if len(unsolved) < len(left):
                left, excess, part = left[unsolved], excess[unsolved], part.at(unsolved)
    if not bool((excess <= _POOR).all()):
        warnings.warn(_UNSOLVED, stacklevel=2)
    return a, b, fine


class Descent:
    """Conjugate steps from ``a`` [R, C, n] and ``b`` [R, C, 1].

    Small problems spend their time on calls, so these tensors [2, R, C, n] are changed in place, both halves at once:
    `_point` is a − c y and the logits, `_gradient` is ρ and ρ K, and `_step` is s and s K, which are taken from
    `_point`. To make a view is a call, too, so the halves, and all of them as rows [R, 1, C n], are kept. `_pull`
    [R, C, 1] are the sums of ρ; numbers of a problem are [R, 1, 1].
    """

    def __init__(self, problems: Problems, a: Tensor, b: Tensor) -> None:
        self._problems, self._b, self._scale = problems, b, problems.scale()
        self._counts = problems.weights / problems.strengths
        self._point = a.new_empty(2, *a.shape)
        self._point[0].copy_(a).scatter_add_(1, problems.labels, -self._counts)
        self._point[1] = problems.products(a, b) if bool(a.any()) else b
        self._gradient, self._step = torch.empty_like(self._point), torch.zeros_like(self._point)
        self._probs = torch.empty_like(a)
        self._turn = self._rise = self._squared = torch.zeros_like(self._scale)  # see `_advance`
        self._pull = torch.zeros_like(b)
        self._view()
        self._slope()

    def _view(self) -> None:
        every = (self._point, self._gradient, self._step)
        self._halves = [half for whole in every for half in whole]
        self._rows = [half.flatten(1)[:, None] for half in self._halves]
        self._columns = [row.mT for row in self._rows]
        self._flat = [whole.flatten(2)[:, :, None] for whole in every]

    def _leave(self, rows: Tensor) -> None:
        """Only some of the problems."""
        for name, value in vars(self).items():
            if isinstance(value, Tensor):
                setattr(self, name, value.index_select(int(value.dim() == 4), rows))
        self._problems = self._problems.at(rows)
        self._view()

    def excess(self) -> Tensor:
        """At most so much, relative to the least loss, can each problem still gain, [R]; finds the best intercepts."""
        rest = self._level()
        self._slope()
        gain = self._length() / 2 + rest
        return (gain / (self._losses() - gain).clamp(min=1e-30)).clamp(min=0)[:, 0, 0]

    def _level(self) -> Tensor:
        """One step of Newton's method for the intercepts; what they could gain before it, to second order."""
        _, logits, rho = self._halves[:3]
        shares = self._probs * self._problems.weights
        hessian = shares.sum(dim=2).diag_embed() - torch.bmm(shares, self._probs.mT)
        size = hessian.diagonal(dim1=1, dim2=2).sum(dim=1)[:, None, None]
        hessian += size / len(size[0])  # all intercepts together change nothing
        hidden = self._problems.shares[..., 0] == 0
        hessian.diagonal(dim1=1, dim2=2).add_(hidden + 1e-12)
        gradient = rho.sum(dim=2, keepdim=True)
        step: Tensor = torch.linalg.solve(hessian, gradient * self._problems.strengths).clamp(-1, 1)
        logits -= step
        return torch.bmm(step.mT, gradient) / 2

    def run(self, tolerance: float) -> tuple[Tensor, Tensor]:
        """Steps until the gradient is short; the coefficients and the intercepts."""
        found: tuple[Tensor, Tensor] | None = None
        self._squared = self._length()
        left, enough = torch.arange(len(self._scale), device=self._scale.device), self._squared
        for number in range(_STEPS[self._scale.dtype]):
            look = number % _LOOK == 0
            if look:
                enough = 2 * tolerance * self._losses()
            going = self._squared > enough
            if not bool(going.any()):
                break
            if look and int(going.sum()) * 2 <= len(going):
                found = _put(found, left, self.found())
                rows = going.nonzero()[:, 0]
                self._leave(rows)
                left, enough, going = left[rows], enough[rows], going[rows]
            self._advance(going)
        return _put(found, left, self.found())

    def found(self) -> tuple[Tensor, Tensor]:
        """The coefficients, which sum to 0, and the intercepts."""
        point, logits = self._halves[:2]
        a = point.scatter_add(1, self._problems.labels, self._counts)
        weights = self._problems.weights
        a.addcmul_(a.sum(dim=2, keepdim=True), weights, value=-1)
        return a, torch.baddbmm(self._b, logits - self._b, weights.mT)

    def _advance(self, going: Tensor) -> None:
        """One step of all that are going on."""
        _, gradient, step = self._flat
        torch.addcmul(gradient, step, self._turn, out=step)
        self._halves[4].addcmul_(self._pull, self._problems.weights, value=-1)
        slope = torch.addcmul(self._squared, self._turn, self._rise)
        second = self._second()
        length = torch.where(going & (second > 0), slope / second, 0)
        rise, lowest = self._move(length), slope / -2
        for _ in range(_TURNS):
            far = rise < lowest
            if not bool(far.any()):
                break
            shorter = torch.where(far, length * _over(slope, slope - rise), length)
            rise, length = self._move(shorter - length), shorter
        # The kernel is symmetric: what the last gradient changes tells how much of it is in this one.
        same, before = self._dot(2, 3), self._squared
        self._squared = now = self._length()
        turn = ((now - same) / before).clamp_(min=0)
        self._turn, self._rise = torch.where(turn * rise > now / -2, turn, 0), rise  # else it would lead upwards

    def _move(self, length: Tensor) -> Tensor:
        """Goes ``length`` along the step; the slope there."""
        self._flat[0].addcmul_(self._flat[2], length, value=-1)
        self._slope()
        return self._dot(2, 5)

    def _slope(self) -> None:
        """The probabilities and ρ."""
        point, logits, rho = self._halves[:3]
        torch.softmax(logits, dim=1, out=self._probs)
        torch.addcmul(point, self._probs, self._counts, out=rho)

    def _length(self) -> Tensor:
        """ρ K ρ."""
        rho, product = self._halves[2:4]
        self._pull = rho.sum(dim=2, keepdim=True)
        self._problems.products(rho, self._pull * self._scale, out=product)
        return self._dot(2, 3)

    def _second(self) -> Tensor:
        """The second derivative along the step; in the place of ρ, which is in the step by now."""
        rho, _, step, logits = self._halves[2:]
        part = torch.mul(self._probs, logits, out=rho)
        part.addcmul_(self._probs, part.sum(dim=1, keepdim=True), value=-1)  # exactly 0 where a probability is 1
        torch.addcmul(step, part, self._counts, out=part)
        return self._dot(2, 5)

    def _losses(self) -> Tensor:
        """[R, 1, 1]."""
        right = self._probs.gather(1, self._problems.labels).clamp(min=1e-30).log()
        logits = self._halves[1].gather(1, self._problems.labels)
        penalty = torch.baddbmm(self._dot(0, 1), self._counts, logits.mT)
        return torch.baddbmm(penalty, self._counts, right.mT, beta=0.5, alpha=-1)

    def _dot(self, one: int, other: int) -> Tensor:
        """The products of two of the halves, [R, 1, 1]."""
        return torch.bmm(self._rows[one], self._columns[other])


def _put(all_: tuple[Tensor, Tensor] | None, rows: Tensor, some: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """``some`` in their rows of ``all_``, if these are others."""
    if all_ is None:
        return some
    all_[0][rows], all_[1][rows] = some
    return all_


def _over(one: Tensor, other: Tensor) -> Tensor:
    """one / other, and 0 where nothing is left to divide by."""
    return torch.where(other > 0, one / other, 0)
