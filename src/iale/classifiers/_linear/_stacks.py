"""Labeled sets of any size as stacks of problems, and the heads that solve them.

Sets in one stack have similar sizes; the smaller ones are padded with samples of weight 0. What is stacked with a set
changes nothing but the rounding of its head.

Dimensions: U samples that any set names, D inputs, C classes, R sets of a stack, n samples of the largest.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from iale.classifiers._linear._solver import Problems, State, solve, start

_VALUES = 1 << 25  # of the matrices of one stack


@dataclass(frozen=True, eq=False)
class LabeledSet:
    """What one head is fitted to.

    Attributes:
        rows: int64 [n], positions of its samples in the features.
        labels: int64 [n].
        weights: float64 [n], above 0: how much each sample counts.
    """

    rows: Tensor
    labels: Tensor
    weights: Tensor

    @property
    def seen(self) -> int:
        """How many classes have labels."""
        return int((torch.bincount(self.labels) > 0).sum())

    def at(self, chosen: Tensor) -> LabeledSet:
        """Some of the samples."""
        return LabeledSet(self.rows[chosen], self.labels[chosen], self.weights[chosen])


@dataclass(frozen=True, eq=False)
class Heads:
    """R heads: weights [R, C, D] and intercepts [R, C].

    A class without labels has the weights 0 and, whatever the input, the logit −log(1 + n). The logits of all others
    have the mean 0, so it is never the likeliest class, and its probability is below 1 / (1 + n).
    """

    weights: Tensor
    intercepts: Tensor


def fit_path(features: Tensor, sets: Sequence[LabeledSet], classes: int, paths: Tensor) -> Iterator[tuple[int, Heads]]:
    """The heads of all sets (all in one stack) for each of ``paths`` [S, R], L2 strengths; each begins at the last."""
    totals = torch.stack([each.weights.sum() for each in sets]).to(features)
    problems = _problems(features, sets, classes, paths[0] / totals)
    state, counts = start(problems), (problems.weights > 0).sum(dim=1)
    for number, strengths in enumerate(paths / totals):  # the solver's loss is a mean
        # The same W under another strength has other coefficients.
        state = State(state.a * (strengths / problems.strengths)[:, None, None], state.logits)
        problems.strengths = strengths
        state = solve(problems, state)
        yield number, _heads(problems, state, counts)


def fit_heads(features: Tensor, sets: Sequence[LabeledSet], classes: int, strengths: Tensor) -> Heads:
    """The heads of ``sets`` with the L2 ``strengths`` [len(sets)]; ``features`` [U, D] decide device and precision."""
    weights = features.new_empty(len(sets), classes, features.shape[1])
    intercepts = features.new_empty(len(sets), classes)
    for stack in stacks([len(each.rows) for each in sets], classes, features.shape[1]):
        places = torch.tensor(stack, device=features.device)
        for _, heads in fit_path(features, [sets[place] for place in stack], classes, strengths[places][None]):
            weights[places], intercepts[places] = heads.weights, heads.intercepts
    return Heads(weights, intercepts)


def stacks(counts: Sequence[int], classes: int, width: int) -> list[list[int]]:
    """The positions of sets with ``counts`` samples, in stacks that are solved in one way and fit into memory."""
    found: list[list[int]] = []
    for place in sorted(range(len(counts)), key=counts.__getitem__):
        n, first = counts[place], counts[found[-1][0]] if found else 0
        room = _VALUES // (n * (min(n, width) + width + 8 * classes))
        alike = found and is_few(first, width) == is_few(n, width) and n <= 1.5 * first + 8
        if alike and len(found[-1]) < room:
            found[-1].append(place)
        else:
            found.append([place])
    return found


def is_few(count: int, width: int) -> bool:
    """Whether matrices of the samples are smaller than those of the inputs."""
    return count <= width


def _problems(features: Tensor, sets: Sequence[LabeledSet], classes: int, strengths: Tensor) -> Problems:
    counts = [len(each.rows) for each in sets]
    shape = len(sets), max(counts)
    rows, labels = (torch.zeros(shape, dtype=torch.int64) for _ in range(2))
    weights = torch.zeros(shape, dtype=torch.float64)
    for r, (each, n) in enumerate(zip(sets, counts, strict=True)):
        rows[r, :n], labels[r, :n], weights[r, :n] = each.rows, each.labels, each.weights / each.weights.sum()
    real = (weights > 0).to(features)
    inputs = features[rows.to(features.device)]
    if min(counts) < shape[1]:
        inputs *= real[..., None]
    targets = features.new_zeros(shape[0], classes, shape[1])
    targets.scatter_(1, labels.to(features.device)[:, None], real[:, None])
    return Problems(inputs, targets, weights.to(features), strengths, is_few(min(counts), features.shape[1]))


def _heads(problems: Problems, state: State, counts: Tensor) -> Heads:
    weights = torch.bmm(state.a, problems.inputs) / problems.strengths[:, None, None]
    # The logits are those of the weights and of an intercept, which is the same for every sample.
    first = problems.inputs[:, 0, :, None]
    intercepts = state.logits[:, :, 0] - torch.bmm(weights, first)[..., 0]
    seen = problems.targets.any(dim=2)
    unseen = -torch.log1p(counts.to(weights))[:, None]
    return Heads(weights * seen[..., None], torch.where(seen, intercepts, unseen))
