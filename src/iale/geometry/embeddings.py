"""Embeddings that a user has made: one row of numbers for each sample, in a file or in Python.

Legend of dimensions: N samples, D width.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence, Sized
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from iale._given import path_of, whole
from iale._many import many
from iale.data._checks import rows_of
from iale.data._fingerprint import digest
from iale.data._inputs import as_samples
from iale.data._layout import Array, as_array, to_float32
from iale.data._lists import ListSamples, are_lists
from iale.data._names import composed, numbered
from iale.data._row_files import row_reader
from iale.data.samples import Samples
from iale.errors import DataError
from iale.geometry._embedding_files import NAME, read_file
from iale.geometry._embedding_parts import last_part, stem
from iale.geometry._mapped import LARGE, check_finite, in_memory, is_direct, points_of
from iale.geometry._store import build
from iale.geometry._views import Flat
from iale.geometry.points import Points

_ROWS = 4096
_Rows = TypeVar("_Rows", bound=Sized)
_NOT_FINITE = "has NaN, infinity or numbers too large for float32: make it again, or make all numbers smaller"


def read_embeddings(path: str | Path, names: Sequence[str], name: str = NAME) -> Points:
    """The embeddings of named samples, in the order of the names.

    Args:
        path: an .npy file [N, D] with a row for each name, in their order; or an .npz or .parquet file with ``ids`` and
            ``embeddings`` (in Parquet, also a column ``id`` or ``sample``, and ``embedding``), in any order; or a
            folder with such columns that ``save_to_disk`` of Hugging Face wrote. Without ids, rows are read like those
            of an .npy file. Numbers are float16, float32 or float64, or integers.
            Files of float16 and float32 stay on disk, unless they are compressed.
        names: N names of samples, each once, as `iale data DATA --names` prints them.
        name: what a name is, for messages.

    Raises:
        DataError: the file cannot be read, a sample has no row or two, a row belongs to no sample, or a row has a
            number that is not finite in float32, or too large to be squared. The message names the first. Also if a
            file without ids holds the names of the samples under another name, and in another order.
    """
    path = path_of(path, "the path of embeddings")
    found = read_file(path, names)
    ids, array = found.ids, found.embeddings
    if array.ndim != 2 or not array.shape[1] or array.dtype.kind not in "iuf":
        raise DataError(
            f"{path} holds {array.dtype} of shape {array.shape}: numbers were expected, a row of them for each sample."
        )
    if ids is None and len(array) != len(names):
        raise DataError(
            f"{path} has {many(len(array), 'row')} for {many(len(names))}: give a row for each {name}, in that order."
        )
    for called, others in found.others.items():
        _check_order(path, called, others, names)
    points = _points(array)
    if ids is not None:
        if len(ids) != len(array):
            raise DataError(f"{path} has {len(ids)} ids and {len(array)} embeddings: give one id for each.")
        told, known = composed(ids, names)
        points = points.at(_order(path, told, known, name))
    check_finite(points, lambda at: f"{path}: the embedding of {names[at]!r} {_NOT_FINITE}.")
    return points


def as_geometry(data: object, count: int, names: Sequence[str] = ()) -> Points:
    """``data`` as the points of ``count`` samples, in their order.

    Args:
        data: `Points`; an array, tensor, list of lists or data frame of numbers [N, D]; a column of a data set of
            Hugging Face; or the path of a file as for `read_embeddings`, in which an id is a name or, without names,
            the number of a sample.
        count: N, the number of samples.
        names: N names of samples, each once, or none.

    Raises:
        DataError: it is something else, has another length, or a value that is not finite.
    """
    count = whole(count, "the number of samples", 0)
    if isinstance(data, str | Path):
        if names:
            return read_embeddings(data, names)
        return read_embeddings(data, numbered(count), "number of a sample, from 0")
    if isinstance(data, Points):
        return _counted(data, count)
    if isinstance(data, np.ndarray) and data.ndim == 2 and data.size and data.dtype.kind in "iuf":
        points = _counted(_points(as_array(data)), count)
    elif are_lists(data):
        points = build(ListSamples(_counted(data, count)), Flat("geometry"))
    else:
        _check_rows(data)
        samples = as_samples(data)
        if len(samples.shape) != 1:
            raise _no_rows(f"these have the shape {(len(samples), *samples.shape)}")
        points = _counted(build(samples, Flat("geometry")), count)
    check_finite(points, lambda at: f"row {at} of the geometry {_NOT_FINITE}.")
    return points


class PointSamples:
    """Points as the inputs of a classifier: rows of length 1, as cosine similarity compares them.

    A row of zeros stays one.

    Args:
        points: n of them, of width D.

    Attributes:
        shape: ``(D,)``.
        dtype: ``torch.float32``.
        points: the points themselves.
    """

    dtype = torch.float32

    def __init__(self, points: Points) -> None:
        if not isinstance(points, Points):
            raise DataError(f"expected Points, as as_geometry(data, count) makes them, not {points!r:.40}.")
        self.points = points
        self.shape: tuple[int, ...] = (points.dim,)

    def __len__(self) -> int:
        return len(self.points)

    def batch(self, indices: Tensor) -> Tensor:
        """The points at ``indices`` (int64 [B]): float32 [B, D]."""
        rows = rows_of(indices, len(self))
        return torch.nn.functional.normalize(self.points.at(torch.from_numpy(rows)).read(), dim=1)

    def fingerprint(self) -> str:
        """A digest of all rows."""
        starts = range(0, len(self), _ROWS)
        return digest(self.shape, len(self), *(digest(self.points.read(at, at + _ROWS).numpy()) for at in starts))


def _check_rows(data: object) -> None:
    """Raises DataError for what is plainly no rows of numbers, which `as_samples` would call no samples."""
    if isinstance(data, Samples):
        return
    shape, kind = getattr(data, "shape", None), getattr(getattr(data, "dtype", None), "kind", "")
    if isinstance(shape, tuple) and (len(shape) != 2 or 0 in shape) and kind != "O":  # a series may hold lists
        raise _no_rows(f"these have the shape {tuple(shape)}")
    if not hasattr(data, "__len__"):
        raise _no_rows(f"{type(data).__name__} has none")


def _no_rows(given: str) -> DataError:
    return DataError(f"a geometry has a row of numbers for each sample, and {given}: give an array [N, D].")


def _points(array: Array) -> Points:
    """Points of an array of numbers [N, D]; what has to be converted goes to disk if it is large."""
    if is_direct(array):
        return points_of(array)
    if 4 * array.size <= LARGE:
        return in_memory(to_float32(row_reader(array)(np.arange(len(array)))))
    return build(_Numbers(array), Flat("embeddings"))


class _Numbers:
    """An array of numbers as samples whose values nobody has checked."""

    dtype = torch.float32

    def __init__(self, array: Array) -> None:
        self._count, self._rows, self.shape = len(array), row_reader(array), array.shape[1:]

    def __len__(self) -> int:
        return self._count

    def fingerprint(self) -> str:
        return ""  # it is never kept

    def batch(self, indices: Tensor) -> Tensor:
        return torch.from_numpy(to_float32(self._rows(indices.numpy())))


def _counted(rows: _Rows, count: int) -> _Rows:
    if len(rows) != count:
        raise DataError(f"the geometry has {many(len(rows), 'row')} for {many(count)}: give a row for each.")
    return rows


def _check_order(path: Path, called: str, others: Sequence[str], names: Sequence[str]) -> None:
    """Raises DataError if what stands beside embeddings without ids names samples in another order.

    Folders may be missing in it, and endings, which may have been written in capitals. Numbers count from 0 or 1.
    """
    for short in (last_part, stem):
        told, known = list(map(short, others)), list(map(short, names))
        if told != known and set(told) == set(known) and len(set(others)) == len(others):
            raise DataError(
                f"{path} has no ids, and {called!r} in it names the samples in another order than theirs: call it ids, "
                f"or leave it out if the rows are in the order of the samples."
            )

    count = len(others)
    firsts = ([str(row + first) for row in range(count)] for first in (0, 1))
    if count > 2 and any(set(others) == set(numbers) and others != numbers for numbers in firsts):
        raise DataError(
            f"{path} has no ids, and {called!r} in it numbers the samples in another order than theirs: call it ids, "
            f"with the names of the samples, or leave it out if the rows are in the order of the samples."
        )


def _order(path: Path, ids: Sequence[str], names: Sequence[str], name: str) -> Tensor:
    """int64 [N]: the row of each name."""
    place = {one: row for row, one in enumerate(ids)}
    if len(place) != len(ids):
        twice = [one for one, count in Counter(ids).items() if count > 1]
        raise DataError(f"{path} has {_named(twice)} more than once: keep one embedding for each sample.")
    if missing := [one for one in names if one not in place]:
        raise DataError(
            f"{path} has no embedding of {_named(missing)}: add it, or remove what has none from the samples; an id is "
            f"a {name}."
        )
    if len(place) > len(names):
        known = set(names)
        unknown = [one for one in ids if one not in known]
        raise DataError(
            f"{path} has an embedding of {_named(unknown)}, which is no sample: remove it, or add the sample."
        )
    return torch.tensor([place[one] for one in names], dtype=torch.int64)


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - 1:,} more" if len(names) > 1 else ""
    return f"{names[0]!r}{more}"
