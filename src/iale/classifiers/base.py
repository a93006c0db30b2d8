"""What iale needs from a classifier: fit it, then ask for its outputs.

Legend of dimensions: N samples, C classes, D width of the embedding, K Monte-Carlo passes.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from numbers import Integral, Real
from typing import Literal, Protocol, runtime_checkable

import torch
from torch import Tensor

from iale.classifiers._global_state import PRECISIONS
from iale.data.samples import Samples
from iale.errors import ConfigError, DataError


@dataclass(frozen=True, eq=False)
class Outputs:
    """What a fitted classifier computes for N samples, with dropout off.

    Attributes:
        logits: float32 [N, C].
        embeddings: float32 [N, D], the input of the last linear layer.
    """

    logits: Tensor
    embeddings: Tensor

    @cached_property
    def probs(self) -> Tensor:
        """float32 [N, C]; each row sums to 1."""
        return torch.softmax(self.logits, dim=-1)

    @cached_property
    def predictions(self) -> Tensor:
        """int64 [N], the most likely class of each sample."""
        return self.logits.argmax(dim=-1)

    def __len__(self) -> int:
        return len(self.logits)

    def at(self, positions: Tensor) -> Outputs:
        """The outputs at ``positions`` (int64 [n])."""
        return Outputs(self.logits[positions], self.embeddings[positions])


@dataclass(frozen=True)
class TrainingConfig:
    """How a classifier is fitted (paper, section 4.1, and the authors' later code).

    Attributes:
        epochs: passes over the labeled samples in one fit.
        batch_size: samples in one optimizer step.
        batches: how an epoch is divided: "equal" gives batches whose sizes differ by at most one; "remainder" fills
            all batches but the last, which may then hold only a sample or two and distort the fit.
        learning_rate: of Adam (betas 0.9 and 0.999, epsilon 1e-8), or of your own optimizer.
        weight_decay: of the same optimizer; Adam adds weight_decay · w to the gradient of every weight w.
        class_weights: weights of the classes in the loss: "balanced" gives all classes the same total weight; or one
            weight per class, such as 1,1,5; none counts all samples the same.
        stop_accuracy: ends a fit after the first epoch whose training accuracy (on its own batches, with dropout on)
            reaches this share; none trains for all epochs.
        device: "cpu", "cuda", "cuda:0" or "mps"; "auto" is "cuda" if there is one, else "cpu". The device is checked
            only when a fit begins.
        precision: how a GPU multiplies in training: "float32", "tf32" (10-bit factors) or "bf16" (7-bit factors,
            float32 sums). A CPU always multiplies in float32.
        prediction_batch_size: samples in one forward pass of a prediction; none takes up to 500, fewer if these would
            need more than 256 MiB on a GPU, or 24 MiB on a CPU, whose caches are small.

    Raises:
        ConfigError: a value is out of range, or there is no such kind of device.
    """

    epochs: int = 100
    batch_size: int = 64
    batches: Literal["equal", "remainder"] = "equal"
    learning_rate: float = 1e-3
    weight_decay: float = 0.0
    class_weights: tuple[float, ...] | Literal["balanced"] | None = None
    stop_accuracy: float | None = None
    device: str = "auto"
    precision: str = "float32"
    prediction_batch_size: int | None = None

    def __post_init__(self) -> None:
        self._check_types()
        if self.epochs < 1:
            raise ConfigError(f"epochs must be at least 1, not {self.epochs}.")
        if self.batch_size < 1:
            raise ConfigError(f"the batch size must be at least 1, not {self.batch_size}.")
        if self.batches not in ("equal", "remainder"):
            raise ConfigError(f"unknown batches {self.batches!r}: use equal or remainder.")
        if not 0 < self.learning_rate < math.inf:
            raise ConfigError(f"the learning rate must be above 0 and finite, not {self.learning_rate}.")
        if self.stop_accuracy is not None and not 0 < self.stop_accuracy <= 1:
            raise ConfigError(f"the stop accuracy must be above 0 and at most 1, not {self.stop_accuracy}.")
        if self.precision not in PRECISIONS:
            raise ConfigError(f"unknown precision {self.precision!r}: use {', '.join(PRECISIONS)}.")
        if self.prediction_batch_size is not None and self.prediction_batch_size < 1:
            raise ConfigError(f"the prediction batch size must be at least 1, not {self.prediction_batch_size}.")
        if not 0 <= self.weight_decay < math.inf:
            raise ConfigError(f"the weight decay must be at least 0, not {self.weight_decay}.")
        self._check_class_weights()
        _check_device(self.device)

    def _check_types(self) -> None:
        optional = ("prediction_batch_size", "stop_accuracy")
        for name in ("epochs", "batch_size", "prediction_batch_size", "learning_rate", "weight_decay", "stop_accuracy"):
            value, whole = getattr(self, name), name in ("epochs", "batch_size", "prediction_batch_size")
            known = isinstance(value, Integral if whole else Real) and not isinstance(value, bool)
            if not (known or (value is None and name in optional)):
                kind = "an integer" if whole else "a number"
                raise ConfigError(f"{name.replace('_', ' ')} must be {kind}, not {value!r:.40}.")

    def _check_class_weights(self) -> None:
        weights: object = self.class_weights
        if weights is None or (isinstance(weights, str) and weights == "balanced"):
            return
        found = list(weights) if isinstance(weights, Iterable) and not isinstance(weights, str | Mapping) else []
        if not found or not all(isinstance(weight, Real) and 0 < float(weight) < math.inf for weight in found):
            raise ConfigError(f'class weights are "balanced" or one number above 0 for each class, not {weights!r}.')
        object.__setattr__(self, "class_weights", tuple(map(float, found)))  # JSON has lists, which cannot be hashed


def resolve_device(name: str) -> torch.device:
    """The device called ``name``; raises ConfigError if this machine does not have it."""
    if name == "auto":
        # Not mps: its arithmetic is not compared with that of the others, so whoever wants it names it.
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    device = _check_device(name)
    count = {"cpu": 1, "cuda": torch.cuda.device_count(), "mps": int(torch.backends.mps.is_available())}[device.type]
    if (device.index or 0) >= count:
        raise ConfigError(f'device {name!r} is not on this machine: use --device cpu (or device="cpu").')
    return device


def _check_device(name: str) -> torch.device:
    """The device called ``name``, whether or not this machine has it; raises ConfigError for what is none."""
    try:
        device = torch.device("cpu" if name == "auto" else name)
    except (RuntimeError, TypeError) as error:
        raise ConfigError(f"unknown device {name!r}: use auto, cpu, cuda, cuda:0 or mps.") from error
    if device.type not in ("cpu", "cuda", "mps"):
        raise ConfigError(f"device {name!r} is not supported: use auto, cpu, cuda, cuda:0 or mps.")
    return device


@dataclass(frozen=True, eq=False)
class FitJob:
    """One classifier to train.

    Attributes:
        indices: int64 [L], data-set indices of the labeled samples.
        labels: int64 [L].
        seed: root seed of this fit's initial weights, batch order and dropout masks.

    Raises:
        DataError: they are no such tensors, or of two lengths.
        ConfigError: the seed is no integer.
    """

    indices: Tensor
    labels: Tensor
    seed: int

    def __post_init__(self) -> None:
        both = self.indices, self.labels
        if not all(isinstance(each, Tensor) and each.dtype == torch.int64 and each.ndim == 1 for each in both):
            raise DataError("a fit reads int64 tensors of indices and labels: make them with torch.tensor(list).")
        if len(self.indices) != len(self.labels):
            raise DataError(
                f"a fit reads int64 tensors of indices and labels of one length, not {len(self.indices)} and "
                f"{len(self.labels)}: give one label for each sample."
            )
        if not isinstance(self.seed, Integral):
            raise ConfigError(f"a seed is an integer, not {self.seed!r:.40}.")


class FittedClassifier(Protocol):
    """A trained classifier. It returns tensors on the CPU, whatever its device."""

    def outputs(self, samples: Samples, indices: Tensor) -> Outputs:
        """Outputs for ``indices`` (int64 [N]) with dropout off."""

    def monte_carlo(self, samples: Samples, indices: Tensor, passes: int, seed: int) -> Tensor:
        """float32 [K, N, C] probabilities of K passes with dropout on; ``seed`` determines the masks."""


@runtime_checkable
class Classifier(Protocol):
    """A recipe: an architecture and how to train it. It holds no trained weights.

    Attributes:
        num_classes: C.
        embedding_dim: D.
        has_dropout: whether Monte-Carlo passes differ from each other.
    """

    num_classes: int
    embedding_dim: int
    has_dropout: bool

    def fit_many(self, samples: Samples, jobs: Sequence[FitJob]) -> list[FittedClassifier]:
        """Trains one classifier for each job, from newly drawn weights; jobs do not affect each other."""
