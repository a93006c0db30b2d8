"""What a network needs to know of its inputs before it sees them, and no label."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from iale.data.samples import Samples

Statistics = tuple[Sequence[float], Sequence[float]]
"""Mean and standard deviation of each channel, or of each feature of a row."""

_VALUES = 1 << 24
"""That are in memory at a time: 128 MiB as float64."""


def channel_statistics(samples: Samples, most: int = 1000) -> Statistics:
    """Those of bytes scaled to [0, 1], or of numbers as they are, over at most ``most`` evenly spaced samples.

    Rows of length 1, such as hashed texts and embeddings, are on one scale already and share it: mean 0 and deviation
    D^-½. If each feature were standardized on its own, rare words, or directions that hold nothing but noise, would
    drown out the rest.
    """
    last = len(samples) - 1
    # In float32, as for all kept records: float64 would now and then name a neighbor. It rounds the end of a range
    # upwards from 16,777,219 samples on, where not every integer is a float32.
    rows = torch.linspace(0, last, min(most, len(samples))).long().clamp(max=last)
    together = max(1, _VALUES // max(1, math.prod(samples.shape)))
    means, deviations, lengths = [], [], []
    for part in torch.split(rows, together):
        inputs = samples.batch(part)
        scale = 1.0 if inputs.is_floating_point() else 255.0
        if inputs.ndim == 2 and inputs.is_floating_point():
            lengths.append(inputs.double().norm(dim=1))
        flat = inputs.double().transpose(0, 1).flatten(1) / scale
        means.append(flat.mean(dim=1))
        deviations.append(flat.std(dim=1, correction=0))
    if lengths and _are_one(torch.cat(lengths)):
        width = len(means[0])
        return [0.0] * width, [width**-0.5] * width
    if len(means) == 1:  # not even the rounding differs from that of kept records
        return means[0].tolist(), deviations[0].tolist()
    shares = [len(part) / len(rows) for part in torch.split(rows, together)]
    mean = _mean(shares, means)
    within = _mean(shares, [each.square() for each in deviations])
    between = _mean(shares, [(each - mean).square() for each in means])
    return mean.tolist(), (within + between).sqrt().tolist()


def _mean(shares: Sequence[float], values: Sequence[Tensor]) -> Tensor:
    """Of parts of which each has its share."""
    return torch.stack([share * value for share, value in zip(shares, values, strict=True)]).sum(dim=0)


def _are_one(lengths: Tensor) -> bool:
    """Whether all are 1, or some are 1 and the others 0."""
    return bool(((lengths - 1).abs() < 1e-3).any()) and bool((((lengths - 1).abs() < 1e-3) | (lengths == 0)).all())
