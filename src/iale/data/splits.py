"""A subset, a stratified test split, and a checked data set from its parts."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from numpy.typing import ArrayLike
from torch import Tensor

from iale._given import names_of
from iale.data._checks import MOST_CLASSES, as_labels, check_every_class, check_labels, rows_of
from iale.data._fingerprint import digest, fingerprint
from iale.data._inputs import as_samples
from iale.data.samples import DataSet, Samples
from iale.errors import DataError, UnreadableError
from iale.seeding import Stream

_TEST_SHARE = 0.2
"""Share of each class in the test split of a data set that has none."""


class Subset:
    """Some samples of another source, without copying them.

    Args:
        samples: the source.
        indices: int64 [M], positions in ``samples``, in the order of this subset; DataError if one is out of range.
    """

    def __init__(self, samples: Samples, indices: Tensor) -> None:
        self.samples = as_samples(samples)
        self.indices = torch.from_numpy(rows_of(indices, len(samples)).copy())

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one input."""
        return self.samples.shape

    @property
    def dtype(self) -> torch.dtype:
        """The type of every batch."""
        return self.samples.dtype

    def __len__(self) -> int:
        return len(self.indices)

    def batch(self, indices: Tensor) -> Tensor:
        """The inputs at ``indices`` (int64 [B]) of this subset: [B, *shape].

        Raises UnreadableError with the indices of this subset.
        """
        rows = torch.from_numpy(rows_of(indices, len(self)))
        try:
            return self.samples.batch(self.indices[rows])
        except UnreadableError as error:
            places = zip(self.indices[rows].tolist(), rows.tolist(), strict=True)
            reasons = {row: error.reasons[at] for at, row in places if at in error.reasons}
            raise UnreadableError(str(error), reasons) from error

    def fingerprint(self) -> str:
        """A digest of the source's digest and the indices."""
        return digest(fingerprint(self.samples), self.indices.numpy())


def _stratified_split(labels: Tensor, share: float, stream: Stream) -> tuple[Tensor, Tensor]:
    """Ascending indices of two parts; ``share`` of each class goes to the second, at least one sample and never all."""
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
    train_labels: ArrayLike | Tensor,
    test: Samples | None = None,
    test_labels: ArrayLike | Tensor | None = None,
    classes: Sequence[str] | None = None,
) -> DataSet:
    """A checked `DataSet` from any sources.

    Args:
        name: for records and messages.
        train: inputs from which pools are made, or what else `ActiveLearner` takes for samples.
        train_labels: [N] integers 0 … C−1.
        test: inputs on which accuracy is reported. Without them, a stratified 20 % of ``train`` is set apart, always
            the same for the same labels (``Stream(0).child("split", "test")``).
        test_labels: [M] integers, given if and only if ``test`` is.
        classes: the C class names; by default "0" … "C−1", where C − 1 is the largest training label.

    Raises:
        DataError: lengths, shapes or labels do not match, there is only one class, or a class has no training sample.
    """
    if (test is None) != (test_labels is None):
        raise DataError(f"the test split of {name} lacks its {'inputs' if test is None else 'labels'}: give both.")
    train, test = as_samples(train), None if test is None else as_samples(test)
    labels = as_labels(train_labels, f"the training labels of {name}")
    names = names_of(classes) if classes is not None else _class_names(name, labels)
    if len(set(names)) != len(names):
        raise DataError(f"{name} names a class twice: give each of its {len(names)} classes a name of its own.")
    check_labels(labels, len(train), len(names), f"the training split of {name}")
    check_every_class(labels, names, f"the training split of {name}")
    if test is None or test_labels is None:
        kept, apart = _stratified_split(labels, _TEST_SHARE, Stream(0).child("split", "test"))
        return DataSet(name, Subset(train, kept), labels[kept], Subset(train, apart), labels[apart], names)
    held_out = as_labels(test_labels, f"the test labels of {name}")
    check_labels(held_out, len(test), len(names), f"the test split of {name}")
    if (test.shape, test.dtype) != (train.shape, train.dtype):
        raise DataError(
            f"the training inputs of {name} are {train.dtype} of shape {train.shape} and the test inputs {test.dtype} "
            f"of shape {test.shape}: give both the same type and shape."
        )
    return DataSet(name, train, labels, test, held_out, names)


def _class_names(name: str, labels: Tensor) -> tuple[str, ...]:
    highest = int(labels.max()) if len(labels) else -1
    if highest >= MOST_CLASSES:
        raise DataError(f"{name} has the label {highest}: number the classes from 0 without gaps.")
    return tuple(str(label) for label in range(highest + 1))
