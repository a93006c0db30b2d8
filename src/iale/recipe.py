"""The configuration of how the next samples are chosen: the strategy, and the classifier that it uses.

`iale query`, `iale label` and `iale label-studio` each add their own options to a `RecipeConfig`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from iale._given import resize_of
from iale.classifiers._assembly import assemble, check_said
from iale.classifiers._own import OwnConfig, own_classifier, refuse_two
from iale.classifiers._statistics import channel_statistics
from iale.classifiers.base import Classifier, TrainingConfig
from iale.classifiers.build import CLASSIFIERS
from iale.classifiers.heads import LinearHead
from iale.classifiers.torch_classifier import TorchClassifier
from iale.data.samples import SampleKind, Samples
from iale.errors import ConfigError, IaleError
from iale.policies.catalog import find_strategy, list_policies
from iale.strategies.base import Need, QueryStrategy
from iale.strategies.catalog import DEFAULT_STRATEGY

AUTO = "auto"
"""Lets iale choose."""
FALLBACK = "margin"
"""Asks when the strategy you named does not fit."""


@dataclass(frozen=True, kw_only=True)
class RecipeConfig(OwnConfig):
    """What decides which samples come next, apart from the samples and their labels.

    Attributes:
        strategy: a strategy, a built-in policy, the folder of a policy, or your own class as package.module:Class;
            "auto" is the first built-in policy that fits the classifier, or else margin.
        classifier: the built-in classifier to fit: cnn, linear, mlp, resnet18 or resnet18-narrow; "auto" is a linear
            head on your embeddings, on the geometry of images and texts, or on the columns of a table. If the strategy
            or another option needs a network, "auto" is cnn for images and mlp for everything else.
        embeddings: a file (.npy, .npz or .parquet), or a folder that `save_to_disk` of Hugging Face wrote, with an
            embedding of each sample, by its name, for the classifier and the strategy; people still see the samples.
        with_: a pretrained encoder, as for `iale embed`: it looks at each sample once, and the model and the strategy
            use its vectors, which are kept in the user cache.
        resize: height,width to resize images to.
        seed: root of every random draw; the same seed, samples and labels give the same answer.
        training: how the classifier is fitted.
    """

    strategy: str = DEFAULT_STRATEGY
    classifier: str = AUTO
    embeddings: Path | None = None
    with_: str | None = None
    resize: tuple[int, ...] = ()
    seed: int = 0
    training: TrainingConfig = field(default_factory=TrainingConfig)

    def __post_init__(self) -> None:
        resize_of(self.resize)
        OwnConfig.__post_init__(self)
        if self.with_ is not None and (self.embeddings is not None or self.model is not None):
            raise ConfigError("--with makes vectors for the model: leave out --embeddings and --model.")
        if self.model is None and self.classifier != AUTO:
            CLASSIFIERS[self.classifier]

    @property
    def size(self) -> tuple[int, int] | None:
        """(height, width) to resize images to, or None."""
        return resize_of(self.resize)


def classifier_name(recipe: RecipeConfig, kind: SampleKind) -> str:
    """The name of the built-in classifier that was chosen; by default, linear for embeddings, and else a network."""
    if recipe.classifier != AUTO:
        return recipe.classifier
    if recipe.embeddings is not None:
        return "linear"
    return "cnn" if kind == "image" else "mlp"


def classifier_of(
    recipe: RecipeConfig, kind: SampleKind, samples: Samples, num_classes: int
) -> TorchClassifier | LinearHead:
    """The classifier of a recipe; ``samples`` give the shape and the statistics of the inputs.

    Raises:
        ConfigError: there is no such classifier or function, or it has no such option.
        ModelError: your model does not fit the samples or the classes.
    """
    if recipe.model is not None:
        return own_classifier(recipe, samples.shape, num_classes, recipe.training)
    make = CLASSIFIERS[classifier_name(recipe, kind)]
    return assemble(make, samples, num_classes, recipe.training, channel_statistics(samples), recipe.said())


def check_options(recipe: RecipeConfig) -> None:
    """Raises ConfigError for an option that the classifier of the recipe does not have, and for two classifiers."""
    refuse_two(recipe.model, None if recipe.classifier == AUTO else recipe.classifier)
    if recipe.model is None and recipe.classifier != AUTO:
        check_said(CLASSIFIERS[recipe.classifier], recipe.training, recipe.said())


def needs_geometry(recipe: RecipeConfig) -> bool:
    """Whether the strategy that was asked for compares samples as points."""
    return recipe.strategy != AUTO and Need.GEOMETRY in find_strategy(recipe.strategy).needs


def check_model(recipe: RecipeConfig, shape: tuple[int, ...], num_classes: int) -> None:
    """Raises what the first fit would raise if your model does not fit; this needs at least 2 classes."""
    if recipe.model is not None and num_classes > 1:
        own_classifier(recipe, shape, num_classes, recipe.training)


def strategy_of(recipe: RecipeConfig, classifier: Classifier) -> tuple[QueryStrategy, str, str]:
    """The strategy, its name, and a sentence if it is not the one that was asked for.

    A policy expects a fixed number of classes. If people add a class while they label, margin takes over.
    """
    note = ""
    for name in _shipped() if recipe.strategy == AUTO else [recipe.strategy]:
        strategy = find_strategy(name)
        try:
            strategy.check(classifier)
        except IaleError as error:
            note = "" if recipe.strategy == AUTO else f"{FALLBACK} asks instead of {name}: {error}"
        else:
            return strategy, name, ""
    return find_strategy(FALLBACK), FALLBACK, note


def _shipped() -> list[str]:
    """What "auto" chooses from: policies for one kind of classifier. A universal policy fits all, so name it."""
    return [name for name, card in list_policies().items() if card["kind"] != "universal"]


def fitting_strategy(recipe: RecipeConfig, classifier: Classifier) -> tuple[QueryStrategy, str]:
    """The strategy that was asked for and its name; raises PolicyError or ModelError if it does not fit."""
    if recipe.strategy == AUTO:
        return strategy_of(recipe, classifier)[:2]
    strategy = find_strategy(recipe.strategy)
    strategy.check(classifier)
    return strategy, recipe.strategy
