"""Which model a query looks through.

If the user has chosen a model, it is that. Otherwise it is a linear head on features that need no labels: it is fitted
in a moment, and learns from few labels.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from iale.classifiers._linear._options import check_head
from iale.classifiers.base import TrainingConfig
from iale.data.samples import SampleKind, Samples
from iale.errors import ConfigError
from iale.geometry.embeddings import PointSamples
from iale.geometry.points import Points
from iale.policies.base import ShapedPolicy
from iale.policies.catalog import find_strategy
from iale.recipe import AUTO, RecipeConfig, classifier_name
from iale.strategies.base import Need

HEAD = "linear"
_SEEN: dict[SampleKind, str] = {"image": "pixels", "text": "words", "row": "the columns"}


@dataclass(frozen=True)
class Model:
    """What is fitted.

    Attributes:
        recipe: names the classifier.
        inputs: what it learns from, one for each sample.
        kind: what an input is.
        about: the model, and why it is this one, in one sentence.
        points: the geometry, or its averages, if the inputs are its points.
        averaged: identifies the averages, if they are averages.
    """

    recipe: RecipeConfig
    inputs: Samples
    kind: SampleKind
    about: str
    points: Points | None = None
    averaged: str = ""

    @property
    def head(self) -> bool:
        """Whether it is a linear head, which fits in a moment."""
        return self.recipe.model is None and self.recipe.classifier == HEAD


def is_free(recipe: RecipeConfig) -> bool:
    """Whether iale may choose the model: not if the user names one, a loss, or a strategy that needs a network."""
    if recipe.model or recipe.classifier != AUTO or recipe.optimizer or recipe.loss or recipe.strategy == AUTO:
        return False
    strategy = find_strategy(recipe.strategy)
    return not isinstance(strategy, ShapedPolicy) and not strategy.needs & {Need.MONTE_CARLO, Need.COMMITTEE}


def is_free_once(recipe: RecipeConfig) -> bool:
    """The same for a single fit, where training options, which a head does not have, also decide for a network."""
    try:
        check_head(recipe.training, None)
    except ConfigError:
        return False
    return is_free(recipe)


def chosen_model(recipe: RecipeConfig, inputs: Samples, kind: SampleKind) -> Model:
    """The model that the user has chosen, or a network that fits the user's other options."""
    if recipe.model is not None:
        return Model(recipe, inputs, kind, f"your model {recipe.model}")
    name = classifier_name(recipe, kind)
    return Model(replace(recipe, classifier=name), inputs, kind, f"the classifier {name}")


def head_model(recipe: RecipeConfig, inputs: Samples, kind: SampleKind, points: Points | None) -> Model:
    """The linear head on embeddings, on the built-in geometry of images and texts if it exists, or on columns."""
    free = replace(recipe, model=None, embedding_layer=None, reinitialize=True)
    head = replace(free, classifier=HEAD, training=_for_heads(recipe.training))
    if recipe.embeddings is not None:
        return Model(head, inputs, kind, "a linear head on your embeddings")
    if points is None or kind == "row":
        return Model(head, inputs, kind, f"a linear head on {_SEEN[kind]}")
    return Model(head, PointSamples(points), "row", "a linear head on the built-in geometry", points)


def model_of(
    recipe: RecipeConfig, inputs: Samples, kind: SampleKind, make: Callable[[], Points], *, labeled: bool
) -> Model:
    """The model of a single query; ``make`` makes the geometry if a head learns from it.

    If nothing is ``labeled``, nothing is fitted, and the inputs are the samples themselves. If the recipe names an
    encoder, they are its vectors.
    """
    if not is_free_once(recipe):
        model = chosen_model(recipe, inputs, kind)
    else:
        sees_points = labeled and kind != "row" and recipe.embeddings is None
        model = head_model(recipe, inputs, kind, make() if sees_points else None)
    if recipe.with_ is None:
        return model
    return replace(model, about=f"{model.about.partition(' on ')[0]} on the vectors of {recipe.with_}")


def _for_heads(training: TrainingConfig) -> TrainingConfig:
    """The options that a head uses: the rest is about networks."""
    return TrainingConfig(
        device=training.device,
        class_weights=training.class_weights,
        prediction_batch_size=training.prediction_batch_size,
    )
