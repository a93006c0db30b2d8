"""A user's network of which only the last layer learns: it looks at each image once, and a head is fitted to that."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from iale.classifiers._linear._options import check_head
from iale.classifiers._own import OwnConfig, own_classifier
from iale.classifiers.base import TrainingConfig
from iale.classifiers.torch_classifier import FittedTorchClassifier, TorchClassifier
from iale.data._fingerprint import digest
from iale.data.samples import Samples
from iale.errors import ConfigError, IaleError
from iale.geometry.points import Points
from iale.recipe import RecipeConfig
from iale.registry import import_object
from iale.seeding import Stream


@dataclass(frozen=True, eq=False)
class Backbone:
    """A maker of points: what a model's last linear layer reads.

    Attributes:
        identity: the model's name, and a digest of its frozen weights.
        fitted: the model.
    """

    identity: str
    fitted: FittedTorchClassifier

    def points(self, samples: Samples, indices: Tensor) -> Tensor:
        """float32 [B, D]."""
        return self.fitted.outputs(samples, indices).embeddings.cpu()


class RawPoints:
    """Points as they are, as the inputs of a classifier."""

    dtype = torch.float32

    def __init__(self, points: Points) -> None:
        self._points, self.shape = points, (points.dim,)

    def __len__(self) -> int:
        return len(self._points)

    def batch(self, indices: Tensor) -> Tensor:
        """float32 [B, D]."""
        return self._points.at(indices).read()


def may_be_frozen(config: RecipeConfig) -> bool:
    """Whether the user has a model, and says nothing about training it that a head would not heed."""
    if config.model is None or config.embedding_layer or config.optimizer or config.loss or not config.reinitialize:
        return False
    try:
        check_head(config.training, None)
    except ConfigError:
        return False
    return True


@functools.lru_cache(maxsize=2)
def find_backbone(name: str, shape: tuple[int, ...], device: str) -> Backbone | None:
    """The backbone of the model called ``name``; None if more than its last linear layer learns, or if it fails."""
    own, training = OwnConfig(model=name), TrainingConfig(device=device)
    try:
        recipe = own_classifier(own, shape, 2, training)
    except IaleError:  # its number of classes is fixed, or it fails, which the fit will say
        return None
    module = recipe.initial_module(Stream(0))
    if recipe.last_linear is None or not _is_frozen(module, recipe):
        return None
    last = f"{recipe.last_linear}."
    kept = [(key, value) for key, value in module.state_dict().items() if not key.startswith(last)]
    weights = [value.cpu().contiguous().flatten().view(torch.uint8).numpy() for _, value in kept]
    identity = f"backbone 1: {name}, {digest([key for key, _ in kept], *weights)}"
    return Backbone(identity, recipe.fitted(module))


def _is_frozen(module: nn.Module, recipe: TorchClassifier) -> bool:
    last = module.get_submodule(recipe.last_linear or "")
    learns = {id(parameter) for parameter in module.parameters() if parameter.requires_grad}
    return isinstance(last, nn.Linear) and last.bias is not None and learns <= set(map(id, last.parameters()))


def with_head(
    own: OwnConfig, shape: tuple[int, ...], coef: NDArray[np.float64], intercept: NDArray[np.float64]
) -> nn.Module:
    """The user's model for these classes, with the head in place of its last layer, until the next call."""
    module, last = _network(own, shape, len(intercept), import_object(own.model or "", "model"))
    with torch.no_grad():
        last.weight.copy_(torch.from_numpy(coef))
        assert last.bias is not None
        last.bias.copy_(torch.from_numpy(intercept))
    return module


@functools.lru_cache(maxsize=1)
def _network(own: OwnConfig, shape: tuple[int, ...], num_classes: int, function: object) -> tuple[nn.Module, nn.Linear]:
    """The model that the user's ``function`` returns, and its last layer; made once, as that may take seconds."""
    recipe = own_classifier(own, shape, num_classes, TrainingConfig(device="cpu"))
    module = recipe.initial_module(Stream(0))
    last = module.get_submodule(recipe.last_linear or "")
    assert isinstance(last, nn.Linear)
    return module, last
