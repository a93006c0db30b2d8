"""Classifiers that are trained already: every fit returns what is there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from iale import _storage as storage
from iale.classifiers.base import FitJob, FittedClassifier
from iale.classifiers.torch_classifier import FittedTorchClassifier, TorchClassifier
from iale.data.samples import Samples
from iale.errors import ModelError
from iale.seeding import Stream


class FixedClassifier:
    """A `Classifier` that learns nothing: labels only say which samples need no more asking."""

    def __init__(self, fitted: FittedTorchClassifier) -> None:
        self._fitted = fitted
        self.num_classes, self.embedding_dim = fitted.recipe.num_classes, fitted.recipe.embedding_dim
        self.has_dropout = fitted.recipe.has_dropout

    def fit_many(self, samples: Samples, jobs: Sequence[FitJob]) -> list[FittedClassifier]:
        """The one trained classifier; raises ModelError if a committee is asked for."""
        if len(jobs) > 1:
            raise ModelError("a committee needs several fits, and this model is not fitted: choose another strategy.")
        return [self._fitted for _ in jobs]


def load_fitted(recipe: TorchClassifier, path: Path) -> FixedClassifier:
    """The recipe's model with the weights in a safetensors file.

    Raises StorageError if it is no such file, and ModelError if the weights belong to another model.
    """
    module, tensors = recipe.initial_module(Stream(0)), storage.read_tensors(path)
    wanted = module.state_dict()
    for name in [*wanted, *tensors]:
        if name not in tensors or name not in wanted:
            reason = f"{name!r} is only in the {'model' if name in wanted else 'file'}"
        elif tensors[name].shape != wanted[name].shape:
            reason = f"{name!r} has the shape {tuple(tensors[name].shape)}, not {tuple(wanted[name].shape)}"
        else:
            continue
        raise ModelError(f"the weights in {path} belong to another model ({reason}): name the model they are of.")
    module.load_state_dict(tensors)
    return FixedClassifier(recipe.fitted(module))
