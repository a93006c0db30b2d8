"""Labeled samples as a PyTorch data set."""

from __future__ import annotations

import torch
from torch import Tensor

from iale.labeling.reader import Readable


class LabeledDataset(torch.utils.data.Dataset[tuple[Tensor, int]]):
    """The labeled samples of a project now, as a map-style PyTorch data set of inputs and class numbers.

    Args:
        project: whose labels they are.
        test: True takes the honest test share, False what there is to learn from, None all labels.

    Attributes:
        classes: names of the classes; a label is a position in it.
        ids: of the samples, in order.
        labels: int64 [L].
    """

    def __init__(self, project: Readable, *, test: bool | None = None) -> None:
        reader = project.reader
        source = {None: reader.labels, False: reader.labels_to_learn_from, True: reader.labels_to_test_on}[test]
        labels = source()
        self.classes = reader.classes
        number = {name: place for place, name in enumerate(self.classes)}
        self.ids = sorted(labels, key=reader.items.ids.index)
        self.labels = torch.tensor([number[labels[sample]] for sample in self.ids], dtype=torch.int64)
        self._indices = [reader.items.ids.index(sample) for sample in self.ids]
        self._samples = reader.items.samples

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, place: int) -> tuple[Tensor, int]:
        """Input, uint8 or float32 [*shape], and class number; raises DataError for a file that cannot be read."""
        inputs = self._samples.batch(torch.tensor([self._indices[place]]))
        return inputs[0], int(self.labels[place])
