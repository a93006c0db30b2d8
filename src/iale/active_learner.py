"""The loop with a person in it: the steps of `Learner`, stopped where she answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from iale.classifiers.base import Classifier, FittedClassifier, TrainingConfig
from iale.classifiers.cache import OutputCache
from iale.classifiers.torch_classifier import TorchClassifier
from iale.data.arrays import ArraySamples
from iale.data.pool import Pool
from iale.data.samples import Samples
from iale.errors import ConfigError, DataError, ModelError
from iale.learner import CycleConfig, Learner
from iale.policies.catalog import find_strategy
from iale.seeding import Stream
from iale.strategies.base import QueryStrategy

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


class ActiveLearner:
    """The loop with a person in it: ``ask`` which samples to label, ``tell`` their labels, ``fit``.

    Args:
        model: any PyTorch module that maps a batch to logits, a function that makes one, or a `Classifier`.
        samples: the inputs: an array [N, …], or any `Samples`.
        strategy: a strategy, its name, the name of a shipped policy, or a policy's folder.
        num_classes: C; by default the number of logits.
        training: how the model is fitted; ignored where ``model`` is a `Classifier`.
        subset_size: a query looks at a random sub-pool of this size; None looks at all.
        seed: root of every draw; with the same seed and labels the same samples are asked for.
        cache: a folder where the outputs of a whole pool (``subset_size=None``) are kept, so that a second query with
            the same model reads them; it may be deleted at any time. Without one, outputs of more than 256 MiB go to
            a temporary folder.

    Raises:
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

    def __init__(
        self,
        model: nn.Module | Callable[[], nn.Module] | Classifier,
        samples: Samples | ArrayLike | Tensor,
        strategy: QueryStrategy | str = "margin",
        *,
        num_classes: int | None = None,
        training: TrainingConfig | None = None,
        subset_size: int | None = 1000,
        seed: int = 0,
        cache: str | Path | None = None,
    ) -> None:
        if isinstance(samples, str | Path):
            raise DataError(f"{str(samples)!r} is a path: pass FolderSamples({str(samples)!r}) or an array.")
        inputs = samples if isinstance(samples, Samples) else ArraySamples(_array(samples))
        if not isinstance(model, Classifier):
            model = TorchClassifier(_module(model), inputs.shape, training)
        if num_classes not in (None, model.num_classes):
            raise ModelError(f"the model has {model.num_classes} logits, {num_classes} classes were named.")
        self.strategy = find_strategy(strategy)
        self.strategy.check(model)
        pool = Pool(torch.arange(len(inputs)), model.num_classes)
        # A cycle's sizes do not bind a person, who asks for as many as she likes and stops when she likes.
        config = CycleConfig(acquisition_size=1, subset_size=subset_size)
        self._learner = Learner(model, inputs, pool, config, Stream(seed), OutputCache(cache))
        self._fitted_on = -1

    @property
    def labeled(self) -> list[int]:
        """Indices of the labeled samples, in the order they were told."""
        return self._learner.pool.labeled.tolist()

    def tell(self, indices: Sequence[int] | Tensor, labels: Sequence[int] | Tensor) -> None:
        """Adds labels (0 … C−1); raises and adds none where an index or a label is wrong."""
        self._learner.pool.acquire(integers(indices, "indices"), integers(labels, "labels"))

    def fit(self) -> FittedClassifier:
        """Fits the model on all labels told so far."""
        count = len(self._learner.pool.labeled)
        if self._fitted_on != count:
            self._learner.fit(self.strategy.needs)
            self._fitted_on = count
        return self._learner.fitted

    def ask(self, k: int) -> list[int]:
        """The k samples to label next, best first; fits first where labels have come since.

        Before the first label there is nothing to fit, and the k samples are drawn at random.
        """
        learner, left = self._learner, len(self._learner.pool)
        if not left:
            raise ConfigError("every sample is labeled already: there is none left to ask for.")
        if not isinstance(k, int) or not 1 <= k <= left:
            raise ConfigError(f"{k} samples were asked for: ask for 1 to {left}, the unlabeled ones.")
        size = learner.config.subset_size
        if size is not None and size < k and len(learner.pool.labeled):
            raise ConfigError(f"{k} samples were asked for from a sub-pool of {size}: raise subset_size.")
        if not len(learner.pool.labeled):
            return (
                learner.pool.candidates(None, learner.stream)
                .indices[learner.rng("cold").permutation(left)[:k]]
                .tolist()
            )
        self.fit()
        return learner.query(self.strategy, k).tolist()


def _module(model: object) -> nn.Module | Callable[[], nn.Module]:
    if not callable(model):
        raise ModelError(
            f"a PyTorch module, a function that makes one or a Classifier was expected, not {model!r:.60}."
        )
    return model


def _array(samples: ArrayLike | Tensor) -> NDArray[Any] | Tensor:
    return samples if isinstance(samples, Tensor) else np.asarray(samples)


def integers(values: Sequence[int] | Tensor, what: str) -> Tensor:
    """int64 [n] of a list; raises DataError where it is none of integers."""
    try:
        tensor = torch.as_tensor(values)
    except (TypeError, ValueError, RuntimeError) as error:
        raise DataError(f"{what} must be a list of integers, which {values!r:.60} is not.") from error
    if tensor.dim() == 1 and not len(tensor):
        return tensor.to(torch.int64)
    # A Boolean mask is no list of indices, however well it converts.
    if tensor.dim() != 1 or tensor.is_floating_point() or tensor.dtype == torch.bool:
        raise DataError(f"{what} must be a list of integers, not {tensor.dtype} of shape {tuple(tensor.shape)}.")
    return tensor.to(torch.int64)
