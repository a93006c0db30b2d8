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
from torch.nn.functional import pad
from torch.nn.utils.rnn import pad_sequence

from iale.classifiers._linear._problems import HIDDEN, Problems
from iale.classifiers._linear._solver import TOLERANCE, solve

_VALUES = 1 << 25  # of the matrices of one stack


@dataclass(frozen=True, eq=False)
class LabeledSet:
    """What one head is fitted to.

    Attributes:
        rows: int64 [n], positions of its samples in the features.
        labels: int64 [n].
        weights: float32 [n], above 0: how much each sample counts.
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


def fit_path(
    features: Tensor,
    sets: Sequence[LabeledSet],
    classes: int,
    paths: Tensor,
    tolerance: float = TOLERANCE,
) -> Iterator[tuple[int, Heads]]:
    """The heads of all sets (all in one stack) for each of ``paths`` [S, R], L2 strengths of equal ratios.

    Each begins where the line through the last two leads: W is nearly linear in the logarithm of the strength.
    """
    problems, means, totals = _problems(features, sets, classes)
    a, b = problems.start()
    last: list[tuple[Tensor, Tensor]] = []
    for number, strengths in enumerate(paths):
        problems.strengths = strengths[:, None, None] / totals  # the solver's weights sum to 1
        if last:
            (a, b), (before, back) = last[-1], last[0]
            a, b = 2 * a - before, 2 * b - back
        exact, b, fine = solve(problems, a, b, tolerance)
        a, b = exact.to(features), b.to(features)
        last = [*last[-1:], (a, b)]
        weights = torch.bmm(a, problems.inputs)
        if len(fine):  # with a small strength, the coefficients of many samples cancel out
            weights[fine] = torch.bmm(exact[fine], problems.inputs[fine].double()).to(weights)
        yield number, _heads(problems, weights, b[..., 0], means)


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
    """The positions of sets with ``counts`` samples, in stacks of one padded size that fit into memory."""
    found: list[list[int]] = []
    sizes = [padded(count) for count in counts]
    for place in sorted(range(len(counts)), key=counts.__getitem__):
        size = sizes[place]
        room = _VALUES // (size * ((size if is_few(size, width) else 0) + width + 8 * classes))
        if found and sizes[found[-1][0]] == size and len(found[-1]) < room:
            found[-1].append(place)
        else:
            found.append([place])
    return found


def padded(count: int) -> int:
    """The size of the stack of a set: at most an eighth, or seven samples, more.

    It depends on nothing but the set. So no neighbor changes the rounding, and vectors of eight values are full.
    """
    step = max(8, (1 << count.bit_length()) // 16)
    return -(-count // step) * step


def is_few(count: int, width: int) -> bool:
    """Whether products with the Gram matrix are cheaper than with the inputs, twice; few samples cost only the call."""
    return count <= max(2 * width, 256)


def _problems(features: Tensor, sets: Sequence[LabeledSet], classes: int) -> tuple[Problems, Tensor, Tensor]:
    """The problems, the mean of the inputs of each, [R, 1, D], and the sum of its weights, [R, 1, 1]."""
    size, device = padded(max(len(each.rows) for each in sets)), features.device
    rows, labels = (_stacked([getattr(each, name) for each in sets], size).to(device) for name in ("rows", "labels"))
    weights = _stacked([each.weights for each in sets], size)[:, None].to(features)
    totals = weights.sum(dim=2, keepdim=True)
    weights /= totals
    inputs = features.index_select(0, rows.flatten()).view(*rows.shape, -1)
    means = torch.bmm(weights, inputs)
    inputs -= means
    inputs.view(-1, inputs.shape[2]).index_fill_(0, (weights.flatten() == 0).nonzero()[:, 0], 0)
    own = labels[:, None] == torch.arange(classes, device=device)[:, None]
    shares = (own * weights).sum(dim=2, keepdim=True)
    gram = torch.bmm(inputs, inputs.mT) if is_few(size, features.shape[1]) else None
    return Problems(inputs, labels[:, None], weights, shares, totals, gram), means, totals


def _stacked(parts: Sequence[Tensor], size: int) -> Tensor:
    """[len(parts), size], padded with zeros."""
    found = pad_sequence([*parts], batch_first=True)
    return pad(found, (0, size - found.shape[1]))


def _heads(problems: Problems, weights: Tensor, b: Tensor, means: Tensor) -> Heads:
    seen, counts = b > HIDDEN / 2, (problems.weights > 0).sum(dim=2)
    intercepts = b - torch.bmm(weights, means.mT)[..., 0]
    # What the rounding has added to all classes alike.
    share = seen / seen.sum(dim=1, keepdim=True)
    weights -= seen[..., None] * torch.bmm(share[:, None].to(weights), weights)
    intercepts -= (intercepts * share).sum(dim=1, keepdim=True)
    return Heads(weights, torch.where(seen, intercepts, -torch.log1p(counts.to(weights))))
