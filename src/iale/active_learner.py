"""The loop with a person in it: the steps of `Learner`, paused while she answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from iale.classifiers.base import Classifier, FittedClassifier, TrainingConfig
from iale.classifiers.cache import OutputCache
from iale.classifiers.torch_classifier import TorchClassifier
from iale.data._checks import integers
from iale.data.arrays import ArraySamples
from iale.data.pool import Pool
from iale.data.samples import Samples
from iale.errors import ConfigError, DataError, ModelError
from iale.learner import Learner, QueryConfig
from iale.policies.catalog import find_strategy
from iale.seeding import Stream
from iale.strategies.base import QueryStrategy

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


@dataclass(frozen=True, eq=False, repr=False)
class ActiveLearner:
    """The loop with a person in it: ``ask`` which samples to label, ``tell`` their labels, ``fit``.

    Args:
        model: any PyTorch module that maps a batch to logits [B, C], a function that makes one, or a `Classifier`.
        samples: the inputs: an array [N, …], or any `Samples`.
        strategy: a strategy, its name, the name of a shipped policy, or a policy's folder. The attribute holds the
            strategy itself.
        num_classes: C; by default the number of logits.
        training: how the model is fitted; ignored if ``model`` is a `Classifier`.
        subset_size: a query looks at a random sub-pool of this size; None looks at all unlabeled samples.
        seed: root of every draw; the same seed and labels give the same answers.
        cache: a folder that keeps the outputs of a whole pool (``subset_size=None``), so that a second query with
            the same model reads them; you may delete it at any time. Without one, outputs of more than 256 MiB go to
            a temporary folder.

    Raises:
        ConfigError: the subset size is below 1, or the strategy is unknown.
        DataError: the samples are a path, or an array that no model can read.
        ModelError, PolicyError: the strategy asks for what the model lacks.

    >>> import numpy as np
    >>> from torch import nn
    >>> images = np.random.default_rng(0).normal(size=(60, 1, 5, 5)).astype("float32")
    >>> model = nn.Sequential(nn.Flatten(), nn.Linear(25, 8), nn.ReLU(), nn.Linear(8, 2))
    >>> learner = ActiveLearner(model, images, "margin", training=TrainingConfig(epochs=2))
    >>> learner.tell([0, 1, 2, 3], [0, 1, 0, 1])
    >>> len(set(learner.ask(5)) - {0, 1, 2, 3})
    5
    """

    model: nn.Module | Callable[[], nn.Module] | Classifier
    samples: Samples | ArrayLike | Tensor
    strategy: QueryStrategy | str = "margin"
    _: KW_ONLY
    num_classes: int | None = None
    training: TrainingConfig | None = None
    subset_size: int | None = 1000
    seed: int = 0
    cache: str | Path | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "strategy", self._strategy)  # the strategy itself, whatever was passed
        # What does not fit together raises here, not at the first question.
        self._strategy.check(self._learner.classifier)

    @property
    def labeled(self) -> list[int]:
        """Indices of the labeled samples, in the order they were told."""
        return self._learner.pool.labeled.tolist()

    def tell(self, indices: Sequence[int] | Tensor, labels: Sequence[int] | Tensor) -> None:
        """Adds labels; if it raises, it has added none.

        Args:
            indices: [k] integers in 0 … N−1, of unlabeled samples.
            labels: [k] integers in 0 … C−1, one for each index.

        Raises:
            DataError: an argument is not a list of integers, the lengths differ, or a label is out of range.
            QueryError: an index is unknown, labeled already or named twice.
        """
        self._learner.pool.acquire(integers(indices, "indices"), integers(labels, "labels"))

    def fit(self) -> FittedClassifier:
        """Fits the model to all labels told so far, or returns the last fit if there are no new ones."""
        if not self._learner.up_to_date:
            self._learner.fit(self._strategy.needs)
        return self._learner.fitted

    def ask(self, k: int) -> list[int]:
        """The k samples to label next, best first; fits first if there are new labels.

        Before the first label there is nothing to fit, and the k samples are drawn at random.

        Raises:
            ConfigError: fewer than k samples are unlabeled, or k is larger than the sub-pool.
        """
        self._check_size(k)
        if not self.labeled:
            return self._draw(k)
        self.fit()
        return self._learner.query(self._strategy, k).tolist()

    def _check_size(self, k: int) -> None:
        unlabeled = len(self._learner.pool)
        if not unlabeled:
            raise ConfigError("every sample is labeled already: there is nothing left to ask for.")
        if not isinstance(k, int) or not 1 <= k <= unlabeled:
            raise ConfigError(f"{k} samples were asked for: ask for 1 to {unlabeled}, the unlabeled ones.")
        if self.subset_size is not None and self.subset_size < k and self.labeled:
            raise ConfigError(f"{k} samples were asked for from a sub-pool of {self.subset_size}: raise subset_size.")

    def _draw(self, k: int) -> list[int]:
        pool = self._learner.pool
        unlabeled = pool.candidates(None, self._learner.stream).indices
        return unlabeled[self._learner.rng("cold").permutation(len(pool))[:k]].tolist()

    @cached_property
    def _strategy(self) -> QueryStrategy:
        return find_strategy(self.strategy)

    @cached_property
    def _learner(self) -> Learner:
        """The run behind this face, made once; only its pool and its fits change."""
        samples = _inputs(self.samples)
        classifier = _classifier(self.model, samples, self.training)
        if self.num_classes not in (None, classifier.num_classes):
            raise ModelError(f"the model has {classifier.num_classes} logits, {self.num_classes} classes were named.")
        pool = Pool(torch.arange(len(samples)), classifier.num_classes)
        query = QueryConfig(subset_size=self.subset_size)
        return Learner(classifier, samples, pool, query, Stream(self.seed), OutputCache(self.cache))


def _inputs(samples: Samples | ArrayLike | Tensor) -> Samples:
    if isinstance(samples, str | Path):
        raise DataError(f"{str(samples)!r} is a path: pass FolderSamples({str(samples)!r}) or an array.")
    if isinstance(samples, Samples):
        return samples
    return ArraySamples(samples if isinstance(samples, Tensor) else np.asarray(samples))


def _classifier(model: object, samples: Samples, training: TrainingConfig | None) -> Classifier:
    if isinstance(model, Classifier):
        return model
    if not callable(model):
        raise ModelError(f"expected a PyTorch module, a function that makes one or a Classifier, not {model!r:.60}.")
    return TorchClassifier(model, samples.shape, training)
