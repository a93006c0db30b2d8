"""What `ActiveLearner` and `ProjectLearner` share: how a person's question is answered, and what may be a model."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypedDict, Unpack

from torch import nn

from iale.classifiers._fixed import FixedClassifier
from iale.classifiers._practice import Loss, MakeOptimizer
from iale.classifiers.base import Classifier, TrainingConfig
from iale.classifiers.torch_classifier import TorchClassifier
from iale.data.samples import Samples
from iale.errors import ConfigError, ModelError
from iale.learner import Learner
from iale.strategies.base import QueryStrategy


def next_samples(learner: Learner, strategy: QueryStrategy, k: int, fit: Callable[[], object]) -> list[int]:
    """The k samples to label next, best first; ``fit`` brings the learner up to date with the labels.

    Before the first label there is nothing to fit, and the k samples are drawn at random.

    Raises:
        ConfigError: fewer than k samples are unlabeled, or k is larger than the sub-pool.
    """
    unlabeled, size = len(learner.pool), learner.config.subset_size
    if not unlabeled:
        raise ConfigError("every sample is labeled already: there is nothing left to ask for.")
    if not isinstance(k, int) or not 1 <= k <= unlabeled:
        raise ConfigError(f"{k} samples were asked for, but {unlabeled} are unlabeled: ask for 1 to {unlabeled}.")
    if not len(learner.pool.labeled) and not isinstance(learner.classifier, FixedClassifier):
        indices = learner.pool.candidates(None, learner.stream).indices
        return indices[learner.rng("cold").permutation(unlabeled)[:k]].tolist()
    if size is not None and size < k:
        raise ConfigError(f"{k} samples were asked for from a sub-pool of {size}: raise subset_size.")
    fit()
    return learner.query(strategy, k).tolist()


class ModelOptions(TypedDict, total=False):
    """What may be said about a module; see `TorchClassifier`."""

    embedding_layer: str | None
    reinitialize: bool | None
    optimizer: MakeOptimizer | None
    loss: Loss | None


def as_classifier(
    model: object, samples: Samples, training: TrainingConfig | None, **options: Unpack[ModelOptions]
) -> Classifier:
    """``model`` itself if it is a classifier, or else a classifier around the user's module.

    Raises ConfigError if something is said about a model that is a classifier already.
    """
    if isinstance(model, Classifier):
        if said := [name for name, value in options.items() if value is not None]:
            raise ConfigError(f"{said[0]} belongs to a module, not to a classifier: pass it to TorchClassifier.")
        return model
    if isinstance(model, nn.Module) or callable(model):
        return TorchClassifier(model, samples, training, **options)
    raise ModelError(f"expected a PyTorch module, a function that makes one or a Classifier, not {model!r:.60}.")
