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

from iale.classifiers._linear._problems import HIDDEN, Kernel, Problems

TOLERANCE = 1e-6
_POOR = 1e-4  # of which a warning tells
_UNSOLVED = "a linear head is not yet the best: its loss may be over 1e-4 too high; raise its l2, or look for outliers."
_LOOK = 8  # steps between two looks at the losses
_TURNS = 4  # most corrections of a step
_ROUNDS = {torch.float32: 3, torch.float64: 12}
_STEPS = {torch.float32: 60, torch.float64: 400}  # of a round
_SHARE = 0.3  # of the tolerance left, at which a round ends: the last steps of the intercepts cost some


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
            short = _Descent(kernel, targets, weights, a[left], b[left]).run(tolerance * _SHARE**number)
            # Looked at anew, the logits have not the rounding of the steps.
            descent = _Descent(kernel, targets, weights, *short)
            excess = descent.excess()
            a[left], b[left] = descent.found()
            unsolved = ~(excess <= tolerance)
            if not bool(unsolved.any()):
                return a, b, fine
            if not bool(unsolved.all()):
                left, excess, kernel = left[unsolved], excess[unsolved], kernel.at(unsolved)
                targets, weights = targets[unsolved], weights[unsolved]
    if not bool((excess <= _POOR).all()):
        warnings.warn(_UNSOLVED, stacklevel=2)
    return a, b, fine


class _Descent:
    """Conjugate steps from ``a`` [R, C, n] and ``b`` [R, C]; each tensor below begins with the dimension R.

    `_rest` is c y − a, `_down` is −ρ, and `_step` is the direction of ``a``. `_slopes` and `_change` are what the
    direction and `_down` change of the logits. `_moved` [R, C, 1] are the sums of ``a``, how far the intercepts are
    from ``b``, and `_drift` are those of the direction.
    """

    def __init__(self, kernel: Kernel, targets: Tensor, weights: Tensor, a: Tensor, b: Tensor) -> None:
        self._kernel, self._targets, self._weights = kernel, targets, weights
        self._b, self._logits = b, kernel.products(a).add_(b[..., None])
        self._rest, self._moved = torch.addcmul(-a, targets, weights), a.sum(dim=2, keepdim=True)
        self._step, self._slopes, self._drift = torch.zeros_like(a), torch.zeros_like(a), self._moved
        self._probs, self._down, self._before = torch.empty_like(a), torch.empty_like(a), torch.empty_like(a)
        self._turn = self._rise = torch.zeros_like(b[:, 0])  # how much of the last direction stays; the slope along it
        self._look()
        self._change = kernel.products(self._down)
        self._squared = _dot(self._down, self._change)  # ρ K ρ

    def _leave(self, rows: Tensor) -> None:
        """Only some of the problems."""
        for name, value in vars(self).items():
            setattr(self, name, value[rows] if isinstance(value, Tensor) else value.at(rows))

    def excess(self) -> Tensor:
        """At most so much, relative to the least loss, can each problem still gain, [R]; finds the best intercepts."""
        for _ in range(2):
            rest = self._level()
        self._squared = _dot(self._down, self._kernel.products(self._down))
        gain = self._squared / 2 + rest
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
        self._logits -= step[..., None]
        self._look()
        return (step * gradient).sum(dim=1) / 2

    def run(self, tolerance: float) -> tuple[Tensor, Tensor]:
        """Steps until the gradient is short; the coefficients and the intercepts."""
        found, left = self.found(), torch.arange(len(self._b), device=self._b.device)
        enough = self._squared
        for number in range(_STEPS[self._b.dtype]):
            look = number % _LOOK == 0
            if look:
                enough = 2 * tolerance * self._losses()
            done = self._squared <= enough
            count = int(done.sum())
            if count == len(done):
                break
            if look and count * 4 >= len(done):
                found[0][left], found[1][left] = self.found()
                self._leave(~done)
                left, enough, done = left[~done], enough[~done], done[~done]
            self._advance(done)
        found[0][left], found[1][left] = self.found()
        return found

    def found(self) -> tuple[Tensor, Tensor]:
        """The coefficients, which sum to 0, and the intercepts."""
        a = torch.addcmul(-self._rest, self._targets, self._weights)
        moved = a.sum(dim=2, keepdim=True)
        return a.addcmul_(moved, self._weights, value=-1), self._b + (moved * self._kernel.scale)[..., 0]

    def _advance(self, done: Tensor) -> None:
        """One step of all that are not done."""
        turn = self._turn[:, None, None]
        torch.addcmul(self._down, self._step, turn, out=self._step)
        torch.addcmul(self._change, self._slopes, turn, out=self._slopes)
        slope = self._turn * self._rise - self._squared
        self._down, self._before = self._before, self._down
        length = torch.where(done, 0, _over(-slope, self._second(self._down)))
        rise = self._move(length)
        for _ in range(_TURNS):
            far = rise > -slope / 2
            if not bool(far.any()):
                break
            shorter = torch.where(far, length * _over(-slope, rise - slope), length)
            rise, length = self._move(shorter - length), shorter
        self._change = self._kernel.products(self._down)
        now = _dot(self._down, self._change)
        turn = _over(now - _dot(self._before, self._change), self._squared).clamp(min=0)
        self._turn = torch.where(turn * rise < now / 2, turn, 0)  # else it would lead upwards
        self._squared, self._rise = now, rise

    def _move(self, length: Tensor) -> Tensor:
        """Goes ``length`` [R] along the direction; the slope there, [R]."""
        length = length[:, None, None]
        self._rest.addcmul_(self._step, length, value=-1)
        self._logits.addcmul_(self._slopes, length)
        self._moved = torch.addcmul(self._moved, self._drift, length)
        self._look()
        return -_dot(self._down, self._slopes)

    def _look(self) -> None:
        """The probabilities, and −ρ; the intercepts have no penalty, so what they have of ``a`` is not in it."""
        torch.softmax(self._logits, dim=1, out=self._probs)
        torch.addcmul(self._rest, self._probs, self._weights, value=-1, out=self._down)
        self._down.addcmul_(self._moved, self._weights)

    def _second(self, spare: Tensor) -> Tensor:
        """The second derivative along the direction, [R]."""
        part = torch.mul(self._probs, self._slopes, out=spare)
        mean = part.sum(dim=1, keepdim=True)
        part = torch.addcmul(self._step, part, self._weights, out=spare)
        self._drift = self._step.sum(dim=2, keepdim=True)
        free = (self._drift.square() * self._kernel.scale).sum(dim=(1, 2))
        return _dot(part, self._slopes) - _dot(mean.square(), self._weights) - free

    def _losses(self) -> Tensor:
        """[R]."""
        penalty = _dot(torch.addcmul(-self._rest, self._targets, self._weights), self._logits)
        penalty -= (self._moved * (self._moved * self._kernel.scale + self._b[..., None])).sum(dim=(1, 2))
        right = (self._probs * self._targets).sum(dim=1, keepdim=True).clamp(min=1e-30).log()
        return penalty / 2 - _dot(right, self._weights)


def _dot(one: Tensor, other: Tensor) -> Tensor:
    """[R]."""
    found: Tensor = torch.linalg.vecdot(one.flatten(1), other.flatten(1))
    return found


def _over(one: Tensor, other: Tensor) -> Tensor:
    """one / other, and 0 where nothing is left to divide by."""
    return torch.where(other > 0, one / other, 0)
