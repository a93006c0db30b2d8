"""Many multinomial logistic regressions at once, each solved until a bound on what it could still gain is small.

With inputs x_i, labels y_i (one-hot), weights c_i that sum to 1, and an L2 strength λ, each problem is

    min over W, b of  Σ c_i · cross entropy(W x_i + b, y_i) + λ/2 ‖W‖².

At every point W = a X / λ for coefficients ``a`` of the samples, which sum to 0. The gradient has the coefficients
ρ = a + c (p − y), with the probabilities p. So a step needs one product with the inputs: the logits ρ G of the step
M⁻¹ρ, where M is the Hessian with one curvature ω_i for each sample, the mean over its classes (`_metric`). Steps
are conjugate (Polak and Ribière 1969), each as long as the second derivative along it says and halved until the loss
falls. The curvatures are renewed after a few steps.

For the gradient g,  loss − least loss ≤ ‖g_W‖² / (2 λ) + ‖g_b‖ ‖b − b*‖,  because the loss is λ-strongly convex in W. A
problem is solved when the first term and ‖g_b‖ are at most `TOLERANCE`.

Dimensions: R problems, C classes, n samples (with padding of weight 0), D inputs.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from iale.classifiers._linear._metric import FewSamples, ManySamples, Metric
from iale.errors import ModelError

TOLERANCE = {torch.float64: 1e-9, torch.float32: 1e-6}
_STEPS = 12  # with the same curvatures
_ROUNDS = 200  # of so many steps
_HALVINGS = 30
_FLOOR = 1e-6  # of a curvature, relative to that of equal probabilities; it bounds the rounding of the metric


@dataclass
class Problems:
    """R problems; padding has the weight 0, and zeros in ``inputs`` and ``targets``.

    Attributes:
        inputs: [R, n, D].
        targets: [R, C, n], one-hot.
        weights: [R, n], c; they sum to 1.
        strengths: [R], λ.
        few: whether `FewSamples` computes the steps, which is fast if there are fewer samples than inputs.
    """

    inputs: Tensor
    targets: Tensor
    weights: Tensor
    strengths: Tensor
    few: bool
    _gram: Tensor | None = None

    @property
    def gram(self) -> Tensor:
        """[R, n, n], computed once."""
        if self._gram is None:
            self._gram = torch.bmm(self.inputs, self.inputs.mT)
        return self._gram

    def at(self, rows: Tensor) -> Problems:
        """Some of the problems."""
        gram = None if self._gram is None else self._gram[rows]
        return Problems(self.inputs[rows], self.targets[rows], self.weights[rows], self.strengths[rows], self.few, gram)

    def metric(self) -> Metric:
        """Products and steps, without curvatures yet."""
        if self.few:
            return FewSamples(self.gram, self.strengths, self.weights > 0)
        return ManySamples(self.inputs, self.strengths, self.weights > 0)


@dataclass
class State:
    """Where R problems stand: ``a`` and the logits, [R, C, n] each. Logits of classes without labels are not read."""

    a: Tensor
    logits: Tensor

    def at(self, rows: Tensor) -> State:
        """Where some of the problems stand."""
        return State(self.a[rows], self.logits[rows])

    def plus(self, step: State, length: Tensor) -> State:
        """``length`` [R] times ``step`` further."""
        length = length[:, None, None]
        return State(torch.addcmul(self.a, length, step.a), torch.addcmul(self.logits, length, step.logits))


def start(problems: Problems) -> State:
    """W = 0 and the intercepts that the shares of the classes give."""
    shares = (problems.targets * problems.weights[:, None]).sum(dim=2)
    seen = shares > 0
    logs = torch.where(seen, shares, 1).log()
    logs = (logs - logs.sum(dim=1, keepdim=True) / seen.sum(dim=1, keepdim=True)) * seen
    return State(torch.zeros_like(problems.targets), logs[..., None].expand_as(problems.targets).contiguous())


def solve(problems: Problems, state: State) -> State:
    """Where the problems are solved, from ``state`` on; raises ModelError if one cannot be."""
    found, left = State(state.a.clone(), state.logits.clone()), torch.arange(len(state.a), device=state.a.device)
    short = TOLERANCE[state.a.dtype]
    for _ in range(_ROUNDS):
        descent = _Descent(problems)
        state, solved = descent.checked(descent.run(state, short))
        short /= 10  # for a problem whose gradient was short and whose bound was not
        found.a[left], found.logits[left] = state.a, state.logits
        if bool(solved.all()):
            return found
        if bool(solved.any()):
            left, problems, state = left[~solved], problems.at(~solved), state.at(~solved)
    raise ModelError(
        "the linear head could not be fitted to the end: raise its l2, or look for outliers in the inputs."
    )


class _Descent:
    def __init__(self, problems: Problems) -> None:
        self._targets, self._weights, self._strengths = problems.targets, problems.weights, problems.strengths
        seen = problems.targets.any(dim=2)
        self._classes = seen.sum(dim=1)[:, None]
        self._hidden = None if bool(seen.all()) else torch.where(seen, 0.0, -torch.inf).to(self._targets)[..., None]
        self._tolerance = TOLERANCE[self._targets.dtype]
        self._metric = problems.metric()

    def run(self, state: State, short: float) -> State:
        """A round of steps; a problem stays where it is once its gradient is short, after one step at least."""
        loss, probs, rho = self._at(state)
        curvatures = self._curvatures(probs)
        self._metric.renew(curvatures)
        step, before, squared = state, rho, torch.full_like(loss, torch.inf)
        for number in range(_STEPS):
            logits = self._metric.smooth(rho)
            now = (rho * logits).sum(dim=(1, 2))  # the squared length of the gradient
            done = now <= short if number else torch.zeros_like(now, dtype=torch.bool)
            if bool(done.all()):
                break
            turn = _over(now - (before * logits).sum(dim=(1, 2)), squared).clamp(min=0)
            turn = torch.where(turn * (rho * step.logits).sum(dim=(1, 2)) < now, turn, 0)  # else it would lead upwards
            before, squared = rho, now
            step = State(curvatures[:, None] * logits - rho, -logits).plus(step, turn)
            length = _over(-(rho * step.logits).sum(dim=(1, 2)), self._second(probs, step))
            # What of ``a`` no product with the inputs shows is multiplied by 1 − length: it must not grow.
            length = torch.where(done, 0, length.clamp(max=2))
            for halving in range(1, _HALVINGS + 2):
                further = state.plus(step, length)
                new, probs, rho = self._at(further)
                rising = new > loss + 1e-12
                if not bool(rising.any()):
                    break
                length = torch.where(rising, length / 2 if halving < _HALVINGS else 0, length)
            state, loss = further, new
        return state

    def checked(self, state: State) -> tuple[State, Tensor]:
        """The state without the rounding of its steps, and which problems are solved, bool [R]."""
        a = state.a - state.a.sum(dim=2, keepdim=True) * self._weights[:, None]
        logits = self._metric.products(a) / self._strengths[:, None, None]
        intercepts = ((state.logits - logits) * self._weights[:, None]).sum(dim=2, keepdim=True)
        state = State(a, logits + intercepts)
        rho = self._at(state)[2]
        squared = (rho * self._metric.products(rho)).sum(dim=(1, 2))
        level = rho.sum(dim=2).square().sum(dim=1) <= self._tolerance / self._classes[:, 0]
        return state, (squared <= 2 * self._strengths * self._tolerance) & level

    def _at(self, state: State) -> tuple[Tensor, Tensor, Tensor]:
        """The loss [R], the probabilities and ρ."""
        shown = state.logits if self._hidden is None else state.logits + self._hidden
        probs = torch.softmax(shown, dim=1)
        right = torch.where(self._weights > 0, (probs * self._targets).sum(dim=1), 1)
        loss = (state.a * state.logits).sum(dim=(1, 2)) / 2 - (right.log() * self._weights).sum(dim=1)
        return loss, probs, torch.addcmul(state.a, probs - self._targets, self._weights[:, None])

    def _curvatures(self, probs: Tensor) -> Tensor:
        """ω, [R, n]: the mean eigenvalue of c (diag(p) − p pᵀ) on what sums to 0."""
        mean = (1 - probs.square().sum(dim=1)) / (self._classes - 1).clamp(min=1)
        floor = _FLOOR / self._classes
        return torch.where(self._weights > 0, self._weights * torch.maximum(mean, floor), 1)

    def _second(self, probs: Tensor, step: State) -> Tensor:
        """The second derivative along a step, [R]."""
        part = probs * step.logits
        spread = (part * step.logits).sum(dim=1) - part.sum(dim=1).square()
        return (spread * self._weights).sum(dim=1) + (step.a * step.logits).sum(dim=(1, 2))


def _over(one: Tensor, other: Tensor) -> Tensor:
    """one / other, and 0 where nothing is left to divide by."""
    return torch.where(other > 0, one / other, 0)
