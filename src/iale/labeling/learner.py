"""A project in Python: `ActiveLearner` that reads the labels people gave and adds its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from iale.active_learner import ActiveLearner
from iale.classifiers.base import Classifier, FittedClassifier
from iale.data._checks import integers, rows_of
from iale.data.arrays import ArraySamples
from iale.data.pool import Pool
from iale.errors import ConfigError, DataError, ModelError
from iale.labeling.items._items import Items
from iale.labeling.items._reading import Reading
from iale.labeling.project import Project
from iale.recipe import AUTO, FALLBACK, classifier_of, strategy_of
from iale.strategies.base import QueryStrategy

_LOOKED_AT = 500  # samples from which the statistics of the inputs are taken


class ProjectLearner(ActiveLearner):
    """`ActiveLearner` on a labeling project. The page, the command line and this may be used by turns or at once.

    What people label is known at the next `ask` or `fit`; what is told here is in the project's journal when `tell`
    returns. Samples of the honest test share are never asked for, and their labels never learned from.

    Args:
        project: an open project, or its folder.
        model: as for `ActiveLearner`; by default the project's classifier.
        strategy: as for `ActiveLearner`; by default the project's.
        person: under which name labels are told.

    Raises:
        ModelError, PolicyError: the strategy asks for what the model lacks, or classes have been added to the project
            since the learner was made.
    """

    def __init__(
        self,
        project: Project | Path | str,
        model: nn.Module | Callable[[], nn.Module] | Classifier | None = None,
        strategy: QueryStrategy | str | None = None,
        *,
        person: str = "python",
    ) -> None:
        self.project = project if isinstance(project, Project) else Project.open(project)
        self.person = person
        self._samples = LenientSamples(self.project.items)
        config, classes = self.project.config, self.project.classes
        if len(classes) < 2:
            raise ConfigError("a classifier needs at least 2 classes: add some to the project.")
        if model is None:
            some = np.unique(np.linspace(0, len(self._samples) - 1, _LOOKED_AT).round().astype(int))
            inputs = ArraySamples(self._samples.batch(torch.from_numpy(some)))
            model = classifier_of(config, self.project.kind, inputs, len(classes))
        if strategy is None:
            if isinstance(model, Classifier):
                strategy = strategy_of(config, model)[0]
            else:
                strategy = FALLBACK if config.strategy == AUTO else config.strategy
        super().__init__(
            model,
            self._samples,
            strategy,
            num_classes=len(classes),
            training=config.training,
            subset_size=config.subset_size,
            seed=config.seed,
        )
        self._known = (-1, -1)
        self.refresh()

    def refresh(self) -> None:
        """Takes over what was labeled, corrected, skipped and undone since."""
        project, unreadable = self.project, self._samples.unreadable
        now = (project.changes(), len(unreadable))
        if now == self._known:
            return
        classes = project.classes
        if len(classes) != self._learner.pool.num_classes:
            raise ModelError(
                f"the project has {len(classes)} classes by now and the model {self._learner.pool.num_classes}: make "
                f"the learner anew."
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
        self._known, self._fitted_on = now, -1

    def tell(self, indices: Sequence[int] | Tensor, labels: Sequence[int] | Tensor) -> None:
        """Records labels (0 … C−1), also others for labeled samples; none where an index or a label is wrong."""
        rows = rows_of(integers(indices, "indices"), self.project.count).tolist()
        values, classes = integers(labels, "labels").tolist(), self.project.classes
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
        self._samples.look(self._learner.pool.labeled)
        self.refresh()
        return super().fit()

    def ask(self, k: int) -> list[int]:
        """The k samples to label next, best first; they are kept for this person for the time of a lease."""
        while True:
            self.refresh()
            chosen = super().ask(k)
            self._samples.look(torch.tensor(chosen))
            if not self._samples.unreadable.keys() & set(chosen):
                break
        self.project.hold(self.person, [self.project.items.ids[row] for row in chosen])
        return chosen


class LenientSamples:
    """Samples of which those that cannot be read are empty, and known.

    Args:
        items: where they are.
    """

    def __init__(self, items: Items) -> None:
        self._items, self._reading = items, Reading(items)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one input."""
        return self._items.samples.shape

    @property
    def unreadable(self) -> dict[int, str]:
        """Why samples could not be read, by index."""
        return self._reading.unreadable

    def __len__(self) -> int:
        return len(self._items)

    def look(self, indices: Tensor) -> None:
        """Finds out which of ``indices`` cannot be read."""
        self._reading.read(indices.tolist())

    def batch(self, indices: Tensor) -> Tensor:
        """The inputs at ``indices`` (int64 [B]): uint8 or float32 [B, *shape]; zeros for what cannot be read."""
        wanted = rows_of(indices, len(self)).tolist()
        read, inputs = self._reading.read(wanted)
        if len(read) == len(wanted):
            return inputs
        out = torch.zeros((len(wanted), *self.shape), dtype=inputs.dtype)
        there = [place for place, row in enumerate(wanted) if row not in self._reading.unreadable]
        out[there] = inputs
        return out
