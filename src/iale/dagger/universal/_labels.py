"""The classes of a task: those of its source, some of them, several in one, or parts of them.

Legend of dimensions: N samples of a source, C classes of the source, K classes of the task.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor

from iale.dagger.universal._sources import Source

_MOST = 50
_SEEN = 32  # principal components in which parts of classes are told apart
_ENOUGH = 600  # samples that a task should have


def draw_labels(source: Source, rng: Generator) -> tuple[Tensor, int, str]:
    """int64 [N], the class of each sample in the task, −1 for what does not belong to it; K; and how it was made."""
    counts = np.bincount(source.labels.numpy(), minlength=source.classes)
    classes = source.classes if rng.random() < 0.4 else round(float(np.exp(rng.uniform(np.log(2), np.log(_MOST)))))
    if classes == source.classes:
        return source.labels, classes, "all classes"
    if classes > source.classes:
        return _parts(source, classes, rng)
    kept = rng.permutation(source.classes)[:classes]
    if rng.random() < 0.6 and counts[kept].sum() >= _ENOUGH:
        found = np.full(source.classes, -1)
        found[kept] = np.arange(classes)
        return torch.from_numpy(found)[source.labels], classes, f"{classes} of {source.classes} classes"
    groups = np.concatenate([np.arange(classes), rng.integers(classes, size=source.classes - classes)])
    merged = torch.from_numpy(rng.permutation(groups))[source.labels]
    return merged, classes, f"{source.classes} classes merged into {classes}"


def _parts(source: Source, classes: int, rng: Generator) -> tuple[Tensor, int, str]:
    """Each class is divided among samples of it: a part is what is nearest to one of them."""
    points = source.points @ source.directions[:, :_SEEN]
    found, start = torch.full_like(source.labels, -1), 0
    for number, label in enumerate(rng.permutation(source.classes).tolist()):
        share = (classes - start) // (source.classes - number)
        members = torch.nonzero(source.labels == label)[:, 0]
        seeds = members[torch.from_numpy(rng.permutation(len(members))[:share])]
        found[members] = start + torch.cdist(points[members], points[seeds]).argmin(dim=1)
        start += len(seeds)
    return found, start, f"{source.classes} classes divided into {start}"


def draw_shares(classes: int, rng: Generator) -> tuple[np.ndarray[tuple[int], np.dtype[np.float64]], str]:
    """float64 [K], how likely each class is: even, or falling up to a hundredfold; and in words."""
    if rng.random() < 0.5:
        return np.full(classes, 1 / classes), "even"
    ratio = float(np.exp(rng.uniform(np.log(2), np.log(100))))
    weights = ratio ** -(rng.permutation(classes) / max(1, classes - 1))
    return weights / weights.sum(), f"uneven {ratio:.0f}:1"
