"""The classifiers by name, built for a data set."""

from __future__ import annotations

import torch

from iale.classifiers.base import TrainingConfig
from iale.classifiers.torch_classifier import TorchClassifier
from iale.data.samples import Samples
from iale.registry import Registry

CLASSIFIERS = Registry(
    "classifier",
    {
        "cnn": "iale.classifiers.networks:cnn",
        "mlp": "iale.classifiers.networks:mlp",
        "resnet18": "iale.classifiers.networks:resnet18",
        "resnet18-narrow": "iale.classifiers.networks:narrow_resnet18",
    },
)


def build_classifier(
    name: str, samples: Samples, num_classes: int, training: TrainingConfig | None = None
) -> TorchClassifier:
    """The classifier called ``name`` for inputs like ``samples``, standardised by their statistics."""
    make = CLASSIFIERS[name]
    mean, std = channel_statistics(samples)
    return TorchClassifier(lambda: make(samples.shape, num_classes, mean, std), samples.shape, training)


def channel_statistics(samples: Samples, most: int = 1000) -> tuple[list[float], list[float]]:
    """Mean and standard deviation per channel of evenly spaced samples, scaled to [0, 1]; float64 inside."""
    indices = torch.linspace(0, len(samples) - 1, min(most, len(samples))).long()
    inputs = samples.batch(indices)
    scale = 1.0 if inputs.is_floating_point() else 255.0
    flat = inputs.double().transpose(0, 1).flatten(1) / scale
    return flat.mean(dim=1).tolist(), flat.std(dim=1, correction=0).tolist()
