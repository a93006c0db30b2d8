"""What a network needs to know of its inputs before it sees them, and no label."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from iale.data.samples import Samples

Statistics = tuple[Sequence[float], Sequence[float]]
"""Mean and standard deviation of each channel, or of each feature of a row."""


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
    inputs = samples.batch(rows)
    scale = 1.0 if inputs.is_floating_point() else 255.0
    if inputs.ndim == 2 and inputs.is_floating_point() and _of_length_one(inputs):
        width = inputs.shape[1]
        return [0.0] * width, [width**-0.5] * width
    flat = inputs.double().transpose(0, 1).flatten(1) / scale
    return flat.mean(dim=1).tolist(), flat.std(dim=1, correction=0).tolist()


def _of_length_one(rows: Tensor) -> bool:
    """Whether all rows have the length 1, or no length at all."""
    lengths = rows.double().norm(dim=1)
    return bool(((lengths - 1).abs() < 1e-3).any()) and bool((((lengths - 1).abs() < 1e-3) | (lengths == 0)).all())
