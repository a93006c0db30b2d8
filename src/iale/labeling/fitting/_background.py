"""What is done beside the fits, in a process of its own: the geometry, the first samples, and the contest of models."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from iale.classifiers.base import Classifier
from iale.data.arrays import ArraySamples
from iale.data.pool import Pool
from iale.labeling.fitting._contest import compare
from iale.labeling.fitting._fit import told_of
from iale.labeling.fitting._model import head_of
from iale.labeling.fitting._niceness import yield_to_others
from iale.labeling.fitting._sight import sight_of
from iale.labeling.items._reading import Reading
from iale.labeling.queue._first import first_strategy, write_first
from iale.labeling.reader import ProjectReader
from iale.learner import Learner, QueryConfig
from iale.policies.catalog import find_strategy
from iale.recipe import AUTO, classifier_of
from iale.seeding import Stream

HERDING = "maxherding"
_LOOKED_AT = 5000  # samples that the first ones are chosen from
_BEGINNING = 100  # first samples: there is a model long before they are labeled


def make_geometry(folder: str) -> None:
    """Makes the geometry of a project, while fits go on, lets the strategy choose the first samples with it, and then
    averages it, which takes ten minutes for a million samples.
    """
    yield_to_others()
    project = ProjectReader.open(folder)
    project.views.make_geometry()
    choose_first(project)
    project.views.make_averages()


def choose_first(project: ProjectReader) -> None:
    """Lets the strategy choose the samples to begin with, unless it has done so, or there is a model already.

    A strategy that cannot begin without labels leaves the beginning to herding.
    """
    wanted = project.config.strategy
    strategy = find_strategy(HERDING if wanted == AUTO else wanted)
    if not strategy.starts_cold:
        strategy = find_strategy(HERDING)
    if project.fits.latest is not None or first_strategy(project.folder) == strategy.name:
        return
    open_ = np.flatnonzero(~project.shares.reserved)
    if not len(open_):
        return
    model, classes = head_of(project), max(2, len(project.classes))
    pool = Pool(torch.from_numpy(open_), classes)
    classifier = classifier_of(model.recipe, model.kind, model.inputs, classes)
    size = min(_LOOKED_AT, len(open_))
    learner = Learner(classifier, model.inputs, pool, QueryConfig(subset_size=size), Stream(project.config.seed))
    learner.geometry = project.views.geometry()
    learner.start_cold(strategy.needs)
    chosen = learner.query(strategy, min(_BEGINNING, size)).tolist()
    write_first(project.folder, [project.items.ids[row] for row in chosen], strategy.name)


def compare_models(folder: str) -> None:
    """Compares a linear head with the network that would take its place, on the labels there are now."""
    yield_to_others()
    project = ProjectReader.open(folder)
    model, reading = head_of(project), Reading(project.items, project.views.inputs)
    labels = told_of(project, project.classes)
    rows, seen = sight_of(model.points, model.inputs, reading).read(sorted(labels))
    rows, inputs = reading.read(rows)
    if len(rows) != len(seen):  # a file went away in between
        return
    samples, count = ArraySamples(inputs), len(project.classes)
    name, kind = "cnn" if project.views.kind == "image" else "mlp", project.views.kind
    training = project.config.training

    def network(epochs: int) -> Classifier:
        recipe = replace(project.config, classifier=name, training=replace(training, epochs=epochs), l2=None)
        return classifier_of(recipe, kind, samples, count)

    head = classifier_of(model.recipe, model.kind, ArraySamples(seen), count)
    said = torch.tensor([labels[row] for row in rows])
    compare(project.folder, (head, ArraySamples(seen)), (name, network, samples), said, training.epochs)
