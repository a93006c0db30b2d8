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
from iale.labeling.fitting._contest import Contest, read_contest
from iale.labeling.reader import ProjectReader
from iale.policies.base import Policy
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
    if not is_free(config):
        about = (
            f"your model {config.model}" if config.model else f"the classifier {classifier_name(config, views.kind)}"
        )
        named = config if config.model else replace(config, classifier=classifier_name(config, views.kind))
        return Model(named, views.inputs, views.kind, about)
    contest = read_contest(project.folder)
    if contest is not None and contest.won:
        return Model(replace(config, classifier=contest.network), views.inputs, views.kind, contest.about)
    return head_of(project, contest)


def head_of(project: ProjectReader, contest: Contest | None = None) -> Model:
    """The linear head on the best that can be seen of the samples now."""
    config, views = project.config, project.views
    head = replace(config, classifier=_HEAD, training=_for_heads(config.training))
    told = f"; {contest.about}" if contest is not None else ""
    if config.embeddings is not None:
        return Model(head, views.inputs, views.kind, f"a linear head on your embeddings{told}")
    if views.kind == "row":
        return Model(head, views.inputs, views.kind, f"a linear head on the columns{told}")
    geometry = views.geometry()
    if geometry is None:
        seen = "pixels" if views.kind == "image" else "words"
        about = f"a linear head on {seen} until all samples are seen: {views.progress()}{told}"
        return Model(head, views.inputs, views.kind, about)
    return Model(head, PointSamples(geometry), "row", f"a linear head on the built-in geometry{told}", geometry)


def is_free(config: RecipeConfig) -> bool:
    """Whether the user leaves the model to iale: a loss, or a strategy that needs a network, leaves no choice."""
    if config.model or config.classifier != AUTO or config.optimizer or config.loss or config.strategy == AUTO:
        return False
    strategy = find_strategy(config.strategy)
    return not isinstance(strategy, Policy) and not strategy.needs & {Need.MONTE_CARLO, Need.COMMITTEE}


def fits_a_head(project: ProjectReader) -> bool:
    """Whether the model in use is a linear head; it is asked at every label, so nothing large is read."""
    config = project.config
    if not is_free(config):
        return config.model is None and classifier_name(config, project.views.kind) == _HEAD
    contest = read_contest(project.folder)
    return contest is None or not contest.won


def uses_geometry(config: RecipeConfig, kind: SampleKind) -> bool:
    """Whether the model is a head on the built-in geometry."""
    return is_free(config) and config.embeddings is None and kind != "row"


def _for_heads(training: TrainingConfig) -> TrainingConfig:
    """What a head reads of it: the rest is about networks."""
    return TrainingConfig(
        device=training.device,
        class_weights=training.class_weights,
        prediction_batch_size=training.prediction_batch_size,
    )
