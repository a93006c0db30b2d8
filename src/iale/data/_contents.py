"""The fingerprint of a whole data set, by which a record knows again what it was made from.

Unlike `_fingerprint`, which finds the outputs of a query again and may trust a file's time, this one reads everything:
a file can be overwritten and keep its size and its time. Images are read as they are stored, because decoders differ
between versions; everything else as the classifier reads it, in blocks, so that a memory map never lies in memory.

The cost is one pass over the data, about a second for each gigabyte of arrays or of image files in the system's cache,
and as long as the disk takes otherwise. That is less than one prediction for all samples, which decodes them too, and
every run makes several. It is paid once for each data set of a command, and once in each worker that loads it.
"""

from __future__ import annotations

import contextlib
import hashlib
import math
import weakref
from collections.abc import Iterator
from typing import Protocol, TypeAlias, runtime_checkable

import torch
from torch import Tensor

from iale.data._made_from import DataFingerprint
from iale.data.samples import DataSet, Samples
from iale.data.splits import Subset
from iale.errors import DataError

_Stamps: TypeAlias = list[tuple[str, tuple[int, int]]]

_VALUES = 1 << 22  # of a block, 16 MiB as floats
_before: weakref.WeakKeyDictionary[DataSet, _Stamps] = weakref.WeakKeyDictionary()  # of files, at the fingerprint


@runtime_checkable
class _Encoded(Protocol):
    """Images that are decoded when they are asked for."""

    def encoded(self, row: int) -> bytes:
        """The bytes of one image as they are stored."""
        ...


@runtime_checkable
class _Resized(Protocol):
    """Images that may be resized when they are decoded."""

    stored_shape: tuple[int, ...]


@runtime_checkable
class _OnDisk(Protocol):
    """Samples that are read from files whenever they are asked for."""

    def stamps(self) -> _Stamps:
        """Each file, its size, and the time of its last change."""
        ...


def has_changed(data: DataSet) -> bool:
    """Whether a file from which a data set is read has changed since its fingerprint was made by this process.

    Raises DataError if a file is gone.
    """
    return data in _before and _before[data] != _stamps(data)


def _stamps(data: DataSet) -> _Stamps:
    """The states of the files from which a data set is read again and again; empty if it is in memory."""
    found: _Stamps = []
    for samples in (data.train, data.test):
        while isinstance(samples, Subset):
            samples = samples.samples
        found += samples.stamps() if isinstance(samples, _OnDisk) else []
    return found


def fingerprint_of(data: DataSet) -> DataFingerprint:
    """The fingerprint of a data set: equal for equal samples and labels, wherever they are.

    Raises DataError if a sample cannot be read.
    """
    with contextlib.suppress(DataError):  # what is gone is said below
        if stamps := _stamps(data):
            _before[data] = stamps
    inputs, labels = hashlib.sha256(), hashlib.sha256(f"{data.num_classes};".encode())
    for samples, answers in ((data.train, data.train_labels), (data.test, data.test_labels)):
        inputs.update(f"{len(samples)} {samples.dtype} {_stored_shape(samples)};".encode())
        for block in _blocks(samples, torch.arange(len(samples))):
            inputs.update(block)
        labels.update(f"{len(answers)};".encode())
        labels.update(answers.to("cpu", torch.int64).contiguous().numpy().tobytes())
    return DataFingerprint(inputs.hexdigest(), labels.hexdigest())


def _stored_shape(samples: Samples) -> tuple[int, ...]:
    """That of one sample before it is resized: a data set in another size is the same data set."""
    while isinstance(samples, Subset):
        samples = samples.samples
    return samples.stored_shape if isinstance(samples, _Resized) else tuple(samples.shape)


def _blocks(samples: Samples, rows: Tensor) -> Iterator[bytes]:
    """The inputs at ``rows`` (int64 [B]) as bytes, a bounded number at a time."""
    if isinstance(samples, Subset):
        yield from _blocks(samples.samples, samples.indices[rows])
    elif isinstance(samples, _Encoded):
        for row in rows.tolist():
            image = samples.encoded(row)
            yield f"{len(image)};".encode()
            yield image
    else:
        for some in torch.split(rows, max(1, _VALUES // math.prod(samples.shape))):
            yield samples.batch(some).contiguous().numpy().tobytes()
