"""Parts of a data set: a subset, a stratified test split, and the data set put together from checked parts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from iale.data._checks import as_labels, check_every_class, check_labels, rows_of
from iale.data._fingerprint import digest, fingerprint
from iale.data.samples import DataSet, Samples
from iale.errors import DataError
from iale.seeding import Stream

TEST_SHARE = 0.2
"""Share of each class that becomes the test split of a data set that came without one."""

MOST_CLASSES = 10_000
"""Larger class numbers are taken for something that is not a class."""


class Subset:
    """Some samples of another source; nothing is copied.

    Args:
        samples: where the inputs are.
        indices: int64 [M], which of them, in which order.
    """

    def __init__(self, samples: Samples, indices: Tensor) -> None:
        self.samples = samples
        self.indices = torch.from_numpy(rows_of(indices, len(samples)).copy())

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one input."""
        return self.samples.shape

    def __len__(self) -> int:
        return len(self.indices)

    def batch(self, indices: Tensor) -> Tensor:
        """The inputs at ``indices`` (int64 [B]) of this subset: [B, *shape]."""
        return self.samples.batch(self.indices[torch.from_numpy(rows_of(indices, len(self)))])

    def fingerprint(self) -> str:
        """A digest of the other source's and of which samples these are."""
        return digest(fingerprint(self.samples), self.indices.numpy())


def stratified_split(labels: Tensor, share: float, stream: Stream) -> tuple[Tensor, Tensor]:
    """Two disjoint parts of all samples with the same mixture of classes.

    Args:
        labels: int64 [N].
        share: of each class, rounded, goes to the second part: at least one sample and never all.
        stream: decides which.

    Returns:
        int64 [N − M] and int64 [M], ascending indices.

    Raises:
        DataError: a class has a single sample.
    """
    rng = stream.numpy()
    held_out = torch.zeros(len(labels), dtype=torch.bool)
    for label in torch.unique(labels).tolist():
        members = torch.nonzero(labels == label).flatten()
        if len(members) < 2:
            raise DataError(f"class {label} has 1 sample, and a split needs 2: add samples of it or give a test split.")
        size = min(max(1, round(share * len(members))), len(members) - 1)
        held_out[members[torch.from_numpy(rng.permutation(len(members))[:size])]] = True
    return torch.nonzero(~held_out).flatten(), torch.nonzero(held_out).flatten()


def make_dataset(
    name: str,
    train: Samples,
    train_labels: Any,
    test: Samples | None = None,
    test_labels: Any = None,
    classes: Sequence[str] | None = None,
) -> DataSet:
    """A checked `DataSet` from any sources.

    Args:
        name: for records and messages.
        train: the inputs from which pools are made.
        train_labels: [N] integers 0 … C−1, as an array, a tensor or a list.
        test: inputs for the reported accuracy. Without them, a stratified 20 % of ``train`` is set apart, always
            the same for the same labels (``Stream(0).child("split", "test")``).
        test_labels: [M] integers, given exactly when ``test`` is.
        classes: the C class names; by default "0" … "C−1" with C one above the largest label.

    Raises:
        DataError: lengths, shapes or labels do not fit, there is one class only, or a class has no training sample.
    """
    if (test is None) != (test_labels is None):
        raise DataError(f"the test split of {name} lacks its {'inputs' if test is None else 'labels'}: give both.")
    labels = as_labels(train_labels, f"the training labels of {name}")
    names = tuple(classes) if classes is not None else _class_names(name, labels)
    if len(set(names)) != len(names):
        raise DataError(f"{name} names a class twice: give each of its {len(names)} classes a name of its own.")
    check_labels(labels, len(train), len(names), f"the training split of {name}")
    check_every_class(labels, names, f"the training split of {name}")
    if test is None:
        kept, apart = stratified_split(labels, TEST_SHARE, Stream(0).child("split", "test"))
        return DataSet(name, Subset(train, kept), labels[kept], Subset(train, apart), labels[apart], names)
    held_out = as_labels(test_labels, f"the test labels of {name}")
    check_labels(held_out, len(test), len(names), f"the test split of {name}")
    if test.shape != train.shape:
        raise DataError(
            f"the training inputs of {name} have the shape {train.shape} and the test inputs {test.shape}: "
            f"give both the same shape."
        )
    return DataSet(name, train, labels, test, held_out, names)


def _class_names(name: str, labels: Tensor) -> tuple[str, ...]:
    highest = int(labels.max()) if len(labels) else -1
    if highest >= MOST_CLASSES:
        raise DataError(f"{name} has the label {highest}: number the classes from 0 without gaps.")
    return tuple(str(label) for label in range(highest + 1))
