"""Checks that all data sources share, of indices and labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias, get_args

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from iale.data._layout import as_array
from iale.data.samples import SampleKind
from iale.errors import ConfigError, DataError

IntegersLike: TypeAlias = ArrayLike | Tensor
"""A list, array, tensor or series of integers."""

MOST_CLASSES = 10_000
"""Class numbers above this are taken for something else, such as identifiers."""


def check_kind(kind: object) -> None:
    """Raises ConfigError for what is no kind of samples."""
    if kind not in get_args(SampleKind):
        raise ConfigError(f"unknown kind of samples {kind!r:.40}: use image, text or row.")


def rows_of(indices: IntegersLike, length: int) -> NDArray[np.int64]:
    """int64 [B]: ``indices`` for NumPy; raises DataError if one is not in 0 … length−1."""
    if not isinstance(indices, Tensor):
        indices = integers(indices, "indices")
    if indices.is_floating_point() or indices.dtype == torch.bool:
        raise DataError(f"samples are chosen by integer indices, not by {indices.dtype}: pass an int64 tensor.")
    if indices.ndim != 1:
        shape = tuple(indices.shape)
        raise DataError(f"indices stand one after another, not as a tensor of shape {shape}: pass an int64 tensor [B].")
    rows = indices.detach().cpu().numpy().astype(np.int64, copy=False)
    if rows.size and not 0 <= rows.min() <= rows.max() < length:
        bad = rows[(rows < 0) | (rows >= length)][0]
        raise DataError(f"sample {bad} does not exist: these {length} samples have the indices 0 to {length - 1}.")
    return rows


def join(parts: Sequence[Tensor]) -> Tensor:
    """Inputs of several reads, one after another; raises DataError if they are unlike.

    ``torch.cat`` would turn bytes 0 … 255 into floats 0 … 255 if one part holds floats, even an empty one. Those would
    be other numbers than the classifier meets later, when it is given the bytes and scales them to 0 … 1.
    """
    kinds = {(part.dtype, part.shape[1:]) for part in parts}
    if len(kinds) != 1:
        told = " and ".join(sorted(f"{dtype} of shape {tuple(shape)}" for dtype, shape in kinds))
        raise DataError(f"inputs of {told or 'no kind'} cannot be joined: make all samples alike.")
    return torch.cat(list(parts))


def as_labels(values: ArrayLike | Tensor, what: str = "labels") -> Tensor:
    """int64 [N]: labels from an array, a tensor or a list; raises DataError if one is not an integer ≥ 0."""
    try:
        array = as_array(values) if isinstance(values, Tensor | np.ndarray) else np.asarray(values)
    except DataError:
        raise
    except ValueError as error:  # lists of several lengths
        raise DataError(
            f"{what} name several classes for one sample, which is not supported: give one integer each."
        ) from error
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise DataError(
            f"{what} have the shape {array.shape} and the type {array.dtype}: give one integer class number for each "
            f"sample{_how(array)}."
        )
    if array.size and int(array.min()) < 0:
        raise DataError(f"{what} contain {int(array.min())}: class numbers start at 0.")
    return torch.from_numpy(array.astype(np.int64))


def _how(array: np.ndarray) -> str:
    """What helps, if it is clear."""
    if array.ndim == 2:
        return ", since several labels for one are not supported"
    if array.dtype.kind in "US":
        return ": classes, labels = np.unique(labels, return_inverse=True) turns names into numbers"
    return ""


def check_labels(labels: Tensor, samples: int, num_classes: int, what: str) -> None:
    """Raises DataError unless there is one label for each sample, and all are in 0 … C−1."""
    if len(labels) != samples:
        raise DataError(f"{what} has {samples} samples and {len(labels)} labels: give one label for each sample.")
    if num_classes < 2:
        raise DataError(f"{what} has {num_classes} class: at least 2 classes are needed to train a classifier.")
    if len(labels) and not 0 <= int(labels.min()) <= int(labels.max()) < num_classes:
        bad = int(labels.max()) if int(labels.max()) >= num_classes else int(labels.min())
        raise DataError(f"{what} has the label {bad}: labels of {num_classes} classes are 0 to {num_classes - 1}.")


def check_every_class(labels: Tensor, classes: Sequence[str], what: str) -> None:
    """Raises DataError if a class has no sample, as class 0 if labels start at 1."""
    missing = np.flatnonzero(np.bincount(labels.numpy(), minlength=len(classes)) == 0)
    if len(missing):
        number = int(missing[0])
        raise DataError(
            f"{what} has no sample of class {number} ({classes[number]!r}): "
            f"number the classes from 0 without gaps, or add samples of it."
        )


def check_same_order(index: Sequence[object], data: object, told: str) -> None:
    """Raises DataError, in the words ``told``, if a series or data frame of pandas has this index in another order."""
    theirs = index_of(data)
    if len(index) == len(theirs) and list(index) != theirs and set(index) == set(theirs):
        raise DataError(told)


def index_of(data: object) -> list[object]:
    """The index of a series or data frame of pandas; empty for anything else."""
    return list(data.index) if hasattr(data, "index") and hasattr(data, "iloc") else []


def told_labels(indices: IntegersLike, labels: IntegersLike) -> tuple[Tensor, Tensor]:
    """int64 [k] each; raises DataError if they are no integers, or the labels are a series in another order."""
    numbers = integers(indices, "indices")
    check_same_order(
        numbers.tolist(),
        labels,
        "the index of the labels names the samples in another order: pass labels.loc[indices], or labels.to_numpy() if "
        "they are in the order of the indices.",
    )
    return numbers, integers(labels, "labels")


def integers(values: IntegersLike, what: str) -> Tensor:
    """int64 [n]: a list, array, tensor or series of integers; raises DataError for anything else."""
    try:
        # NumPy reads a series by position, which indexing it would not.
        array = as_array(values) if isinstance(values, Tensor | np.ndarray) else np.asarray(values)
    except DataError:
        raise
    except (TypeError, ValueError, RuntimeError) as error:
        raise DataError(
            f"{what} must be a list of integers, which {_shown(values)} is not; several for one sample are not "
            f"supported."
        ) from error
    if array.ndim == 1 and not array.size:
        return torch.empty(0, dtype=torch.int64)  # an empty list becomes a float array
    if array.dtype.kind not in "biufc":
        hint = {
            "labels": ": pass numbers, [classes.index(name) for name in labels]",
            "indices": ": samples are counted from 0, as by frame.index.get_indexer(names)",
        }.get(what, "")
        raise DataError(f"{what} must be a list of integers, which {_shown(values)} is not{hint}.")
    if array.ndim == 2:
        raise DataError(
            f"{what} must be a list of integers, not an array of shape {array.shape}: give one for each sample, since "
            f"several labels for one are not supported."
        )
    # A Boolean mask would convert to zeros and ones, which are indices that nobody meant.
    if array.ndim != 1 or array.dtype.kind not in "iu":
        hint = {
            "f": ": leave out what is missing, and convert the others with astype(int)",
            "b": ": np.flatnonzero(mask) gives the places that are true" if what == "indices" else "",
        }.get(array.dtype.kind, "")
        raise DataError(f"{what} must be a list of integers, not {array.dtype} of shape {array.shape}{hint}.")
    return torch.from_numpy(array.astype(np.int64))


def _shown(values: object) -> str:
    return " ".join(f"{values!r:.60}".split())
