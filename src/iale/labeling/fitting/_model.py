"""Which model a project uses, and why.

What the user has chosen is used. Otherwise it is a linear head on what can be seen of samples without labels, which
fits in a moment and learns from few. A network takes its place when it does better in the same cross-validation.
"""

from __future__ import annotations

from dataclasses import replace

from iale._model import HEAD, Model, chosen_model, head_model, is_free
from iale.geometry.embeddings import PointSamples
from iale.labeling._backbone import RawPoints
from iale.labeling.fitting._contest import Contest, read_contest
from iale.labeling.fitting._gate import read_verdict
from iale.labeling.reader import ProjectReader
from iale.recipe import classifier_name


def find_model(project: ProjectReader) -> Model:
    """The model in use now."""
    config, views = project.config, project.views
    if config.model and views.vectors is not None:
        return head_of(project)
    if not is_free(config):
        return chosen_model(config, views.inputs, views.kind)
    contest = read_contest(project.folder)
    if contest is not None and contest.won:
        return Model(replace(config, classifier=contest.network), views.inputs, views.kind, contest.about)
    return head_of(project, contest)


def head_of(project: ProjectReader, contest: Contest | None = None) -> Model:
    """The linear head on the best that can be seen of the samples now."""
    config, views = project.config, project.views
    network = config.model or config.with_
    at_once = config.embeddings is not None or (views.kind == "row" and network is None)
    points = None if at_once else views.geometry()
    head = head_model(config, views.inputs, views.kind, points)
    if points is not None and network:
        about = f"a linear head on {'your frozen model' if config.model else 'the vectors of'} {network}"
        inputs = RawPoints(points) if config.model else PointSamples(points)
        head = Model(head.recipe, inputs, "row", about, points)
    elif points is None and not at_once:
        by = f" by {network}" if network else ""
        head = replace(head, about=f"{head.about} until all samples are seen{by}: {views.progress()}")
    if views.neighbors and (points is not None or config.embeddings is not None):
        head = _on_averages(project, head)
    return head if contest is None else replace(head, about=f"{head.about}; {contest.about}")


def _on_averages(project: ProjectReader, head: Model) -> Model:
    """The same head on averages of neighbors, if they are there and do no harm."""
    averages = project.views.averages()
    if averages is None:
        return replace(head, about=f"{head.about} until neighbors are averaged: {project.views.progress()}")
    verdict = read_verdict(project.folder, project.views.averages_identity)
    if verdict is not None and not verdict.help:
        why = f"averages of neighbors did worse in cross-validation at {verdict.labels} labels"
        return replace(head, about=f"{head.about}; {why}")
    about = f"{head.about}, averaged with neighbors"
    return Model(head.recipe, PointSamples(averages), "row", about, averages, project.views.averages_identity)


def fits_a_head(project: ProjectReader) -> bool:
    """Whether the model in use is a linear head; it is asked at every label, so nothing large is read."""
    config = project.config
    if not is_free(config):
        if config.model:
            return project.views.vectors is not None
        return classifier_name(config, project.views.kind) == HEAD
    contest = read_contest(project.folder)
    return contest is None or not contest.won


def uses_geometry(project: ProjectReader) -> bool:
    """Whether the model is a head on what has to be made of all samples first."""
    config, views = project.config, project.views
    if config.embeddings is not None:
        return False
    return views.vectors is not None or (is_free(config) and views.kind != "row")
