"""The classifier and the strategy of a project, for the classes it has now."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Callable
from pathlib import Path

from torch import nn

from iale.classifiers.base import Classifier, TrainingConfig
from iale.classifiers.build import CLASSIFIERS, build_classifier
from iale.classifiers.torch_classifier import TorchClassifier
from iale.data.samples import Samples
from iale.errors import ConfigError, IaleError, ModelError
from iale.labeling.config import ProjectConfig
from iale.labeling.items import ItemKind
from iale.policies.catalog import find_strategy, list_policies
from iale.strategies.base import QueryStrategy

AUTO, FALLBACK = "auto", "margin"


def classifier_of(config: ProjectConfig, kind: ItemKind, samples: Samples, num_classes: int) -> TorchClassifier:
    """The classifier of a project.

    Args:
        config: of the project.
        kind: what the samples are.
        samples: what it will be fitted to, for their shape and statistics.
        num_classes: C.

    Raises:
        ConfigError: there is no such classifier, or no such function of the user's.
        ModelError: the user's model does not fit the samples or the classes.
    """
    if config.model is not None:
        return own_model(config.model, samples.shape, num_classes, config.training, config.embedding_layer)
    name = classifier_name(config, kind)
    if kind == "text":
        # Most places of a hashed text are empty: standardised one by one, rare words would drown the others.
        width = samples.shape[0]
        make = CLASSIFIERS[name]
        mean, std = [0.0] * width, [width**-0.5] * width
        return TorchClassifier(lambda: make(samples.shape, num_classes, mean, std), samples.shape, config.training)
    return build_classifier(name, samples, num_classes, config.training)


def classifier_name(config: ProjectConfig, kind: ItemKind) -> str:
    """The name of a project's classifier; "auto" is cnn for images and mlp for the rest."""
    if config.classifier != AUTO:
        return config.classifier
    return "cnn" if kind == "image" else "mlp"


def own_model(
    name: str, shape: tuple[int, ...], num_classes: int, training: TrainingConfig, layer: str | None
) -> TorchClassifier:
    """The classifier around what ``package.module:function`` returns; modules of the current folder are found too.

    The function takes no argument, or one: the number of classes.
    """
    module, _, attribute = name.partition(":")
    if not module or not attribute:
        raise ConfigError(f"a model of your own is named package.module:function, not {name!r}.")
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        make = getattr(importlib.import_module(module), attribute)
        takes_classes = _takes_one(make)
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        raise ConfigError(f"{name} is not a function that makes a model: {error}.") from error

    def made() -> nn.Module:
        model = make(num_classes) if takes_classes else make()
        if not isinstance(model, nn.Module):
            raise ModelError(f"{name} returned {type(model).__name__}: a torch.nn.Module was expected.")
        return model

    classifier = TorchClassifier(made, shape, training, embedding_layer=layer)
    if classifier.num_classes != num_classes:
        raise ModelError(
            f"{name} makes a model of {classifier.num_classes} classes and the project has {num_classes}: let the "
            f"function take their number, {attribute}(classes)."
        )
    return classifier


def _takes_one(make: Callable[..., object]) -> bool:
    """Whether a function needs an argument; raises TypeError where it needs more than one."""
    signature = inspect.signature(make)
    try:
        signature.bind()
    except TypeError:
        signature.bind(2)
        return True
    return False


def strategy_of(config: ProjectConfig, classifier: Classifier) -> tuple[QueryStrategy, str, str]:
    """The strategy, its name, and a sentence where it is not the one that was asked for.

    A policy is trained for a number of classes, and classes may be added: then margin asks on.
    """
    if config.strategy != AUTO:
        strategy = find_strategy(config.strategy)
        try:
            strategy.check(classifier)
        except IaleError as error:
            return find_strategy(FALLBACK), FALLBACK, f"{FALLBACK} asks instead of {config.strategy}: {error}"
        return strategy, config.strategy, ""
    for name in list_policies():
        strategy = find_strategy(name)
        try:
            strategy.check(classifier)
        except IaleError:
            continue
        return strategy, name, ""
    return find_strategy(FALLBACK), FALLBACK, ""
