"""Many heads at once, each with another batch or other labels for it, and how well they predict.

Legend of dimensions: N samples of a task, S of them score, D width of the inputs, C classes, J heads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from iale.classifiers._linear._stacks import Heads, LabeledSet, fit_path, stacks

TOLERANCE = 1e-5
"""Of the loss of a head: what is left changes no Brier score by more than a few hundred-thousandths."""

_AT_ONCE = 1 << 24  # logits


@dataclass(frozen=True, eq=False)
class Labeled:
    """What is labeled, in the order of the samples.

    Attributes:
        rows: int64 [L].
        labels: int64 [L].
    """

    rows: Tensor
    labels: Tensor

    def with_(self, rows: Tensor, labels: Tensor) -> Labeled:
        """This and more."""
        every, said = torch.cat([self.rows, rows]), torch.cat([self.labels, labels])
        order = torch.argsort(every)
        return Labeled(every[order], said[order])


def fit_alike(features: Tensor, sets: Sequence[Labeled], classes: int, strength: float) -> Heads:
    """Linear heads of one strength: weights [J, C, D] and intercepts [J, C]; ``features`` are [N, D]."""
    weights = features.new_empty(len(sets), classes, features.shape[1])
    intercepts = features.new_empty(len(sets), classes)
    for stack in stacks([len(own.rows) for own in sets], classes, features.shape[1]):
        own = [LabeledSet(sets[i].rows, sets[i].labels, torch.ones(len(sets[i].rows))) for i in stack]
        paths = features.new_full((1, len(stack)), strength)
        for _, heads in fit_path(features, own, classes, paths, TOLERANCE):
            weights[stack], intercepts[stack] = heads.weights, heads.intercepts
    return Heads(weights, intercepts)


def brier_of_heads(heads: Heads, features: Tensor, labels: Tensor, temperature: float) -> Tensor:
    """float32 [J]: the Brier score of each head on samples ``features`` [S, D] with ``labels`` [S]."""
    step = max(1, _AT_ONCE // (len(features) * heads.intercepts.shape[1]))
    found = []
    for start in range(0, len(heads.weights), step):
        weights, intercepts = heads.weights[start : start + step], heads.intercepts[start : start + step]
        flat = torch.addmm(intercepts.flatten(), features, weights.flatten(0, 1).T)
        found.append(brier(flat.view(len(features), len(weights), -1), labels, temperature))
    return torch.cat(found)


def brier(logits: Tensor, labels: Tensor, temperature: float) -> Tensor:
    """float32 [J]: mean over samples of the squared distance to the truth; ``logits`` [S, J, C], ``labels`` [S]."""
    probs = torch.softmax(logits / temperature, dim=2)
    right = probs.gather(2, labels[:, None, None].expand(-1, probs.shape[1], 1))[..., 0]
    return (1 + probs.square().sum(dim=2) - 2 * right).mean(dim=0)
