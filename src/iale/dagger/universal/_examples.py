"""States as tensors of one size: what the networks learn from.

Legend of dimensions: S states, B batches of a state, H features of a batch, G of the context, F of a candidate, Q of
the batches for the plan, T samples of each, M = Q·T of them in all, J candidates that are to be covered.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields

import torch
from numpy.random import Generator
from torch import Tensor

from iale.dagger.universal._files import State
from iale.dagger.universal._ranking import pair_weights
from iale.policies.universal._space import Space, squares

_Q, _T, _J = 12, 8, 128
_FARTHEST = 100.0  # squared distances in units of δ²: beyond, a kernel is 0


@dataclass(frozen=True, eq=False)
class ValueExamples:
    """For the value of a batch.

    Attributes:
        features: float32 [S, B, H]; states with fewer batches have the last one several times.
        context: float32 [S, G].
        weights: float32 [S, B, B], see `pair_weights`; 0 for repetitions.
        values: float32 [S, B], the means over draws of labels.
    """

    features: Tensor
    context: Tensor
    weights: Tensor
    values: Tensor

    def __len__(self) -> int:
        return len(self.context)

    def at(self, rows: Tensor) -> ValueExamples:
        return ValueExamples(*(getattr(self, field.name)[rows] for field in fields(self)))


@dataclass(frozen=True, eq=False)
class PlanExamples:
    """For the plan of learned herding: some batches of each state, with at most eight samples of each.

    Attributes:
        chosen: float16 [S, M, F], rows of the samples of the batches.
        rows: float16 [S, J, F], rows of random candidates, which are to be covered.
        context: float32 [S, G].
        uncertainty: float32 [S, J].
        near: float16 [S, 2, M, J], squared distances in both spaces, in units of δ².
        labeled: float32 [S, 2, J], the same to the nearest labeled sample; 100 if there is none.
        weights: float32 [S, Q, Q], see `pair_weights`.
        values: float32 [S, Q].
    """

    chosen: Tensor
    rows: Tensor
    context: Tensor
    uncertainty: Tensor
    near: Tensor
    labeled: Tensor
    weights: Tensor
    values: Tensor

    def __len__(self) -> int:
        return len(self.context)

    def at(self, rows: Tensor) -> PlanExamples:
        return PlanExamples(*(getattr(self, field.name)[rows] for field in fields(self)))


def value_examples(states: Iterable[State], most: int) -> ValueExamples:
    """Of states with at most ``most`` batches."""
    return ValueExamples(*_stacked(_value_example(state, most) for state in states))


def plan_examples(states: Iterable[State], rng: Generator) -> PlanExamples:
    """Of states; ``rng`` draws the candidates that are to be covered, and samples of large batches."""
    return PlanExamples(*_stacked(_plan_example(state, rng) for state in states))


def _stacked(examples: Iterable[tuple[Tensor, ...]]) -> list[Tensor]:
    return [torch.stack(parts) for parts in zip(*examples, strict=True)]


def _value_example(state: State, most: int) -> tuple[Tensor, ...]:
    count = len(state.batches)
    weights = torch.zeros(most, most)
    weights[:count, :count] = pair_weights(state.values)
    rows = torch.arange(most).clamp(max=count - 1)
    return state.features[rows], state.scene.context, weights, state.values.mean(dim=1)[rows]


def _plan_example(state: State, rng: Generator) -> tuple[Tensor, ...]:
    scene, means = state.scene, state.values.mean(dim=1)
    # Evenly spaced from the worst to the best.
    kept = means.argsort()[torch.linspace(0, len(means) - 1, _Q).round().long()]
    spaces = scene.spaces
    covered = torch.from_numpy(rng.choice(len(scene), _J, replace=len(scene) < _J))
    picks = torch.cat([_some(batch, rng) for batch in state.batches[kept]])
    near = [_near(space, space.rows[picks], space.rows[covered]) for space in spaces]
    labeled = [_nearest(space, space.rows[covered]) for space in spaces]
    weights = pair_weights(state.values[kept])
    return (
        scene.rows[picks].half(),
        scene.rows[covered].half(),
        scene.context,
        scene.uncertainty[covered],
        torch.stack(near).half(),
        torch.stack(labeled),
        weights,
        means[kept],
    )


def _some(batch: Tensor, rng: Generator) -> Tensor:
    """int64 [T]: of a large batch, samples at random; a small one has its first several times, which covers no more."""
    drawn = batch[torch.from_numpy(rng.permutation(len(batch))[:_T])]
    return torch.cat([drawn, drawn[:1].expand(_T - len(drawn))])


def _near(space: Space, some: Tensor, others: Tensor) -> Tensor:
    return (squares(some, others) / space.bandwidth**2).clamp(max=_FARTHEST)


def _nearest(space: Space, rows: Tensor) -> Tensor:
    if not len(space.labeled):
        return torch.full((len(rows),), _FARTHEST)
    return _near(space, rows, space.labeled).amin(dim=1)
