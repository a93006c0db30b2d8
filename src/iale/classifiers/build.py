"""The classifiers that have a name, built for a data set."""

from __future__ import annotations

from typing import Literal, overload

from iale.classifiers._assembly import MakeNetwork, Said, assemble
from iale.classifiers._practice import Loss, MakeOptimizer
from iale.classifiers._statistics import channel_statistics
from iale.classifiers.base import TrainingConfig
from iale.classifiers.heads import LinearHead
from iale.classifiers.torch_classifier import TorchClassifier
from iale.data._inputs import as_samples
from iale.data.samples import Samples
from iale.registry import Registry

CLASSIFIERS = Registry[MakeNetwork](
    "classifier",
    {
        "cnn": "iale.classifiers.networks:cnn",
        "linear": "iale.classifiers.networks:linear",
        "mlp": "iale.classifiers.networks:mlp",
        "resnet18": "iale.classifiers.networks:resnet18",
        "resnet18-narrow": "iale.classifiers.networks:narrow_resnet18",
    },
)
"""Functions of the shape of one input, the number of classes, and each channel's mean and standard deviation.

The network called ``linear`` is not trained in steps but fitted by `LinearHead`.
"""


@overload
def build_classifier(
    name: Literal["linear"],
    samples: Samples,
    num_classes: int,
    training: TrainingConfig | None = None,
    *,
    l2: float | None = None,
) -> LinearHead: ...


@overload
def build_classifier(
    name: Literal["cnn", "mlp", "resnet18", "resnet18-narrow"],
    samples: Samples,
    num_classes: int,
    training: TrainingConfig | None = None,
    *,
    optimizer: MakeOptimizer | None = None,
    loss: Loss | None = None,
) -> TorchClassifier: ...


@overload
def build_classifier(
    name: str,
    samples: Samples,
    num_classes: int,
    training: TrainingConfig | None = None,
    *,
    optimizer: MakeOptimizer | None = None,
    loss: Loss | None = None,
    l2: float | None = None,
) -> TorchClassifier | LinearHead: ...


def build_classifier(
    name: str,
    samples: Samples,
    num_classes: int,
    training: TrainingConfig | None = None,
    *,
    optimizer: MakeOptimizer | None = None,
    loss: Loss | None = None,
    l2: float | None = None,
) -> TorchClassifier | LinearHead:
    """A classifier (a name in `CLASSIFIERS`) for inputs like ``samples``, which it standardizes by their statistics.

    See `TorchClassifier` for ``optimizer`` and ``loss``, and `LinearHead` for ``l2``.

    Raises:
        UnknownNameError: there is no such classifier.
        ConfigError: the classifier has no such option.
        ModelError: the network cannot read inputs of this shape.
    """
    said, samples = Said(optimizer, loss, l2), as_samples(samples)
    return assemble(CLASSIFIERS[name], samples, num_classes, training, channel_statistics(samples), said)
