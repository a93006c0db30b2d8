"""The columns of a scene's rows, by name: float32 [n] each. `ROW_FEATURES` says what they are.

Legend of dimensions: n candidates, L labeled samples, C classes, F folds, S of the sketch.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from iale.policies.universal._information import information_gain
from iale.policies.universal._space import Space, blocks, look_around
from iale.strategies.base import QueryContext

Columns = dict[str, Tensor]

_STEPS = 10_000  # of a unit: numbers that are closer tie in rank, because rounding would decide
_FAR = 5.0  # logarithms end here


def of_classifier(context: QueryContext, at: Tensor, votes: Tensor) -> Columns:
    """What the classifier, its folds, and the labeled neighbors think of the candidates ``at``; votes [n, C]."""
    assert context.temperature is not None
    assert context.folds is not None
    heat, most = context.temperature, math.log(max(2, context.num_classes))
    parts = []
    for part in blocks(len(at)):
        probs = torch.softmax(context.candidates.logits[at[part]] / heat, dim=1)
        folds = torch.softmax(context.folds.candidates[:, at[part]] / heat, dim=2)
        apart = (folds - folds.mean(dim=0)).abs().sum(dim=2) / 2  # [F, b]
        two = votes[part].topk(min(2, votes.shape[1]), dim=1).values
        parts.append(
            torch.stack(
                [
                    torch.special.entr(probs).sum(dim=1) / most,
                    apart.mean(dim=0) if len(apart) else torch.zeros(len(probs)),
                    1 - (two[:, 0] - two[:, -1]),
                    (probs - votes[part]).abs().sum(dim=1) / 2,
                ]
            )
        )
    names = ("entropy", "disagreement", "vote_uncertainty", "vote_apart")
    return dict(zip(names, torch.cat(parts, dim=1), strict=True))


def of_space(name: str, space: Space, sketch: Tensor, uncertainty: Tensor, predicted: Tensor) -> Columns:
    """What a view says; arguments are those of `look_around`."""
    nearest = space.nearest_labeled()
    around = look_around(space, nearest, sketch, uncertainty, predicted)
    return {
        f"{name}_distance": torch.log1p(nearest.sqrt() / space.bandwidth),
        f"{name}_covered": around.covered,
        f"{name}_density": around.density,
        f"{name}_alike": around.alike,
        f"{name}_gain": around.gain.clamp(1e-6, 1).log(),
    }


def of_classes(predicted: Tensor, labels: Tensor, classes: int) -> Columns:
    """How the predicted class of each candidate stands among predictions and labels."""
    among, known = (torch.bincount(each, minlength=classes).float() for each in (predicted, labels))
    share = torch.log((among + 1) / (len(predicted) + classes)) - torch.log((known + 1) / (len(labels) + classes))
    count = torch.log((known + 1) / (len(labels) / classes + 1))
    return {
        "class_share": share.clamp(-_FAR, _FAR)[predicted],
        "class_labels": count.clamp(-_FAR, _FAR)[predicted],
    }


def of_information(context: QueryContext, k: int, at: Tensor, spaces: tuple[Space, Space], sketch: Tensor) -> Columns:
    """BAIT's gain; in the geometry, at unit length, where there is no embedding."""
    assert context.labeled is not None
    rows, known = context.candidates.embeddings[at], context.labeled.embeddings
    if not rows.shape[1]:
        rows, known = spaces[0].rows, spaces[0].labeled
    seen = rows[sketch]
    gain = information_gain(known, rows, seen, (context.labeled.logits, context.candidates.logits[at]), k)
    relative = gain / gain.mean().clamp(min=1e-300)
    return {"information": relative.clamp(math.exp(-_FAR), math.exp(_FAR)).log().float()}


def shares_below(columns: Tensor) -> Tensor:
    """float32 [n, m]: the share of each column's numbers that are smaller; equal ones count half."""
    values, order = (columns * _STEPS).round().T.sort(dim=1)
    n = values.shape[1]
    place = torch.arange(n).expand(values.shape)
    rises = torch.ones(len(values), n + 1, dtype=torch.bool)  # where a number differs from the one before it
    rises[:, 1:-1] = values[:, 1:] != values[:, :-1]
    below = place.where(rises[:, :-1], 0).cummax(dim=1).values
    up_to = (place + 1).where(rises[:, 1:], n).flip(1).cummin(dim=1).values.flip(1)
    return torch.empty(values.shape).scatter_(1, order, (below + up_to) / (2 * n)).T
