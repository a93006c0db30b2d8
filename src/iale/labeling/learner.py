"""A project in Python: asks for samples as `ActiveLearner` does, with the labels that people gave and with its own."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from iale._asking import as_classifier, next_samples, with_points
from iale.classifiers.base import Classifier, FittedClassifier
from iale.data._checks import rows_of, told_labels
from iale.data.arrays import ArraySamples
from iale.data.pool import Pool
from iale.errors import ConfigError, DataError, IaleWarning, ModelError
from iale.labeling.fitting._model import find_model
from iale.labeling.items._reading import Reading
from iale.labeling.project import Project
from iale.learner import Learner, QueryConfig
from iale.policies.catalog import find_strategy
from iale.recipe import AUTO, FALLBACK, classifier_of, strategy_of
from iale.seeding import Stream
from iale.strategies.base import QueryStrategy

_LOOKED_AT = 500  # samples from which the statistics of the inputs are taken


class ProjectLearner:
    """`ask`, `tell` and `fit` on a labeling project, which the page and the command line may use at the same time.

    The next `ask` or `fit` knows what people have labeled meanwhile; what is told here is in the project's journal when
    `tell` returns. Samples of the honest test share are never asked for, and nothing learns from their labels.

    Args:
        project: an open project, or its folder.
        model: as for `ActiveLearner`; by default the project's classifier.
        strategy: as for `ActiveLearner`; by default the project's, in whose place margin asks, and a warning says so,
            if the samples cannot be compared.
        person: the name under which labels are told.

    Attributes:
        project: whose samples are asked for.
        person: the name under which labels are told.
        strategy: what chooses the samples.

    Raises:
        ConfigError: the project has fewer than 2 classes.
        DataError: the samples cannot be compared, and the strategy that you named does so.
        ModelError, PolicyError: the model lacks what the strategy needs, or classes have been added to the project
            since the learner was made.
    """

    def __init__(
        self,
        project: Project | Path | str,
        model: nn.Module | Callable[[], nn.Module] | Classifier | None = None,
        strategy: QueryStrategy | str | Path | None = None,
        *,
        person: str = "python",
    ) -> None:
        self.project = project if isinstance(project, Project) else Project.open(project)
        self.person = person
        views = self.project.reader.views
        self._model = find_model(self.project.reader)
        self._samples = Reading(self.project.items, views.inputs if model is not None else self._model.inputs)
        classes = len(self.project.classes)
        if classes < 2:
            raise ConfigError("a classifier needs at least 2 classes: add some to the project.")
        config = self.project.config
        classifier = self._classifier(model, classes)
        if classifier.num_classes != classes:
            raise ModelError(
                f"the model has {classifier.num_classes} logits, but the project has {classes} classes: change one "
                f"of them."
            )
        named = strategy is not None
        if strategy is None and (model is None or isinstance(model, Classifier)):
            strategy = strategy_of(config, classifier)[0]
        elif strategy is None:
            strategy = FALLBACK if config.strategy == AUTO else config.strategy
        found = find_strategy(strategy)
        found.check(classifier)
        query = QueryConfig(subset_size=config.subset_size)
        self._learner = Learner(classifier, self._samples, Pool(torch.arange(0), classes), query, Stream(config.seed))
        averages = self._model.points if self._model.averaged and model is None else None
        make = views.make_geometry if averages is None else lambda: averages
        self.strategy, self._learner.geometry = with_points(found, make, None if named else _warn)
        self._known = (-1, -1)
        self._fitted = False
        self.refresh()

    @property
    def labeled(self) -> list[int]:
        """Indices of the samples with a label to learn from, the latest decision last."""
        return self._learner.pool.labeled.tolist()

    def refresh(self) -> None:
        """Takes over what was labeled, corrected, skipped and undone since."""
        project, unreadable = self.project, self._samples.unreadable
        now = (project.changes(), len(unreadable))
        if now == self._known:
            return
        classes = project.classes
        if len(classes) != self._learner.pool.num_classes:
            raise ModelError(
                f"the project now has {len(classes)} classes, but the model has {self._learner.pool.num_classes}: make "
                f"a new learner."
            )
        number = {name: place for place, name in enumerate(classes)}
        index = project.items.ids.index
        labels = {index(sample): number[label] for sample, label in project.labels_to_learn_from().items()}
        for row in unreadable:
            labels.pop(row, None)
        open_ = ~project.shares.reserved
        open_[[*project.answered(), *unreadable]] = False
        open_[list(labels)] = True
        pool = Pool(torch.from_numpy(np.flatnonzero(open_)), len(classes))
        pool.acquire(torch.tensor(list(labels), dtype=torch.int64), torch.tensor(list(labels.values())).long())
        self._learner.pool = pool
        self._known, self._fitted = now, False

    def tell(self, indices: Sequence[int] | Tensor, labels: Sequence[int] | Tensor) -> None:
        """Records labels (0 … C−1), which may correct others; if an index or a label is wrong, it records none."""
        numbers, told = told_labels(indices, labels)
        rows, values, classes = rows_of(numbers, self.project.count).tolist(), told.tolist(), self.project.classes
        if len(rows) != len(values):
            raise DataError(f"{len(rows)} samples came with {len(values)} labels: give one each.")
        if len(set(rows)) != len(rows):
            raise DataError("a sample was named twice: name each once.")
        if values and not 0 <= min(values) <= max(values) < len(classes):
            raise DataError(f"labels of {len(classes)} classes are 0 to {len(classes) - 1}.")
        ids = self.project.items.ids
        named = {ids[row]: classes[value] for row, value in zip(rows, values, strict=True)}
        self.project.add_labels(self.person, named, "chosen")
        self.refresh()

    def fit(self) -> FittedClassifier:
        """Fits the model on all labels there are now; samples that cannot be read are passed over."""
        self.refresh()
        self._samples.read(self.labeled)
        self.refresh()
        if not self._fitted:
            self._learner.fit(self.strategy.needs)
            self._fitted = True
        return self._learner.fitted

    def ask(self, k: int) -> list[int]:
        """The k samples to label next, best first; they are reserved for this person for the time of a lease.

        Before the first label there is nothing to fit, and the k samples differ from one another, as those that
        `ActiveLearner.ask` gives.
        """
        while True:
            self.refresh()
            chosen = next_samples(self._learner, self.project.kind, self.strategy, k, self.fit)
            self._samples.read(chosen)  # finds out which are unreadable
            if not self._samples.unreadable.keys() & set(chosen):
                break  # otherwise choose again without those that turned out to be unreadable
        self.project.hold(self.person, [self.project.items.ids[row] for row in chosen])
        return chosen

    def _classifier(self, model: nn.Module | Callable[[], nn.Module] | Classifier | None, classes: int) -> Classifier:
        config = self.project.config
        if model is not None:
            return as_classifier(model, self._samples, config.training)
        some = np.unique(np.linspace(0, len(self._samples) - 1, _LOOKED_AT).round().astype(int))
        inputs = ArraySamples(self._samples.batch(torch.from_numpy(some)))
        return classifier_of(self._model.recipe, self._model.kind, inputs, classes)


def _warn(sentence: str) -> None:
    warnings.warn(sentence, IaleWarning, stacklevel=4)  # where somebody makes a learner
