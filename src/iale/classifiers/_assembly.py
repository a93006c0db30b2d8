"""A classifier from the network that has its name, and from what was said about its fits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import nn

from iale.classifiers._linear._options import check_head
from iale.classifiers._practice import Loss, MakeOptimizer
from iale.classifiers._statistics import Statistics
from iale.classifiers.base import TrainingConfig
from iale.classifiers.heads import LinearHead
from iale.classifiers.networks import linear
from iale.classifiers.torch_classifier import TorchClassifier
from iale.data.samples import Samples
from iale.errors import ConfigError

MakeNetwork = Callable[[tuple[int, ...], int, Sequence[float], Sequence[float]], nn.Module]


@dataclass(frozen=True)
class Said:
    """What may be said about the fits of a named classifier, besides the training."""

    optimizer: MakeOptimizer | None = None
    loss: Loss | None = None
    l2: float | None = None


def assemble(
    make: MakeNetwork,
    samples: Samples,
    num_classes: int,
    training: TrainingConfig | None,
    statistics: Statistics,
    said: Said,
) -> TorchClassifier | LinearHead:
    """A classifier of ``make``'s networks; raises what `check_said` raises."""
    training = training or TrainingConfig()
    check_said(make, training, said)
    if make is linear:
        return LinearHead(samples, num_classes, training, l2=said.l2, statistics=statistics)
    mean, std = statistics
    return TorchClassifier(
        lambda: make(samples.shape, num_classes, mean, std),
        samples.shape,
        training,
        optimizer=said.optimizer,
        loss=said.loss,
    )


def check_said(make: MakeNetwork, training: TrainingConfig, said: Said) -> None:
    """Raises ConfigError if the classifier of ``make``'s networks has no such option."""
    if make is not linear:
        if said.l2 is not None:
            raise ConfigError("l2 is the strength of a linear head: leave it out, or choose the classifier linear.")
        return
    check_head(training, said.l2)
    if said.optimizer is not None or said.loss is not None:
        what = "optimizer" if said.loss is None else "loss"
        raise ConfigError(f"a linear head is solved exactly and takes no {what}: leave it out, or choose mlp.")
