"""The names of the samples of a data set, by which embeddings belong to them."""

from __future__ import annotations

from iale.data.images import FolderSamples
from iale.data.samples import DataSet, Samples
from iale.data.splits import Subset


def split_names(data: DataSet) -> tuple[list[str], list[str]]:
    """The names of the training and of the test samples; no two are equal.

    They are the paths of images or the numbers of rows, with train/ or test/ in front if the splits come from two
    places.
    """
    train, test = _names(data.train), _names(data.test)
    if _one_source(data):
        return train, test
    return [f"train/{name}" for name in train], [f"test/{name}" for name in test]


def all_names(data: DataSet) -> list[str]:
    """The names of all samples, in the order in which embeddings without ids must be.

    That of the folder or of the file; a file with two splits has its training samples first.
    """
    train, test = split_names(data)
    if _one_source(data) and isinstance(data.train, Subset):
        return _names(data.train.samples)
    return sorted(train + test) if isinstance(data.train, FolderSamples) else train + test


def _one_source(data: DataSet) -> bool:
    train, test = data.train, data.test
    return isinstance(train, Subset) and isinstance(test, Subset) and train.samples is test.samples


def _names(samples: Samples) -> list[str]:
    if isinstance(samples, FolderSamples):
        return samples.names
    if isinstance(samples, Subset):
        names = _names(samples.samples)
        return [names[row] for row in samples.indices.tolist()]
    return [str(row) for row in range(len(samples))]
