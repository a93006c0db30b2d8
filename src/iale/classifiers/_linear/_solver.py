"""Many linear heads at once, each fitted until a bound on what it could still gain is small.

At every point W = a X / λ for coefficients ``a`` of the samples. The gradient has the coefficients ρ = a + c (p − y),
with the probabilities p, so a step needs one product with the inputs. `Kernel` joins the intercepts to them: the sum of
``a`` is a move of the intercepts, which has no penalty and so is not in ρ. Steps are conjugate (Polak and Ribière
1969), each as long as the second derivative along it says, and shorter where the slope at its end has turned up.

With the best intercepts for W,  loss − least loss ≤ ‖g_W‖² / (2 λ) = ρ K ρ / 2  for the gradient g and the kernel K,
because the least loss over the intercepts is λ-strongly convex in W. A problem is solved when this, relative to its
loss, is below the tolerance. The steps are in float32; problems for which that is too coarse go on in float64.
"""

from __future__ import annotations

import warnings

import torch
from torch import Tensor
from torch.linalg import vecdot

from iale.classifiers._linear._problems import HIDDEN, Kernel, Problems

TOLERANCE = 1e-6
_POOR = 1e-4  # of which a warning tells
_UNSOLVED = "a linear head is not yet the best: its loss may be over 1e-4 too high; raise its l2, or look for outliers."
_LOOK = 4  # steps between two looks at the losses
_TURNS = 4  # most corrections of a step
_ROUNDS = {torch.float32: 3, torch.float64: 12}
_STEPS = {torch.float32: 90, torch.float64: 400}  # of a round
_SHARE = 0.5  # of the tolerance left, at which a round ends: the last steps of the intercepts cost some


