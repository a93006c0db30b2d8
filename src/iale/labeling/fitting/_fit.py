"""One fit of a project's classifier, and what the strategy asks for next."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from iale import _storage as storage
from iale._finite import finite_rows
from iale.classifiers.base import Classifier, FittedClassifier, Outputs
from iale.classifiers.heads import FittedLinearHead
from iale.classifiers.torch_classifier import FittedTorchClassifier
from iale.data._checks import join
from iale.data._sketches import ALIKE, keep_apart, sketches, spread
from iale.data.arrays import ArraySamples
from iale.data.pool import Pool
from iale.errors import DataError
from iale.geometry.points import Points
from iale.labeling.fitting._calibration import Calibration
from iale.labeling.fitting._random import fit_to_random_labels
from iale.labeling.items._reading import Reading
from iale.labeling.reader import ProjectReader, Readable
from iale.labeling.record._fits import Fit, Latest, save_fit, save_random
from iale.learner import Learner, QueryConfig
from iale.policies.catalog import find_strategy
from iale.recipe import FALLBACK, classifier_of, strategy_of
from iale.seeding import Stream
from iale.strategies.base import Need, QueryStrategy

NICENESS = 10
_QUEUE = 200  # samples that a fit ranks: enough for several people until the next fit
_GUESSED = 2000  # labeled samples with a guess, which helps to find wrong labels, and as many without a label
_AHEAD = 50  # test samples that are predicted before anyone has labeled them, so the accuracy is known at once
_APART = 500  # labeled samples that new ones are compared with at a time


def fit_project(folder: str) -> None:
    """Fits the classifier to the labels there are now, asks the strategy, and writes what came of it.

    This runs in the fitting process, which keeps the project open between fits.
    """
    _yield_to_others()
    if folder not in _open:
        reader = ProjectReader.open(folder)
        _open[folder] = Refitter(reader, Reading(reader.items, reader.views.inputs))
    _open[folder].fit()


def make_geometry(folder: str) -> None:
    """Makes the built-in geometry of a project, in a process of its own: fits go on meanwhile."""
    _yield_to_others()
    ProjectReader.open(folder).views.make_geometry()


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
        self._random_labels = 0
        self._calibration = Calibration()
        self._odd: dict[int, str] = {}  # why samples are no candidates of the last fit, by index

    def fit(self) -> None:
        """One fit; raises DataError if there is nothing to learn from."""
        project, config, begin = self.project, self.project.config, time.monotonic()
        # Counted before the labels are read: a label that comes in between is fitted twice rather than never.
        changes, classes = project.changes(), project.classes
        number = {name: place for place, name in enumerate(classes)}
        told = {self._ids.index(s): number[label] for s, label in project.labels_to_learn_from().items()}
        labels = dict(sorted(told.items()))  # the same labels in another order are the same fit
        stream = Stream(config.seed).child("fit", len(labels))
        known, known_inputs = self.reading.read(labels)
        if len({labels[index] for index in known}) < 2:
            raise DataError("labels of at least two classes are needed for a fit: label more samples.")
        found, inputs = self.reading.read(self._candidates(stream))
        recent = set(list(told)[-_GUESSED:])
        looked = _Looked(known + found, len(known), [at for at, row in enumerate(known) if row in recent])
        local = join([known_inputs, inputs])
        samples = ArraySamples(local)
        classifier = classifier_of(config, project.views.kind, samples, len(classes))
        strategy, name, notice, geometry = self._chooser(classifier)
        pool = Pool(torch.arange(len(local)), len(classes))
        targets = torch.tensor([labels[index] for index in known])
        pool.acquire(torch.arange(len(known)), targets)
        learner = Learner(classifier, samples, pool, QueryConfig(subset_size=None), stream)
        learner.geometry = None if geometry is None else geometry.at(torch.tensor(looked.rows))
        learner.fit(strategy.needs)
        fitted = learner.fitted
        assert isinstance(fitted, FittedTorchClassifier | FittedLinearHead)
        outputs = fitted.outputs(samples, torch.arange(len(local)))
        candidates = self._finite(outputs, looked)
        pool.skip(torch.tensor(sorted({*range(len(known), len(local))} - set(candidates)), dtype=torch.int64))
        ranked = learner.query(strategy, min(_QUEUE, len(candidates))).tolist() if found else []
        ranked = self._apart(ranked, local, len(known))
        every = len(set(labels.values())) == len(classes)
        explore = [] if every or not found else self._explore(outputs.embeddings, len(known), candidates, stream)
        calibrated = self._calibration.apply(outputs, classifier, fitted, (samples, targets), stream)
        latest = self._latest(fitted, calibrated, looked, ranked, explore, classes)
        fit = Fit(
            time=time.time(),
            labels=len(known),
            answered=changes,
            classes=classes,
            strategy=name,
            tests=self._tests(fitted, classes),
            seconds=time.monotonic() - begin,
            notice=notice,
        )
        save_fit(project.folder, fit, latest)
        for path in sorted(project.folder.glob("weights-*.safetensors"))[:-2]:
            path.unlink(missing_ok=True)  # two stay: another process may still be reading the last but one
        self._fit_to_random_labels(classes)

    def _chooser(self, classifier: Classifier) -> tuple[QueryStrategy, str, str, Points | None]:
        """The strategy, its name, a sentence if it is not the one that was asked for, and what it compares."""
        strategy, name, notice = strategy_of(self.project.config, classifier)
        if Need.GEOMETRY not in strategy.needs:
            return strategy, name, notice, None
        views = self.project.views
        geometry = views.geometry()
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

    def _apart(self, ranked: list[int], local: Tensor, known: int) -> list[int]:
        """The ranking with near-duplicates (also of labeled samples) at its end."""
        if not ranked:
            return []
        kind = self.project.views.kind
        before = (sketches(part, kind) for part in torch.split(local[:known], _APART))
        return [ranked[at] for at in keep_apart(sketches(local[ranked], kind), before, ALIKE[kind])]

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
        fitted: FittedTorchClassifier | FittedLinearHead,
        outputs: Outputs,
        looked: _Looked,
        ranked: list[int],
        explore: list[int],
        classes: tuple[str, ...],
    ) -> Latest:
        before = self.project.fits.latest
        number = 1 if before is None else before.fit + 1
        weights = f"weights-{number:06}.safetensors"
        digest = storage.write_tensors(self.project.folder / weights, fitted.module.state_dict())
        probs, rows, known = outputs.probs, looked.rows, looked.known
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
            shape=fitted.recipe.shape,
            temperature=self._calibration.temperature,
            unreadable={self._ids[index]: why for index, why in (self.reading.unreadable | self._odd).items()},
        )

    def _tests(self, fitted: FittedClassifier, classes: tuple[str, ...]) -> dict[str, str]:
        """Predictions for the test share, also for those of its samples that will be labeled next."""
        shares, ids = self.project.shares, self._ids
        tested = [ids.index(sample) for sample in self.project.labels_to_test_on()]
        ahead = [int(i) for i in shares.order[: len(tested) + _AHEAD]]
        rows, inputs = self.reading.read(dict.fromkeys([*tested, *ahead]))
        if not rows:
            return {}
        predicted = fitted.outputs(ArraySamples(inputs), torch.arange(len(rows))).predictions.tolist()
        return {ids[row]: classes[label] for row, label in zip(rows, predicted, strict=True)}

    def _fit_to_random_labels(self, classes: tuple[str, ...]) -> None:
        """What random choice would have given, computed anew when the test share has grown by a fifth."""
        tests = self.project.labels_to_test_on()
        if len(tests) < 1.2 * self._random_labels:
            return
        fits = fit_to_random_labels(self.project, self.reading, tests, classes)
        if fits is not None:
            save_random(self.project.folder, fits)
            self._random_labels = len(tests)


_open: dict[str, Refitter] = {}  # in the fitting process, which is sent nothing but the name of the folder


def _guess(probs: Tensor, classes: tuple[str, ...]) -> tuple[tuple[str, float], ...]:
    values, places = (best.tolist() for best in probs.topk(min(3, len(classes))))
    return tuple((classes[place], round(value, 4)) for value, place in zip(values, places, strict=True))


def _yield_to_others() -> None:
    """Takes about a tenth of what others get if all want to compute; the lowest priority might never get a turn."""
    os.setpriority(os.PRIO_PROCESS, 0, NICENESS)
    if sys.platform == "linux":
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
