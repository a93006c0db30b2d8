"""One fit of a project's classifier, and what the strategy asks for next."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from iale import _storage as storage
from iale._finite import finite_rows
from iale._model import Model
from iale.classifiers.base import Classifier, FitJob, FittedClassifier, Outputs
from iale.classifiers.heads import FittedLinearHead, LinearHead
from iale.classifiers.torch_classifier import FittedTorchClassifier
from iale.data._away import Back
from iale.data._checks import join
from iale.data._sketches import ALIKE, keep_apart, sketches, spread
from iale.data.arrays import ArraySamples
from iale.data.pool import Pool
from iale.data.samples import Samples
from iale.errors import DataError
from iale.geometry.embeddings import PointSamples
from iale.geometry.points import Points
from iale.labeling.fitting._gate import compare, is_due
from iale.labeling.fitting._head import Strengths, calibrated, network_of
from iale.labeling.fitting._model import find_model, fits_a_head, head_of
from iale.labeling.fitting._niceness import yield_to_others
from iale.labeling.fitting._random import fit_to_random_labels
from iale.labeling.fitting._sight import HastySight, Sight, sight_of
from iale.labeling.items._reading import Reading
from iale.labeling.reader import ProjectReader, Readable
from iale.labeling.record._fits import Fit, Latest, save_fit, save_random
from iale.learner import Learner, QueryConfig
from iale.policies.catalog import find_strategy
from iale.recipe import AUTO, FALLBACK, strategy_of
from iale.seeding import Stream
from iale.strategies.base import Need, QueryStrategy

_QUEUE = 200  # samples that a fit ranks: enough for several people until the next fit
_SOON = 100  # of a head, which is fitted again soon
_GUESSED = 2000  # labeled samples with a guess, which helps to find wrong labels, and as many without a label
_AHEAD = 50  # test samples that are predicted before anyone has labeled them, so the accuracy is known at once
_HASTE = 0.4  # seconds in which candidates are read until all samples are seen
_APART = 500  # labeled samples that new ones are compared with at a time


def fit_project(folder: str) -> None:
    """Fits the classifier to the labels there are now, asks the strategy, and writes what came of it.

    This runs in the fitting process, which keeps the project open between fits.
    """
    prepare(folder)
    refitter = _open[folder]
    if not refitter.awaited:
        yield_to_others()
    refitter.fit(saved=yield_to_others)


def prepare(folder: str) -> None:
    """Opens the project in the fitting process, so that the first fit need not wait for that."""
    if folder not in _open:
        reader = ProjectReader.open(folder)
        _open[folder] = Refitter(reader, Reading(reader.items, reader.views.inputs))


def warm_up() -> None:
    """Does once what is slow the first time, before there is a project."""
    two = ArraySamples(torch.eye(2))
    head = LinearHead(two, 2, l2=1.0).fit(two, FitJob(torch.arange(2), torch.arange(2), 0))
    head.outputs(two, torch.arange(2))


def told_of(project: ProjectReader, classes: tuple[str, ...]) -> dict[int, int]:
    """The class number of every sample to learn from, by its index, the latest decision last."""
    number, index = {name: place for place, name in enumerate(classes)}, project.items.ids.index
    return {index(sample): number[label] for sample, label in project.labels_to_learn_from().items()}


@dataclass(frozen=True)
class _Looked:
    """What a fit looks at.

    Attributes:
        rows: of the pool: the labeled ones in ascending order, and then the candidates.
        known: how many of them are labeled.
        recent: positions in ``rows`` of the samples that were labeled last.
    """

    rows: list[int]
    known: int
    recent: list[int]


class Refitter:
    """Fits a project again and again."""

    def __init__(self, project: Readable, reading: Reading) -> None:
        self.project, self.reading = project.reader, reading
        self._ids = self.project.items.ids
        self._strengths = Strengths()
        self._random_labels = 0
        self._odd: dict[int, str] = {}  # why samples are no candidates of the last fit, by index

    @property
    def awaited(self) -> bool:
        """Whether people wait for the first model, and it is one that is there in a moment."""
        return self.project.fits.latest is None and fits_a_head(self.project)

    def fit(self, saved: Callable[[], None] = lambda: None) -> None:
        """One fit, which calls ``saved`` when the model is on disk; raises DataError if there is nothing to learn."""
        project, begin = self.project, time.monotonic()
        # Counted before the labels are read: a label that comes in between is fitted twice rather than never.
        changes, classes = project.changes(), project.classes
        told = told_of(project, classes)
        labels = dict(sorted(told.items()))  # the same labels in another order are the same fit
        self._compare_averages(labels)
        model = find_model(project)
        if project.views.came_back:
            project.views.came_back = False
            raise Back("files that were away are back: all samples are compared again.")
        sight = sight_of(model.points, model.inputs, self.reading)
        stream = Stream(project.config.seed).child("fit", len(labels))
        known, known_inputs = sight.read(labels)
        if len({labels[index] for index in known}) < 2:
            project.items.check()
            raise DataError("labels of at least two classes are needed for a fit: label more samples.")
        found, inputs = self._hasty(model, sight).read(self._candidates(stream))
        recent = set(list(told)[-_GUESSED:])
        looked = _Looked(known + found, len(known), [at for at, row in enumerate(known) if row in recent])
        local = ArraySamples(join([known_inputs, inputs]))
        pool = Pool(torch.arange(len(local)), len(classes))
        pool.acquire(torch.arange(len(known)), torch.tensor([labels[index] for index in known]))
        classifier = self._strengths.classifier(model, local, pool)
        strategy, name, notice, geometry = self._chooser(classifier, model)
        learner = Learner(classifier, local, pool, QueryConfig(subset_size=None), stream)
        learner.geometry = None if geometry is None else geometry.at(torch.tensor(looked.rows))
        learner.fit(strategy.needs)
        outputs = learner.fitted.outputs(local, torch.arange(len(local)))
        candidates = self._finite(outputs, looked)
        pool.skip(torch.tensor(sorted({*range(len(known), len(local))} - set(candidates)), dtype=torch.int64))
        count = min(_SOON if model.head else _QUEUE, len(candidates))
        ranked = learner.query(strategy, count).tolist() if found else []
        ranked = self._apart(ranked, self._as_they_are(local, looked, model), looked, model)
        every = len(set(labels.values())) == len(classes)
        explore = [] if every or not found else self._explore(outputs.embeddings, len(known), candidates, stream)
        fitted, outputs, temperature = calibrated(learner, outputs)
        tests = self._tests(fitted, sight, classes, model)
        seconds = time.monotonic() - begin
        fit = Fit(time.time(), len(known), changes, classes, name, tests, seconds, notice)
        with storage.alone_in(project.folder):  # an export may fit meanwhile, and give its weights the same name
            latest = self._latest(model, fitted, outputs, looked, (ranked, explore))
            save_fit(project.folder, fit, replace(latest, temperature=temperature), often=model.head)
            for path in sorted(project.folder.glob("weights-*.safetensors"))[:-2]:
                path.unlink(missing_ok=True)  # two stay: another process may still be reading the last but one
        saved()
        self._fit_to_random_labels(model, sight, classes)

    def _compare_averages(self, labels: dict[int, int]) -> None:
        """Whether averages of neighbors help, if it is time to ask."""
        project = self.project
        averages, identity = project.views.averages(), project.views.averages_identity
        if averages is None or not is_due(project.folder, identity, len(labels)) or not fits_a_head(project):
            return
        points = project.views.geometry()
        if points is not None and len(set(labels.values())) > 1:
            told = list(labels), list(labels.values())
            compare(project.folder, head_of(project).recipe, (points, averages), told, identity)

    def _hurries(self, model: Model) -> bool:
        """Whether files are read although a person waits: a head does without the geometry until it is there."""
        return model.head and model.kind == "image" and self.project.config.classifier == AUTO

    def _hasty(self, model: Model, sight: Sight) -> Sight:
        """What reads candidates: files only for a moment."""
        return HastySight(self.reading, _HASTE) if self._hurries(model) else sight

    def _chooser(self, classifier: Classifier, model: Model) -> tuple[QueryStrategy, str, str, Points | None]:
        """The strategy, its name, a sentence if it is not the one that was asked for, and what it compares."""
        strategy, name, notice = strategy_of(self.project.config, classifier)
        if Need.GEOMETRY not in strategy.needs:
            return strategy, name, notice, None
        views = self.project.views
        geometry = model.points if model.averaged else views.geometry()
        if geometry is None:  # people do not wait for it
            notice = f"{FALLBACK} asks until {name} can compare all samples: {views.progress()}"
            strategy, name = find_strategy(FALLBACK), FALLBACK
        return strategy, name, notice, geometry

    def _candidates(self, stream: Stream) -> list[int]:
        """The unlabeled samples that this fit looks at, drawn at random, and none of the test share."""
        open_ = ~self.project.shares.reserved
        open_[list(self.project.answered())] = False
        pool = Pool(torch.from_numpy(np.flatnonzero(open_)), 1)
        drawn = pool.candidates(self.project.config.subset_size, stream.child("subset"))
        return list(drawn.indices.tolist())

    def _as_they_are(self, local: Samples, looked: _Looked, model: Model) -> Tensor:
        """What a fit looks at, without averages: copies would not be told from neighbors."""
        points = self.project.views.geometry() if model.averaged else None
        if points is None:
            return local.batch(torch.arange(len(local)))
        return PointSamples(points).batch(torch.tensor(looked.rows))

    def _apart(self, ranked: list[int], local: Tensor, looked: _Looked, model: Model) -> list[int]:
        """The ranking with near-duplicates (also of labeled samples) at its end."""
        if not ranked:
            return []
        kind = self.project.views.kind
        # Points of a geometry that is centered are sketches already; texts are compared as they are.
        seen = "text" if model.points is not None and self.project.config.embeddings is None else kind
        before = (sketches(part, seen) for part in torch.split(local[: looked.known], _APART))
        return [ranked[at] for at in keep_apart(sketches(local[ranked], seen), before, ALIKE[kind])]

    def _finite(self, outputs: Outputs, looked: _Looked) -> list[int]:
        """Positions of the candidates for which the model computes numbers; the others are passed over.

        If there is none, all are left, and the query says what is wrong.
        """
        finite, every = finite_rows(outputs).tolist(), range(looked.known, len(outputs))
        odd = {at: looked.rows[at] for at in every if not finite[at]}
        if len(odd) == len(every):
            return list(every)
        words = self.project.items.words
        self._odd = {row: f"the model's outputs for {words(row)} are NaN or infinite." for row in odd.values()}
        return [at for at in every if at not in odd]

    def _explore(self, points: Tensor, known: int, candidates: list[int], stream: Stream) -> list[int]:
        """Candidates unlike all labeled samples, for a class that has not been seen yet."""
        near = torch.cdist(points[candidates].double(), points[:known].double()).amin(dim=1).square()
        rng = stream.child("explore").numpy()
        return [candidates[at] for at in spread(points[candidates].numpy(), _QUEUE, rng, near)]

    def _latest(
        self,
        model: Model,
        fitted: FittedTorchClassifier | FittedLinearHead,
        outputs: Outputs,
        looked: _Looked,
        order: tuple[list[int], list[int]],
    ) -> Latest:
        """What is kept of a fit; ``order`` holds positions: what is ranked, and what explores."""
        before, classes = self.project.fits.latest, self.project.classes[: outputs.logits.shape[1]]
        number = 1 if before is None else before.fit + 1
        weights = f"weights-{number:06}.safetensors"
        module, card = network_of(self.project, model, fitted)
        digest = storage.write_tensors(self.project.folder / weights, module.state_dict())
        probs, rows, known, (ranked, explore) = outputs.probs, looked.rows, looked.known, order
        others = (at for at in range(known, min(len(rows), known + _GUESSED)) if rows[at] not in self._odd)
        guessed = dict.fromkeys([*looked.recent, *ranked, *explore, *others])
        return Latest(
            fit=number,
            queue=tuple(self._ids[rows[at]] for at in ranked),
            explore=tuple(self._ids[rows[at]] for at in explore),
            guesses={self._ids[rows[at]]: _guess(probs[at], classes) for at in guessed},
            confidence=float(probs[known:].amax(dim=1).double().nanmean()) if len(probs) > known else 1.0,
            weights=weights,
            digest=digest,
            shape=self.project.views.inputs.shape,
            unreadable={self._ids[index]: why for index, why in (self.reading.unreadable | self._odd).items()},
            model=model.about,
            network=card,
        )

    def _tests(self, fitted: FittedClassifier, sight: Sight, classes: tuple[str, ...], model: Model) -> dict[str, str]:
        """Predictions for the test share, also for those of its samples that will be labeled next.

        The first model does not wait until these are read: the next one follows the next label.
        """
        shares, ids = self.project.shares, self._ids
        tested = [ids.index(sample) for sample in self.project.labels_to_test_on()]
        first = self.project.fits.latest is None and self._hurries(model)
        ahead = [int(i) for i in shares.order[: 0 if first else len(tested) + _AHEAD]]
        rows, inputs = sight.read(dict.fromkeys([*tested, *ahead]))
        if not rows:
            return {}
        predicted = fitted.outputs(ArraySamples(inputs), torch.arange(len(rows))).predictions.tolist()
        return {ids[row]: classes[label] for row, label in zip(rows, predicted, strict=True)}

    def _fit_to_random_labels(self, model: Model, sight: Sight, classes: tuple[str, ...]) -> None:
        """What random choice would have given, computed anew when the test share has grown by a fifth."""
        tests = self.project.labels_to_test_on()
        if len(tests) < 1.2 * self._random_labels:
            return
        fits = fit_to_random_labels(self.project, sight, tests, classes, model)
        if fits is not None:
            save_random(self.project.folder, fits)
            self._random_labels = len(tests)


_open: dict[str, Refitter] = {}  # in the fitting process, which is sent nothing but the name of the folder


def _guess(probs: Tensor, classes: tuple[str, ...]) -> tuple[tuple[str, float], ...]:
    values, places = (best.tolist() for best in probs.topk(min(3, len(classes))))
    return tuple((classes[place], round(value, 4)) for value, place in zip(values, places, strict=True))