def solve(problems: Problems, a: Tensor, b: Tensor, tolerance: float = TOLERANCE) -> tuple[Tensor, Tensor, Tensor]:
    """Solves problems, from the coefficients ``a`` [R, C, n] and the intercepts ``b`` [R, C] on.

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
        kernel, targets, weights = Kernel(part), part.targets, part.weights
        for number in range(1, rounds + 1):
            short = Descent(kernel, targets, weights, a[left], b[left]).run(tolerance * _SHARE**number)
            # Looked at anew, the logits have not the rounding of the steps.
            descent = Descent(kernel, targets, weights, *short)
            excess = descent.excess()
            a[left], b[left] = descent.found()
            unsolved = (~(excess <= tolerance)).nonzero()[:, 0]
            if not len(unsolved):
                return a, b, fine
            if len(unsolved) < len(left):
                left, excess, kernel = left[unsolved], excess[unsolved], kernel.at(unsolved)
                targets, weights = targets[unsolved], weights[unsolved]
    if not bool((excess <= _POOR).all()):
        warnings.warn(_UNSOLVED, stacklevel=2)
    return a, b, fine


class Descent:
    """Conjugate steps from ``a`` [R, C, n] and ``b`` [R, C].

    Small problems spend their time on calls, so these tensors [2, R, C, n] are changed in place, both halves at once:
    `_point` is a − c y and the logits, `_gradient` is ρ and what it would change of the logits, and `_step` is what is
    taken from `_point`. To make a view is a call, too, so `_halves` [R, C, n] and `_rows` [R, 1, C n] of the three are
    kept. `_moved` [R, C] are the sums of ``a``, how far the intercepts are from ``b``; scalars are [R, 1].
    """

    def __init__(self, kernel: Kernel, targets: Tensor, weights: Tensor, a: Tensor, b: Tensor) -> None:
        self._kernel, self._targets, self._weights, self._b = kernel, targets, weights, b
        self._point = a.new_empty(2, *a.shape)
        torch.addcmul(a, targets, weights, value=-1, out=self._point[0])
        torch.add(kernel.products(a) if bool(a.any()) else a, b[..., None], out=self._point[1])
        self._gradient, self._step = torch.empty_like(self._point), torch.zeros_like(self._point)
        self._probs, self._part = torch.empty_like(a), torch.empty_like(a)
        self._moved = a.sum(dim=2)
        self._turn = self._rise = torch.zeros_like(b[:, :1])  # how much of the last step stays; the slope along it
        self._squared = self._turn  # ρ K ρ
        self._view()
        self._slope()

    def _view(self) -> None:
        every = (self._point, self._gradient, self._step)
        self._halves = [half for whole in every for half in whole]
        self._rows = [half.flatten(1)[:, None] for half in (*self._halves, self._part)]
        self._flat = [whole.flatten(2) for whole in every]

    def _leave(self, rows: Tensor) -> None:
        """Only some of the problems."""
        for name, value in vars(self).items():
            if isinstance(value, Tensor):
                setattr(self, name, value.index_select(int(value.dim() == 4), rows))
        self._kernel = self._kernel.at(rows)
        self._view()

    def excess(self) -> Tensor:
        """At most so much, relative to the least loss, can each problem still gain, [R]; finds the best intercepts."""
        rest = self._level()
        self._slope()
        gain = self._length()[:, 0] / 2 + rest
        return torch.where(gain > 0, gain / (self._losses() - gain).clamp(min=1e-30), 0)

    def _level(self) -> Tensor:
        """One step of Newton's method for the intercepts; what they could gain before it, to second order, [R]."""
        shares = self._probs * self._weights
        hessian = shares.sum(dim=2).diag_embed() - torch.bmm(shares, self._probs.mT)
        size = hessian.diagonal(dim1=1, dim2=2).sum(dim=1)[:, None, None]
        hessian += size / len(size[0])  # all intercepts together change nothing
        hessian.diagonal(dim1=1, dim2=2).add_((self._b <= HIDDEN / 2) + 1e-12)
        gradient = (shares - self._targets * self._weights).sum(dim=2)
        step: Tensor = torch.linalg.solve(hessian, gradient).clamp(-1, 1)
        self._b = self._b - step
        self._point[1] -= step[..., None]
        return (step * gradient).sum(dim=1) / 2

    def run(self, tolerance: float) -> tuple[Tensor, Tensor]:
        """Steps until the gradient is short; the coefficients and the intercepts."""
        found: tuple[Tensor, Tensor] | None = None
        self._squared = self._length()
        left, enough = torch.arange(len(self._b), device=self._b.device), self._squared
        for number in range(_STEPS[self._b.dtype]):
            look = number % _LOOK == 0
            if look:
                enough = 2 * tolerance * self._losses()[:, None]
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
        a = torch.addcmul(self._point[0], self._targets, self._weights)
        moved = a.sum(dim=2, keepdim=True)
        return a.addcmul_(moved, self._weights, value=-1), self._b + (moved * self._kernel.scale)[..., 0]

    def _advance(self, going: Tensor) -> None:
        """One step of all that are going on."""
        _, gradient, step = self._flat
        torch.addcmul(gradient, step, self._turn, out=step)
        slope = torch.addcmul(self._squared, self._turn, self._rise)
        drift = self._halves[4].sum(dim=2)
        second = self._second(drift)
        length = torch.where(going & (second > 0), slope / second, 0)
        rise, lowest = self._move(length, drift), slope / -2
        for _ in range(_TURNS):
            far = rise < lowest
            if not bool(far.any()):
                break
            shorter = torch.where(far, length * _over(slope, slope - rise), length)
            rise, length = self._move(shorter - length, drift), shorter
        # The kernel is symmetric: what the last gradient changes tells how much of it is in this one.
        same, before = vecdot(self._rows[2], self._rows[3]), self._squared
        self._squared = now = self._length()
        turn = ((now - same) / before.clamp(min=1e-30)).clamp_(min=0)
        self._turn, self._rise = torch.where(turn * rise > now / -2, turn, 0), rise  # else it would lead upwards

    def _move(self, length: Tensor, drift: Tensor) -> Tensor:
        """Goes ``length`` [R, 1] along the step; the slope there, [R, 1]."""
        self._flat[0].addcmul_(self._flat[2], length, value=-1)
        self._moved.addcmul_(drift, length, value=-1)
        self._slope()
        found: Tensor = vecdot(self._rows[2], self._rows[5])
        return found

    def _slope(self) -> None:
        """The probabilities and ρ; the intercepts have no penalty, so what they have of ``a`` is not in it."""
        a, logits, rho = self._halves[:3]
        torch.softmax(logits, dim=1, out=self._probs)
        torch.addcmul(a, self._probs, self._weights, out=rho)
        rho.addcmul_(self._moved[..., None], self._weights, value=-1)

    def _length(self) -> Tensor:
        """ρ K ρ, [R, 1]."""
        self._kernel.products(self._halves[2], out=self._halves[3])
        found: Tensor = vecdot(self._rows[2], self._rows[3])
        return found

    def _second(self, drift: Tensor) -> Tensor:
        """The second derivative along the step, [R, 1]."""
        a, logits = self._halves[4:]
        part = torch.mul(self._probs, logits, out=self._part)
        part.addcmul_(self._probs, part.sum(dim=1, keepdim=True), value=-1).sub_(drift[..., None])
        torch.addcmul(a, part, self._weights, out=part)
        found: Tensor = vecdot(self._rows[6], self._rows[5])
        return found

    def _losses(self) -> Tensor:
        """[R]."""
        penalty = _dot(torch.addcmul(self._point[0], self._targets, self._weights), self._point[1])
        penalty -= (self._moved * (self._moved * self._kernel.scale[..., 0] + self._b)).sum(dim=1)
        right = (self._probs * self._targets).sum(dim=1, keepdim=True).clamp(min=1e-30).log()
        return penalty / 2 - _dot(right, self._weights)


def _put(all_: tuple[Tensor, Tensor] | None, rows: Tensor, some: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """``some`` in their rows of ``all_``, if these are others."""
    if all_ is None:
        return some
    all_[0][rows], all_[1][rows] = some
    return all_


def _dot(one: Tensor, other: Tensor) -> Tensor:
    """[R]."""
    found: Tensor = vecdot(one.flatten(1), other.flatten(1))
    return found


def _over(one: Tensor, other: Tensor) -> Tensor:
    """one / other, and 0 where nothing is left to divide by."""
    return torch.where(other > 0, one / other, 0)
