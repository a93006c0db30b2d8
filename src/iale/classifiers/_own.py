"""A user's own model, optimizer and loss, named as ``package.module:function``."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import nn

from iale.classifiers._assembly import Said
from iale.classifiers._practice import Loss, MakeOptimizer
from iale.classifiers.base import TrainingConfig
from iale.classifiers.torch_classifier import TorchClassifier
from iale.errors import ConfigError, ModelError
from iale.registry import import_object


@dataclass(frozen=True, kw_only=True)
class OwnConfig:
    """A model of your own, and how it is trained if not as usual.

    Attributes:
        model: your own PyTorch model instead, as package.module:function. The function returns a new model; if it
            takes an argument, that is the number of classes.
        embedding_layer: the layer of your model whose output is the embedding; by default, the input of its last
            linear layer.
        reinitialize: yes calls your function anew for every fit; no starts every fit from the weights of its first
            call, such as pretrained ones.
        optimizer: an optimizer other than Adam, as package.module:name, such as torch.optim:AdamW; it is called with
            the parameters, lr and weight_decay.
        loss: a loss other than the cross entropy, as package.module:function of logits [B, C] and labels [B].
        l2: the regularization of the classifier linear, whose loss is the sum of the cross entropies plus l2/2 times
            the squared weights; none chooses it by cross-validation.
    """

    model: str | None = None
    embedding_layer: str | None = None
    reinitialize: bool = True
    optimizer: str | None = None
    loss: str | None = None
    l2: float | None = None

    def __post_init__(self) -> None:
        if self.embedding_layer is not None and self.model is None:
            raise ConfigError("--embedding-layer names a layer of your own model: add --model package.module:function.")
        if not self.reinitialize and self.model is None:
            raise ConfigError("--reinitialize no is for your own model: add --model package.module:function.")
        if self.l2 is not None and self.model is not None:
            raise ConfigError("--l2 is the strength of --classifier linear: leave it out, or leave out --model.")

    @property
    def own(self) -> OwnConfig:
        """These options alone."""
        return OwnConfig(**{name: getattr(self, name) for name in OwnConfig.__dataclass_fields__})

    def make_optimizer(self) -> MakeOptimizer | None:
        """The function or class; raises ConfigError if it cannot be imported."""
        return None if self.optimizer is None else _callable(self.optimizer, "optimizer")

    def said(self) -> Said:
        """What is said about the fits of a named classifier; raises ConfigError if something cannot be imported."""
        return Said(self.make_optimizer(), self.find_loss(), self.l2)

    def find_loss(self) -> Loss | None:
        """The function; raises ConfigError if it cannot be imported."""
        return None if self.loss is None else _callable(self.loss, "loss")


def _callable(name: str, what: str) -> Callable[..., Any]:
    function: object = import_object(name, what)
    if not callable(function):
        raise ConfigError(f"the {what} {name} has the type {type(function).__name__}: name a function or a class.")
    return function


def refuse_two(model: str | None, classifier: str | None) -> None:
    """Raises ConfigError if somebody brings a model and names a built-in classifier, too."""
    if model is not None and classifier is not None:
        raise ConfigError(f"--model {model} and --classifier {classifier}: name one of them.")


def find_model(name: str) -> Callable[[int], nn.Module]:
    """A function that makes the model for a number of classes. Modules in the current folder are found, too.

    Raises ConfigError if the function cannot be imported, or needs more than the number of classes.
    """
    function = import_object(name, "model")
    takes_classes = _takes_classes(function, name)

    def make(num_classes: int) -> nn.Module:
        try:
            model = function(num_classes) if takes_classes else function()
        except Exception as error:  # the user's own code may fail in any way
            reason = f"{type(error).__name__}: {error}".split("\n", 1)[0]
            raise ModelError(f"the model {name} could not be made ({reason}): correct it.") from error
        if not isinstance(model, nn.Module):
            raise ModelError(f"the model {name} returned {type(model).__name__}: a torch.nn.Module was expected.")
        return model

    return make


def own_classifier(
    own: OwnConfig, shape: tuple[int, ...], num_classes: int, training: TrainingConfig
) -> TorchClassifier:
    """A classifier around the user's model, see `find_model`.

    Raises ModelError if the function does not return a model for inputs of this shape and for these classes.
    """
    name = own.model or ""
    make = find_model(name)
    classifier = TorchClassifier(
        lambda: make(num_classes),
        shape,
        training,
        embedding_layer=own.embedding_layer,
        reinitialize=None if own.reinitialize else False,
        optimizer=own.make_optimizer(),
        loss=own.find_loss(),
    )
    if classifier.num_classes != num_classes:
        function = name.partition(":")[2]
        raise ModelError(
            f"the model {name} has {classifier.num_classes} logits and there are {num_classes} classes: let the "
            f"function take their number, {function}(classes), or name as many classes."
        )
    return classifier


def _takes_classes(function: object, name: str) -> bool:
    """Whether the function takes the number of classes: as its only argument, or as a first argument ``classes``."""
    if isinstance(function, nn.Module) or not callable(function):
        raise ConfigError(
            f"the model {name} has the type {type(function).__name__}, but a function was expected: name one that "
            f"returns a new torch.nn.Module."
        )
    try:
        signature = inspect.signature(function)
        if next(iter(signature.parameters), "") == "classes":
            signature.bind(2)
            return True
        try:
            signature.bind()
        except TypeError:
            signature.bind(2)
            return True
    except (TypeError, ValueError) as error:
        raise ConfigError(
            f"the model {name} cannot be made from the number of classes alone ({error}): name a function that takes "
            f"nothing else."
        ) from error
    return False
