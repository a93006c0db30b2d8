"""The classifiers that have a name, built for a data set."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import nn

from iale.classifiers._practice import Loss, MakeOptimizer
from iale.classifiers.base import TrainingConfig
from iale.classifiers.torch_classifier import TorchClassifier
from iale.data.samples import Samples
from iale.registry import Registry

CLASSIFIERS = Registry[Callable[[tuple[int, ...], int, Sequence[float], Sequence[float]], nn.Module]](
    "classifier",
    {
        "cnn": "iale.classifiers.networks:cnn",
        "linear": "iale.classifiers.networks:linear",
        "mlp": "iale.classifiers.networks:mlp",
        "resnet18": "iale.classifiers.networks:resnet18",
        "resnet18-narrow": "iale.classifiers.networks:narrow_resnet18",
    },
)
"""Functions of the shape of one input, the number of classes, and each channel's mean and standard deviation."""


def build_classifier(
    name: str,
    samples: Samples,
    num_classes: int,
    training: TrainingConfig | None = None,
    *,
    optimizer: MakeOptimizer | None = None,
    loss: Loss | None = None,
) -> TorchClassifier:
    """A classifier (a name in `CLASSIFIERS`) for inputs like ``samples``, which it standardizes by their statistics.

    See `TorchClassifier` for ``optimizer`` and ``loss``.

    Raises:
        UnknownNameError: there is no such classifier.
        ModelError: the network cannot read inputs of this shape.
    """
    make = CLASSIFIERS[name]
    mean, std = _channel_statistics(samples)
    return TorchClassifier(
        lambda: make(samples.shape, num_classes, mean, std), samples.shape, training, optimizer=optimizer, loss=loss
    )


def _channel_statistics(samples: Samples, most: int = 1000) -> tuple[list[float], list[float]]:
    """Mean and standard deviation of each channel, scaled to [0, 1], over at most ``most`` evenly spaced samples."""
    last = len(samples) - 1
    # In float32, as for all kept records: float64 would now and then name a neighbor. It rounds the end of a range
    # upwards from 16,777,219 samples on, where not every integer is a float32.
    rows = torch.linspace(0, last, min(most, len(samples))).long().clamp(max=last)
    inputs = samples.batch(rows)
    scale = 1.0 if inputs.is_floating_point() else 255.0
    flat = inputs.double().transpose(0, 1).flatten(1) / scale
    return flat.mean(dim=1).tolist(), flat.std(dim=1, correction=0).tolist()
