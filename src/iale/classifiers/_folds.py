"""Folds for cross-validation: stratified, and the same for the same labels in any order."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from iale.seeding import Stream


def stratified_folds(indices: Tensor, labels: Tensor, folds: int, stream: Stream) -> Tensor:
    """int64 [L]: the fold of each sample, 0 … folds − 1.

    The samples of each class are dealt in random order, and the dealing goes on with the next class where it stopped.
    So folds differ by at most one sample, and by at most one of any class. The draws depend on ``stream`` and on the
    labeled set, not on its order.
    """
    keys = np.empty(len(indices))
    keys[np.argsort(indices.numpy(), kind="stable")] = stream.numpy().random(len(indices))
    order = np.lexsort((keys, labels.numpy()))
    found = torch.empty(len(indices), dtype=torch.int64)
    found[torch.from_numpy(order)] = torch.arange(len(indices)) % folds
    return found


def enough_to_calibrate(labels: Tensor) -> bool:
    """Whether there are labels (int64 [L]) of two classes, and two per class on average.

    With fewer, most folds lack whole classes.
    """
    seen = int((torch.bincount(labels) > 0).sum())
    return seen >= 2 and len(labels) >= 2 * seen
