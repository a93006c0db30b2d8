"""The loop: read the labels, refit, write scores for the best unlabeled tasks, wait for more labels, repeat.

Everything lies on the server. A stopped loop therefore resumes when it is started again, on any machine, and any number
of people may label in the meantime.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import torch

from iale._asking import with_points
from iale._counted import counted
from iale._given import whole
from iale._many import many
from iale._model import model_of
from iale.active_learner import ActiveLearner
from iale.classifiers._own import find_model
from iale.data.samples import SampleKind, Samples
from iale.data.splits import Subset
from iale.data.table_config import TableConfig
from iale.errors import ConfigError, DataError
from iale.geometry._builtin import built_in
from iale.geometry._encoded import averages_of
from iale.geometry.embeddings import PointSamples
from iale.geometry.encoders import check_encoder, find_encoder
from iale.geometry.points import Points
from iale.integrations.label_studio._addresses import check_url
from iale.integrations.label_studio._client import Client
from iale.integrations.label_studio._embedded import VectorTasks, by_file, by_number, by_text
from iale.integrations.label_studio._encoded import EncodedTasks
from iale.integrations.label_studio._labeling import Labeling
from iale.integrations.label_studio._project import PREFIX, Project, Task
from iale.integrations.label_studio._samples import FolderFiles, TaskSamples
from iale.policies.catalog import find_strategy
from iale.recipe import AUTO, RecipeConfig, check_options, classifier_of, fitting_strategy


@dataclass(frozen=True)
class LoopConfig(RecipeConfig):
    """Chooses what a Label Studio project asks for next, from the labels that it has so far.

    The labels are read, a classifier is fitted to them, and the best unlabeled tasks get a score as predictions of
    a new model version: 0 for the one to label next, up to 1. Label Studio's "uncertainty sampling", which is switched
    on, serves the lowest score first. Then the loop waits for new labels; Ctrl-C stops it, the same command goes on.
    The project asks for one choice per image or text. The token is read from the environment variable
    LABEL_STUDIO_API_KEY.

    Attributes:
        url: the address of the Label Studio, as in http://localhost:8080.
        project: the number of the project, as in the address of its page.
        data: a folder with the images of the tasks, found by path or file name; by default, they are downloaded from
            the addresses in the tasks. With --embeddings of texts, the table of the texts.
        resize: height,width to resize images to; with --with, the size that the encoder wants.
        neighbors: with how many of its nearest ones each task is averaged before the strategy compares it, and before a
            linear head on embeddings or on the geometry learns from it: 10 does well; 0 leaves tasks as they are.
        every: number of new labels between two fits of the classifier.
        ahead: how many of the best unlabeled tasks get a score; none scores all of them. People who label more than
            that before the next fit get random tasks. On SQLite, Label Studio makes people wait while it deletes the
            previous scores, and more scores take longer.
        prelabel: also predict the classifier's class, which Label Studio fills in for people; this biases the answers.
        once: rank the tasks once and stop.
        poll: seconds between two looks at the number of labels.
        patience: seconds to keep trying a server that fails before the command ends.
        table: how the table of texts is read.
    """

    url: str
    project: int
    data: Path | None = None
    neighbors: int = 0
    every: int = 10
    ahead: int | None = 100
    prelabel: bool = False
    once: bool = False
    poll: float = 5.0
    patience: float = 600.0
    resize: tuple[int, ...] = field(default=(32, 32), kw_only=True)  # tasks come one at a time, of any size
    table: TableConfig = field(default_factory=TableConfig)

    def __post_init__(self) -> None:
        RecipeConfig.__post_init__(self)
        check_url(self.url)
        if self.project < 1:
            raise ConfigError(f"--project takes the number of a project, not {self.project}.")
        whole(self.neighbors, "--neighbors", 0)
        if not self.resize:
            raise ConfigError("--resize takes a height and a width, as in --resize 32,32: tasks may differ in size.")
        if self.every < 1 or (self.ahead is not None and self.ahead < 1):
            raise ConfigError("--every and --ahead take a number of at least 1.")
        if not (0 < self.poll < float("inf") and 0 <= self.patience < float("inf")):
            raise ConfigError("--poll takes a number of seconds above 0, and --patience one of at least 0.")


def run(
    config: LoopConfig,
    token: str,
    say: Callable[[str], None],
    sleep: Callable[[float], None] = time.sleep,
    *,
    named: bool = False,
) -> None:
    """Runs rounds until it is interrupted, or one round if ``config.once``.

    Args:
        config: the project, and how its tasks are chosen.
        token: of a user who may change the project.
        say: receives what happens, one sentence at a time.
        sleep: pauses for a number of seconds.
        named: whether the user chose the strategy; if it cannot compare the tasks, margin then does not replace it.

    Raises:
        ConfigError: the address, the token, the project, or the name of the user's model is wrong.
        ModelError: the user's model does not fit the tasks or the classes.
        DataError: the project asks for anything but one choice, no task could be loaded, or a named strategy cannot
            compare them.
        IaleError: the server kept failing until the patience ran out.
    """
    if config.strategy != AUTO:
        find_strategy(config.strategy)  # wrong names are reported before anything is fetched
    if config.model is not None:
        find_model(config.model)
    if config.with_ is not None:
        check_encoder(config.with_)
    check_options(config)
    client = Client(config.url, token, patience=config.patience, say=say, sleep=sleep)
    project = Project(client, config.project)
    samples: dict[tuple[str, str], TaskSamples | VectorTasks] = {}
    while True:
        state = project.state()
        labeling = project.labeling()
        tasks = project.tasks(labeling)
        if not tasks:
            raise DataError(f"project {config.project} has no tasks yet: import some and start the same command again.")
        source = (labeling.kind, labeling.field)
        if source not in samples:
            samples = {source: _samples(config, labeling, client, tasks, say)}
        _rank_tasks(config, project, labeling, samples[source], tasks, say, named=named)
        if config.once:
            return
        now = project.state()
        while abs(now.annotations - state.annotations) < config.every and now.tasks == state.tasks:
            sleep(config.poll)
            now = project.state()


def _samples(
    config: LoopConfig, labeling: Labeling, client: Client, tasks: Sequence[Task], say: Callable[[str], None]
) -> TaskSamples | VectorTasks:
    """What a classifier learns from: the embeddings of the tasks, the vectors of an encoder, or the tasks."""
    shows_texts = labeling.kind == "Text"
    if config.embeddings is not None:
        if config.data is None:
            return by_number(config.embeddings, tasks, say)
        if shows_texts:
            return by_text(config.embeddings, config.data, config.table, say)
        return by_file(config.embeddings, _files(config.data, say), say)
    files = None if shows_texts or config.data is None else _files(config.data, say)
    load, size = client.fetch if files is None else files.read, (config.resize[0], config.resize[1])
    if config.with_ is None:
        return TaskSamples(labeling, load, size, say)
    encoder = find_encoder(config.with_, config.training.device)
    encoder.check(_kind(labeling))
    identity = (lambda address: (config.url, address)) if files is None else files.identity
    return EncodedTasks(encoder, None if shows_texts else load, identity, encoder.size or size, say)


def _kind(labeling: Labeling) -> SampleKind:
    return "image" if labeling.kind == "Image" else "text"


def _files(folder: Path, say: Callable[[str], None]) -> FolderFiles:
    files = FolderFiles(folder)
    if files.passed_over:
        say(files.passed_over)
    return files


def _points(samples: TaskSamples | VectorTasks, pool: Subset, kind: SampleKind, neighbors: int) -> Points:
    """The vectors of some tasks, or their built-in geometry; or the averages of these."""
    points = samples.points.at(pool.indices) if isinstance(samples, VectorTasks) else built_in(pool, kind)
    if not neighbors:
        return points
    with counted("averaging") as show:
        return averages_of(points, neighbors, show)


def _rank_tasks(
    config: LoopConfig,
    project: Project,
    labeling: Labeling,
    samples: TaskSamples | VectorTasks,
    found: Sequence[Task],
    say: Callable[[str], None],
    *,
    named: bool,
) -> None:
    rows = samples.rows(found)
    tasks = [task for task in found if task.number in rows]
    labels = [task.label for task in tasks if task.label is not None]
    if tasks and len(labels) == len(tasks):
        say(f"all {len(tasks)} tasks are labeled, so nothing is left to rank")
        return
    if not tasks:
        raise DataError(f"none of the {len(found)} tasks could be loaded: fix the problems reported above.")
    pool = Subset(samples, torch.tensor([rows[task.number] for task in tasks]))
    kind: SampleKind = "row" if isinstance(samples, VectorTasks) else _kind(labeling)
    points = functools.cache(lambda: _points(samples, pool, kind, config.neighbors))
    inputs: Samples = PointSamples(points()) if isinstance(samples, VectorTasks) else pool
    fits = len(set(labels)) > 1
    model = model_of(config, inputs, kind, points, labeled=fits)
    classifier = classifier_of(model.recipe, model.kind, model.inputs, len(labeling.classes))
    strategy, _ = fitting_strategy(config, classifier)
    strategy, geometry = with_points(strategy, points, None if named else say)
    learner = ActiveLearner(classifier, model.inputs, strategy, subset_size=None, seed=config.seed, geometry=geometry)
    if fits:
        learner.tell([at for at, task in enumerate(tasks) if task.label is not None], labels)
        said = f"{model.about}, fitted to {many(len(labels), 'label')}"
    else:
        said = f"no classifier yet, random order: {many(len(labels), 'label')} of fewer than two classes"
    unlabeled = len(tasks) - len(labels)
    k = min(config.ahead or unlabeled, unlabeled)
    asked = learner.ask(k if learner.labeled else len(tasks))
    order = [at for at in asked if tasks[at].label is None][:k]
    scores = {tasks[at].number: rank / k for rank, at in enumerate(order)}
    results = {}
    if config.prelabel and learner.labeled:
        likely = learner.fit().outputs(model.inputs, torch.tensor(order)).predictions.tolist()
        answers = [labeling.result(labeling.classes[label]) for label in likely]
        results = dict(zip(scores, answers, strict=True))
    version = f"{PREFIX}{strategy.name} {len(labels)} labels {datetime.now(UTC).isoformat(' ', 'milliseconds')}"
    project.predict(version, scores, results)
    say(f"ranked {k} of {many(unlabeled, 'unlabeled task')} ({said}): {version!r}")
