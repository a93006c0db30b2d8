"""The loop with a person in it: the steps of `Learner`, paused while people answer."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import Self, SupportsIndex, TypedDict, Unpack

import torch
from torch import nn

from iale._asking import as_classifier, next_samples, with_points
from iale.classifiers._fixed import FixedClassifier
from iale.classifiers._modules import check_numbers, device_of
from iale.classifiers._practice import Loss, MakeOptimizer
from iale.classifiers.base import Classifier, FittedClassifier, TrainingConfig
from iale.classifiers.cache import OutputCache
from iale.classifiers.torch_classifier import TorchClassifier
from iale.data._checks import IntegersLike, check_same_order, index_of, integers, told_labels
from iale.data._inputs import as_samples, check_own
from iale.data._names import names_of
from iale.data.pool import Pool
from iale.data.unlabeled import kind_of
from iale.errors import ConfigError, IaleWarning, ModelError
from iale.geometry._builtin import built_in
from iale.geometry.embeddings import as_geometry
from iale.learner import Learner, QueryConfig
from iale.policies.catalog import find_strategy
from iale.seeding import Stream
from iale.strategies.base import QueryStrategy
from iale.strategies.catalog import DEFAULT_STRATEGY


class _Options(TypedDict, total=False):
    subset_size: int | None
    seed: int
    cache: str | Path | None
    geometry: object


@dataclass(eq=False, repr=False)
class ActiveLearner:
    """The loop with a person in it: ``ask`` which samples to label, ``tell`` their labels, ``fit``.

    Args:
        model: any PyTorch module that maps a batch to logits [B, C], a function that makes one, or a `Classifier`.
        samples: the inputs: an array or tensor [N, …], a dictionary of arrays (see `DictSamples`), any `Samples`, a
            map-style PyTorch data set, a list of arrays, tensors or Pillow images, a data frame of numbers, a sparse
            SciPy matrix, or a column of a Hugging Face data set. Items may be pairs (x, y), whose y is ignored.
        strategy: a strategy, its name, the name of a built-in policy, or the folder of a policy. The default is Error
            Herding, or Margin, with a warning, if there is no geometry. The attribute holds the strategy itself.
            Attributes cannot be changed.
        num_classes: C; by default the number of logits.
        training: how the model is fitted; ignored if ``model`` is a `Classifier`.
        subset_size: a query looks at a random sub-pool of this size; None looks at all unlabeled samples.
        embedding_layer: this and the next three are those of `TorchClassifier`.
        reinitialize: whether every fit starts from new weights; False keeps those of a pretrained model.
        optimizer: makes an optimizer, such as `torch.optim.AdamW`.
        loss: maps logits and labels to a scalar.
        seed: root of every draw; the same seed and labels give the same answers.
        cache: a folder for the outputs of a whole pool (``subset_size=None``) and the built-in geometry, so that a
            second query with the same model need not compute them; you may delete it at any time. Without one, outputs
            of more than 256 MiB go to a temporary folder.
        geometry: all samples as points, for strategies that compare them: embeddings, or anything else that
            `as_geometry` takes. The default is the built-in one, which is made when a strategy first needs it.

    Raises:
        ConfigError: the subset size is below 1, the strategy is unknown, or a `Classifier` comes with options.
        DataError: the samples are none of these, or no model can read them.
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
    samples: object
    strategy: QueryStrategy | str | Path | None = None
    _: KW_ONLY
    num_classes: int | None = None
    training: TrainingConfig | None = None
    subset_size: int | None = 1000
    seed: int = 0
    cache: str | Path | None = None
    geometry: object = None
    embedding_layer: str | None = None
    reinitialize: bool | None = None
    optimizer: MakeOptimizer | None = None
    loss: Loss | None = None

    def __post_init__(self) -> None:
        samples = as_samples(self.samples)
        check_own(samples)
        classifier = as_classifier(
            self.model,
            samples,
            self.training,
            embedding_layer=self.embedding_layer,
            reinitialize=self.reinitialize,
            optimizer=self.optimizer,
            loss=self.loss,
        )
        if self.num_classes not in (None, classifier.num_classes):
            raise ModelError(f"the model has {classifier.num_classes} logits, but num_classes is {self.num_classes!r}.")
        self._say: Callable[[str], object] | None = _warn if self.strategy is None else None
        self.strategy = self._strategy = find_strategy(DEFAULT_STRATEGY if self.strategy is None else self.strategy)
        self._strategy.check(classifier)  # raises now, not at the first question
        pool = Pool(torch.arange(len(samples)), classifier.num_classes)
        query = QueryConfig(subset_size=self.subset_size)
        names = names_of(samples)
        check_same_order(
            names or index_of(self.samples),
            self.geometry,
            f"the samples and the geometry have one index in two orders: pass geometry.loc[samples."
            f"{'names' if names else 'index'}], or geometry.to_numpy() if its rows are in the order of the samples.",
        )
        points = None if self.geometry is None else as_geometry(self.geometry, len(samples), names)
        self._learner = Learner(classifier, samples, pool, query, Stream(self.seed), OutputCache(self.cache), points)

    def __setattr__(self, name: str, value: object) -> None:
        if "_learner" in vars(self) and name in self.__dataclass_fields__:
            raise ConfigError(
                f"the {name} of a learner cannot be changed: make another learner, and tell it the labels."
            )
        super().__setattr__(name, value)

    @classmethod
    def from_fitted(
        cls,
        model: nn.Module,
        samples: object,
        strategy: QueryStrategy | str | Path | None = None,
        *,
        embedding_layer: str | None = None,
        **options: Unpack[_Options],
    ) -> Self:
        """A learner whose model is trained already: nothing is ever fitted.

        ``ask`` ranks with the model from the start, and labels only exclude samples. The model is copied and stays on
        its device: if you train yours further, make another learner, and tell it the labels. The
        ``options`` ``subset_size``, ``seed``, ``cache`` and ``geometry`` and the errors are those of the class. A
        strategy that needs a committee raises ModelError when it is asked.
        """
        if not isinstance(model, nn.Module):
            raise ModelError(f"expected a PyTorch module that is trained, not {model!r:.60}.")
        check_numbers(model)
        inputs, training = as_samples(samples), TrainingConfig(device=str(device_of(model)))
        recipe = TorchClassifier(model, inputs, training, embedding_layer=embedding_layer, reinitialize=False)
        fixed = FixedClassifier(recipe.fitted())
        return cls(fixed, inputs, strategy, **options)

    @property
    def labeled(self) -> list[int]:
        """Indices of the labeled samples, in the order they were told; a corrected label counts as the latest."""
        return self._learner.pool.labeled.tolist()

    def tell(self, indices: IntegersLike, labels: IntegersLike, *, overwrite: bool = False) -> None:
        """Adds labels; if it raises, it has added none.

        Args:
            indices: [k] integers in 0 … N−1, of unlabeled samples.
            labels: [k] integers in 0 … C−1, one for each index.
            overwrite: whether the samples may have been labeled or skipped; the new label replaces the old one.

        Raises:
            DataError: an argument is not a list of integers, the lengths differ, a label is out of range, or the labels
                are a series whose index holds the indices in another order.
            QueryError: an index is unknown or named twice, or, without ``overwrite``, labeled or skipped already.
        """
        self._learner.pool.acquire(*told_labels(indices, labels), overwrite=overwrite)

    def skip(self, indices: IntegersLike) -> None:
        """Skips samples that nobody can label: they are not asked for again. If it raises, it has skipped none.

        Args:
            indices: [k] integers in 0 … N−1, of samples without a label.

        Raises:
            DataError: ``indices`` is not a list of integers.
            QueryError: an index is unknown, labeled or named twice.
        """
        self._learner.pool.skip(integers(indices, "indices"))

    def forget(self, indices: IntegersLike) -> None:
        """Undoes `tell` and `skip`, so that the samples may be asked for again. If it raises, it has changed nothing.

        Args:
            indices: [k] integers in 0 … N−1, of labeled or skipped samples.

        Raises:
            DataError: ``indices`` is not a list of integers.
            QueryError: an index is unknown, named twice, or neither labeled nor skipped.
        """
        self._learner.pool.forget(integers(indices, "indices"))

    def fit(self) -> FittedClassifier:
        """Fits the model to all labels told so far, or returns the last fit if there are no new ones."""
        if not self._learner.up_to_date:
            self._learner.fit(self._strategy.needs)
        return self._learner.fitted

    def ask(self, k: SupportsIndex) -> list[int]:
        """The k samples to label next, best first; fits first if there are new labels.

        Before the first label there is nothing to fit. Strategies such as Error Herding choose anyway, by the geometry.
        For the others, k-means++ chooses diverse samples from 500 random ones.

        Samples for which the model returns NaN or infinity are left out, and a warning names them.

        Raises:
            ConfigError: fewer than k samples are unlabeled, or k is larger than the sub-pool.
            UnreadableError: samples cannot be read: repair them, or ``skip(list(error.reasons))``.
            ModelError: the model's outputs are NaN or infinite for all candidates.
        """
        learner, folder = self._learner, None if self.cache is None else Path(self.cache) / "geometry"
        kind = kind_of(learner.samples)
        if learner.geometry is None:
            self._strategy, learner.geometry = with_points(
                self._strategy, lambda: built_in(learner.samples, kind, folder), self._say
            )
            vars(self)["strategy"] = self._strategy
        return next_samples(learner, kind, self._strategy, k, self.fit)


def _warn(sentence: str) -> None:
    warnings.warn(sentence, IaleWarning, stacklevel=4)  # where somebody asks
