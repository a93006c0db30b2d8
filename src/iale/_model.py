"""Which model a query looks through.

What the user has chosen is used. Otherwise it is a linear head on what can be seen of samples without labels, which
fits in a moment and learns from few.
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
        points: the geometry, if the inputs are its points.
    """

    recipe: RecipeConfig
    inputs: Samples
    kind: SampleKind
    about: str
    points: Points | None = None

    @property
    def head(self) -> bool:
        """Whether it is a linear head, which fits in a moment."""
        return self.recipe.model is None and self.recipe.classifier == HEAD


def is_free(recipe: RecipeConfig) -> bool:
    """Whether the user leaves the model to iale: a loss, or a strategy that needs a network, leaves no choice."""
    if recipe.model or recipe.classifier != AUTO or recipe.optimizer or recipe.loss or recipe.strategy == AUTO:
        return False
    strategy = find_strategy(recipe.strategy)
    return not isinstance(strategy, ShapedPolicy) and not strategy.needs & {Need.MONTE_CARLO, Need.COMMITTEE}


def is_free_once(recipe: RecipeConfig) -> bool:
    """The same where one model is fitted, once: options of training, which a head has not, leave no choice, too."""
    try:
        check_head(recipe.training, None)
    except ConfigError:
        return False
    return is_free(recipe)


def chosen_model(recipe: RecipeConfig, inputs: Samples, kind: SampleKind) -> Model:
    """The model that the user has chosen, or a network that serves what was chosen."""
    if recipe.model is not None:
        return Model(recipe, inputs, kind, f"your model {recipe.model}")
    name = classifier_name(recipe, kind)
    return Model(replace(recipe, classifier=name), inputs, kind, f"the classifier {name}")


def head_model(recipe: RecipeConfig, inputs: Samples, kind: SampleKind, points: Points | None) -> Model:
    """The linear head on embeddings, on the built-in geometry of images and texts if it is there, or on columns."""
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
    """The model of a query that is made once; ``make`` makes the geometry, if a head sees it.

    Unless something is ``labeled``, nothing is fitted, and the inputs stay the samples themselves.
    """
    if not is_free_once(recipe):
        return chosen_model(recipe, inputs, kind)
    sees_points = labeled and kind != "row" and recipe.embeddings is None
    return head_model(recipe, inputs, kind, make() if sees_points else None)


def _for_heads(training: TrainingConfig) -> TrainingConfig:
    """What a head reads of it: the rest is about networks."""
    return TrainingConfig(
        device=training.device,
        class_weights=training.class_weights,
        prediction_batch_size=training.prediction_batch_size,
    )
