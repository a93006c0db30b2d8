"""The L2 strength of each head, by cross-validation: all folds of all sets are fitted together, strongest first."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import log_softmax
from torch.nn.utils.rnn import pad_sequence

from iale.classifiers._linear._stacks import Heads, LabeledSet, fit_path, stacks

DEFAULT = 0.02
"""Of too few labels for a cross-validation, as a multiple of the width D, the mean squared length of inputs."""
_TOLERANCE = 1e-4  # of a fold: far below what held-out samples can tell apart
GRID = tuple(DEFAULT * 10 ** (step / 2) for step in range(4, -5, -1))
"""What a cross-validation tries, as multiples of D, strongest first."""


def choose(features: Tensor, sets: Sequence[LabeledSet], folds: Sequence[Tensor], classes: int) -> Tensor:
    """The strength of each set with the least weighted cross entropy of its held-out samples, [len(sets)].

    Args:
        features: [U, D].
        sets: of samples.
        folds: the fold of each sample of each set, int64 [n].
        classes: C.
    """
    parts = [(owner, fold) for owner, own in enumerate(folds) for fold in range(int(own.max()) + 1)]
    kept = [sets[owner].at(folds[owner] != fold) for owner, fold in parts]
    held = [sets[owner].at(folds[owner] == fold) for owner, fold in parts]
    losses = features.new_zeros(len(GRID), len(sets))
    grid = features.new_tensor(GRID) * features.shape[1]
    if len(features) < features.shape[1] and features.device.type != "mps":
        # As many inputs as samples are enough to have the same products of any two, and so the same losses.
        features = torch.linalg.qr(features.mT, mode="r").R.mT.contiguous()
    for stack in stacks([len(each.rows) for each in kept], classes, features.shape[1]):
        path = grid[:, None].expand(-1, len(stack))
        owners = torch.tensor([parts[place][0] for place in stack], device=features.device)
        for number, heads in fit_path(features, [kept[place] for place in stack], classes, path, _TOLERANCE):
            losses[number].index_add_(0, owners, _losses(features, heads, [held[place] for place in stack]))
    return grid[losses.argmin(dim=0)]


def _losses(features: Tensor, heads: Heads, held: Sequence[LabeledSet]) -> Tensor:
    """The weighted cross entropy of each head's held-out samples, [R]."""
    device = features.device
    rows, labels = (pad_sequence([getattr(h, name) for h in held], True).to(device) for name in ("rows", "labels"))
    weights = pad_sequence([each.weights for each in held], True).to(features)
    logits = torch.baddbmm(heads.intercepts[:, None], features[rows], heads.weights.mT)
    missed = -log_softmax(logits, dim=2).gather(2, labels[..., None])[..., 0]
    return (missed * weights).sum(dim=1)
