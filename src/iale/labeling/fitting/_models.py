"""The classifier and the strategy of a project, for the classes it has now."""

from __future__ import annotations

from iale.classifiers._own import own_classifier
from iale.classifiers.base import Classifier, TrainingConfig
from iale.classifiers.build import CLASSIFIERS, build_classifier
from iale.classifiers.torch_classifier import TorchClassifier
from iale.data.samples import Samples
from iale.errors import IaleError
from iale.labeling.items._items import ItemKind
from iale.labeling.record.config import ProjectConfig
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
        return own_classifier(config.model, samples.shape, num_classes, config.training, config.embedding_layer)
    return named_classifier(classifier_name(config, kind), kind, samples, num_classes, config.training)


def named_classifier(
    name: str, kind: ItemKind, samples: Samples, num_classes: int, training: TrainingConfig
) -> TorchClassifier:
    """The classifier called ``name``, with inputs standardised as befits their kind."""
    if kind == "text":
        # Most places of a hashed text are empty: standardised one by one, rare words would drown the others.
        width = samples.shape[0]
        make = CLASSIFIERS[name]
        mean, std = [0.0] * width, [width**-0.5] * width
        return TorchClassifier(lambda: make(samples.shape, num_classes, mean, std), samples.shape, training)
    return build_classifier(name, samples, num_classes, training)


def check_model(config: ProjectConfig, shape: tuple[int, ...], num_classes: int) -> None:
    """Raises what a fit would, where the user's model does not fit; while classes are still to be named, nothing."""
    if config.model is not None and num_classes > 1:
        own_classifier(config.model, shape, num_classes, config.training, config.embedding_layer)


def classifier_name(config: ProjectConfig, kind: ItemKind) -> str:
    """The name of a project's classifier; "auto" is cnn for images and mlp for the rest."""
    if config.classifier != AUTO:
        return config.classifier
    return "cnn" if kind == "image" else "mlp"


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
