"""Which model a project uses, and why.

What the user has chosen is used. Otherwise it is a linear head on what can be seen of samples without labels, which
fits in a moment and learns from few. A network takes its place when it does better in the same cross-validation.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from iale.classifiers.base import TrainingConfig
from iale.data.samples import SampleKind, Samples
from iale.geometry.embeddings import PointSamples
from iale.geometry.points import Points
from iale.labeling._backbone import RawPoints
from iale.labeling.fitting._contest import Contest, read_contest
from iale.labeling.reader import ProjectReader
from iale.policies.base import ShapedPolicy
from iale.policies.catalog import find_strategy
from iale.recipe import AUTO, RecipeConfig, classifier_name
from iale.strategies.base import Need

_HEAD = "linear"


@dataclass(frozen=True)
class Model:
    """What is fitted.

    Attributes:
        recipe: names the classifier.
        inputs: what it learns from, one for each sample.
        kind: what an input is.
        about: the model, and why it is this one, in one sentence.
        points: the built-in geometry, if the inputs are its points.
    """

    recipe: RecipeConfig
    inputs: Samples
    kind: SampleKind
    about: str
    points: Points | None = None

    @property
    def head(self) -> bool:
        """Whether it is a linear head, which fits in a moment."""
        return self.recipe.model is None and self.recipe.classifier == _HEAD


def find_model(project: ProjectReader) -> Model:
    """The model in use now."""
    config, views = project.config, project.views
    if config.model and views.vectors is not None:
        return head_of(project)
    if config.model:
        return Model(config, views.inputs, views.kind, f"your model {config.model}")
    if not is_free(config):
        name = classifier_name(config, views.kind)
        return Model(replace(config, classifier=name), views.inputs, views.kind, f"the classifier {name}")
    contest = read_contest(project.folder)
    if contest is not None and contest.won:
        return Model(replace(config, classifier=contest.network), views.inputs, views.kind, contest.about)
    return head_of(project, contest)


def head_of(project: ProjectReader, contest: Contest | None = None) -> Model:
    """The linear head on the best that can be seen of the samples now."""
    config, views = project.config, project.views
    free = replace(config, model=None, embedding_layer=None, reinitialize=True)
    head = replace(free, classifier=_HEAD, training=_for_heads(config.training))
    told = f"; {contest.about}" if contest is not None else ""
    if config.embeddings is not None:
        return Model(head, views.inputs, views.kind, f"a linear head on your embeddings{told}")
    network = config.model or config.with_
    if views.kind == "row" and network is None:
        return Model(head, views.inputs, views.kind, f"a linear head on the columns{told}")
    geometry = views.geometry()
    if geometry is None:
        seen = {"image": "pixels", "text": "words", "row": "the columns"}[views.kind]
        by = f" by {network}" if network else ""
        about = f"a linear head on {seen} until all samples are seen{by}: {views.progress()}{told}"
        return Model(head, views.inputs, views.kind, about)
    if config.model:
        return Model(head, RawPoints(geometry), "row", f"a linear head on your frozen model {network}{told}", geometry)
    if config.with_:
        return Model(head, PointSamples(geometry), "row", f"a linear head on the vectors of {network}{told}", geometry)
    return Model(head, PointSamples(geometry), "row", f"a linear head on the built-in geometry{told}", geometry)


def is_free(config: RecipeConfig) -> bool:
    """Whether the user leaves the model to iale: a loss, or a strategy that needs a network, leaves no choice."""
    if config.model or config.classifier != AUTO or config.optimizer or config.loss or config.strategy == AUTO:
        return False
    strategy = find_strategy(config.strategy)
    return not isinstance(strategy, ShapedPolicy) and not strategy.needs & {Need.MONTE_CARLO, Need.COMMITTEE}


def fits_a_head(project: ProjectReader) -> bool:
    """Whether the model in use is a linear head; it is asked at every label, so nothing large is read."""
    config = project.config
    if not is_free(config):
        if config.model:
            return project.views.vectors is not None
        return classifier_name(config, project.views.kind) == _HEAD
    contest = read_contest(project.folder)
    return contest is None or not contest.won


def uses_geometry(project: ProjectReader) -> bool:
    """Whether the model is a head on what has to be made of all samples first."""
    config, views = project.config, project.views
    if config.embeddings is not None:
        return False
    return views.vectors is not None or (is_free(config) and views.kind != "row")


def _for_heads(training: TrainingConfig) -> TrainingConfig:
    """What a head reads of it: the rest is about networks."""
    return TrainingConfig(
        device=training.device,
        class_weights=training.class_weights,
        prediction_batch_size=training.prediction_batch_size,
    )
