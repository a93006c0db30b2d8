"""Many linear heads at once, each fitted until a bound on what it could still gain is small.

At every point W = a X / λ for coefficients ``a`` of the samples. The gradient has the coefficients ρ = a + c (p − y),
with the probabilities p, so a product with the inputs tells it. `Kernel` joins the intercepts to them: the sum of ``a``
is a move of the intercepts, which has no penalty and so is not in ρ. Steps are Newton's. Each is solved by conjugate
gradients in the metric of the kernel, only as far as the step deserves (Dembo, Eisenstat and Steihaug 1982), and
made shorter where the slope at its end has turned up.

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
_ROUNDS = {torch.float32: 12, torch.float64: 40}  # steps of Newton's
_STEPS = {torch.float32: 60, torch.float64: 400}  # of conjugate gradients in one of them
_TURNS = 4  # most corrections of a step
_NEAR = 1e-2  # so near the least loss, steps are good unless rounding spoils them
_ENOUGH = 0.7  # of the residual, which a step need not solve
_SHARE = 0.5  # of the tolerance left: a step leaves something to its curvature


def solve(problems: Problems, a: Tensor, b: Tensor, tolerance: float = TOLERANCE) -> tuple[Tensor, Tensor, Tensor]:
    """Solves problems, from the coefficients ``a`` [R, C, n], whose sums are 0, and the intercepts ``b`` [R, C] on.

    Returns coefficients, which sum to 0; intercepts; and the problems, int64, for which these need float64.
    """
    fine = torch.arange(len(a), device=a.device)[: len(a) if a.dtype == torch.float64 else 0]
    a, b, excess = _stepped(problems, a, b, tolerance)
    unsolved = (~(excess <= tolerance)).nonzero()[:, 0]
    if len(unsolved) and a.dtype == torch.float32 and a.device.type != "mps":
        fine, a, b = unsolved, a.double(), b.double()
        a[fine], b[fine], excess = _stepped(problems.at(fine).double(), a[fine], b[fine], tolerance)
    if not bool((excess <= _POOR).all()):
        warnings.warn(_UNSOLVED, stacklevel=2)
    return a, b, fine


def _stepped(problems: Problems, a: Tensor, b: Tensor, tolerance: float) -> tuple[Tensor, Tensor, Tensor]:
    """Steps in one precision, while they help: coefficients, intercepts, and how far each may be from the best, [R]."""
    a, b = a.clone(), b.clone()
    kernel = Kernel(problems)
    left, last = torch.arange(len(a), device=a.device), a.new_full((len(a),), torch.inf)
    excess = last.clone()
    for number in range(_ROUNDS[a.dtype] + 1):
        point = Point(kernel, problems, a[left], b[left])
        excess[left] = now = point.excess(tolerance)
        b[left] = point.b
        # Rounding ends the progress in float32: float64 goes on.
        stuck = (now > last / 2) & (now < _NEAR) if a.dtype == torch.float32 else now != now
        going = (now > tolerance) & ~stuck
        if number == _ROUNDS[a.dtype] or not bool(going.any()):
            break
        if not bool(going.all()):
            rows = going.nonzero()[:, 0]
            point.leave(rows)
            left, now = left[rows], now[rows]
            problems, kernel = problems.at(rows), kernel.at(rows)
        a[left], b[left] = point.advanced(tolerance)
        last = now
    return a, b, excess


class Point:
    """Coefficients ``a`` [R, C, n] and intercepts ``b`` [R, C] of problems, and what follows from them.

    `_down` is −ρ, `_change` what it would change of the logits, `_squared` ρ K ρ, [R], and `_losses` the losses, [R].
    """

    def __init__(self, kernel: Kernel, problems: Problems, a: Tensor, b: Tensor) -> None:
        self._kernel, self._weights = kernel, problems.weights
        self._targets, self._weighted = problems.targets, problems.targets * problems.weights
        self.a, self.b, self._logits = a, b, kernel.products(a).add_(b[..., None])
        self._look()

    def _look(self) -> None:
        self._probs = torch.softmax(self._logits, dim=1)
        self._down = self._weighted - self.a
        self._down.addcmul_(self._probs, self._weights, value=-1)
        self._change = self._kernel.products(self._down)
        self._squared = _dot(self._down, self._change)
        right = (self._probs * self._targets).sum(dim=1, keepdim=True).clamp_(min=1e-30).log_()
        # With coefficients whose sums are 0, the intercepts take no part in the penalty.
        self._losses = _dot(self.a, self._logits) / 2 - _dot(right, self._weights)

    def leave(self, rows: Tensor) -> None:
        """Only some of the problems."""
        for name, value in vars(self).items():
            setattr(self, name, value[rows] if isinstance(value, Tensor) else value.at(rows))

    def excess(self, tolerance: float) -> Tensor:
        """How much, relative to the least loss, each problem could still gain, [R].

        Where that may be within the tolerance, the best intercepts are found first, which makes it a bound.
        """
        near = self._squared <= 2 * tolerance * self._losses
        gain = self._squared / 2
        if bool(near.any()):
            rest = self._level(near)
            self._look()
            gain = self._squared / 2 + rest
        return torch.where(gain > 0, gain / (self._losses - gain).clamp(min=1e-30), 0)

    def _level(self, near: Tensor) -> Tensor:
        """One step of Newton's method for the intercepts; what they could gain before it, to second order, [R]."""
        shares = self._probs * self._weights
        hessian = shares.sum(dim=2).diag_embed() - torch.bmm(shares, self._probs.mT)
        size = hessian.diagonal(dim1=1, dim2=2).sum(dim=1)[:, None, None]
        hessian += size / len(size[0])  # all intercepts together change nothing
        hessian.diagonal(dim1=1, dim2=2).add_((self.b <= HIDDEN / 2) + 1e-12)
        gradient = (shares - self._weighted).sum(dim=2)
        step: Tensor = torch.linalg.solve(hessian, gradient).clamp(-1, 1) * near[:, None]
        self.b = self.b - step
        self._logits = self._logits - step[..., None]
        return (step * gradient).sum(dim=1) / 2

    def advanced(self, tolerance: float) -> tuple[Tensor, Tensor]:
        """The coefficients and intercepts after one step of Newton's method."""
        # Far away, curvature changes too much for an exact step to be worth its price.
        enough = (self._squared / (2 * self._losses).clamp(min=1e-30)).clamp(max=_ENOUGH**2) * self._squared
        step, slopes = self._newton(torch.maximum(enough, 2 * _SHARE * tolerance * self._losses))
        drift = step.sum(dim=2, keepdim=True)
        step.addcmul_(drift, self._weights, value=-1)
        slope, length = -_dot(self._down, slopes), torch.ones_like(enough)[:, None, None]
        for _ in range(_TURNS):
            probs = torch.softmax(torch.addcmul(self._logits, slopes, length), dim=1)
            down = torch.addcmul(self._weighted - self.a, step, length, value=-1)
            rise = -_dot(down.addcmul_(probs, self._weights, value=-1), slopes)
            far = rise > -slope / 2
            if not bool(far.any()):
                break
            length = torch.where(far, length[:, 0, 0] * _over(-slope, rise - slope), length[:, 0, 0])[:, None, None]
        return torch.addcmul(self.a, step, length), self.b + (drift * self._kernel.scale * length)[..., 0]

    def _newton(self, enough: Tensor) -> Tensor:
        """Newton's step, and what it changes of the logits, [2, R, C, n], with at most ``enough`` left of ρ K ρ."""
        rest = torch.stack([self._down, self._change])
        pair, found, part, squared = rest.clone(), torch.zeros_like(rest), torch.empty_like(rest[0]), self._squared
        weighted = self._probs * self._weights
        # Small problems spend their time on calls: every tensor here is made once.
        (left, change), (step, slopes), flat = rest, pair, [each.flatten(1) for each in (*rest, part, pair[1])]
        for _ in range(_STEPS[rest.dtype]):
            live = squared > enough
            if not bool(live.any()):
                break
            torch.mul(weighted, slopes, out=part)
            part.addcmul_(self._probs, part.sum(dim=1, keepdim=True), value=-1).add_(step)
            part.addcmul_(step.sum(dim=2, keepdim=True), self._weights, value=-1)
            length = torch.where(live, _over(squared, torch.linalg.vecdot(flat[2], flat[3])), 0)[:, None, None]
            found.addcmul_(pair, length)
            left.addcmul_(part, length, value=-1)
            self._kernel.products(left, out=change)
            now = torch.linalg.vecdot(flat[0], flat[1])
            torch.addcmul(rest, pair, _over(now, squared)[:, None, None], out=pair)
            squared = now
        return found


def _dot(one: Tensor, other: Tensor) -> Tensor:
    """[R]."""
    found: Tensor = torch.linalg.vecdot(one.flatten(1), other.flatten(1))
    return found


def _over(one: Tensor, other: Tensor) -> Tensor:
    """one / other, and 0 where nothing is left to divide by."""
    return torch.where(other > 0, one / other, 0)
