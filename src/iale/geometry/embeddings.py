"""Embeddings that a user has made: one row of numbers for each sample, in a file or in Python.

Legend of dimensions: N samples, D width.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from iale._many import many
from iale.data._checks import rows_of
from iale.data._fingerprint import digest
from iale.data._inputs import as_samples
from iale.data._layout import Array, to_float32
from iale.errors import DataError
from iale.geometry._embedding_files import read_file
from iale.geometry._mapped import check_finite, in_memory, is_direct, points_of
from iale.geometry._store import LARGE, build
from iale.geometry._views import Flat
from iale.geometry.points import Points

_ROWS = 4096
_NOT_FINITE = "has NaN, infinity or numbers too large for float32: make it again, or make all numbers smaller"


def read_embeddings(path: str | Path, names: Sequence[str]) -> Points:
    """The embeddings of named samples, in the order of the names.

    Args:
        path: an .npy file [N, D] with a row for each name, in their order; or an .npz or .parquet file with ``ids`` and
            ``embeddings`` (in Parquet, also a column ``id`` or ``sample``, and ``embedding``), in any order. An .npz
            file without ids is read like an .npy file. Numbers are float16, float32 or float64, or integers.
            Files of float16 and float32 stay on disk, unless they are compressed.
        names: N names of samples, each once, as `iale data DATA --names` prints them.

    Raises:
        DataError: the file cannot be read, a sample has no row or two, a row belongs to no sample, or a row has a
            number that is not finite in float32, or too large to be squared. The message names the first.
    """
    path = Path(path)
    ids, array = read_file(path)
    if array.ndim != 2 or not array.shape[1] or array.dtype.kind not in "iuf":
        raise DataError(
            f"{path} holds {array.dtype} of shape {array.shape}: numbers were expected, a row of them for each sample."
        )
    if ids is None and len(array) != len(names):
        raise DataError(
            f"{path} has {many(len(array), 'row')} for {many(len(names))}: give a row for each name that "
            f"`iale data DATA --names` prints, in that order."
        )
    points = _points(array)
    if ids is not None:
        if len(ids) != len(array):
            raise DataError(f"{path} has {len(ids)} ids and {len(array)} embeddings: give one id for each.")
        points = points.at(_order(path, ids, names))
    check_finite(points, lambda at: f"{path}: the embedding of {names[at]!r} {_NOT_FINITE}.")
    return points


def as_geometry(data: object, count: int) -> Points:
    """``data`` as the points of ``count`` samples, in their order.

    Args:
        data: `Points`; an array, tensor, list of lists or data frame of numbers [N, D]; a column of a data set of
            Hugging Face; or the path of a file as for `read_embeddings`, in which an id is the number of a sample.
        count: N, the number of samples.

    Raises:
        DataError: it is something else, has another length, or a value that is not finite.
    """
    if isinstance(data, str | Path):
        return read_embeddings(data, [str(number) for number in range(count)])
    if isinstance(data, Points):
        return _counted(data, count)
    if isinstance(data, np.ndarray) and data.ndim == 2 and data.dtype.kind in "iuf":
        points = _counted(_points(data), count)
    else:
        samples = as_samples(data)
        if len(samples.shape) != 1:
            raise DataError(
                f"a geometry has a row of numbers for each sample, and these have the shape {samples.shape}: give an "
                f"array [N, D]."
            )
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


def _points(array: Array) -> Points:
    """Points of an array of numbers [N, D]; what has to be converted goes to disk if it is large."""
    if is_direct(array):
        return points_of(array)
    if 4 * array.size <= LARGE:
        return in_memory(to_float32(array))
    return build(_Numbers(array), Flat("embeddings"))


class _Numbers:
    """An array of numbers as samples whose values nobody has checked."""

    dtype = torch.float32

    def __init__(self, array: Array) -> None:
        self._array, self.shape = array, array.shape[1:]

    def __len__(self) -> int:
        return len(self._array)

    def fingerprint(self) -> str:
        return ""  # it is never kept

    def batch(self, indices: Tensor) -> Tensor:
        return torch.from_numpy(to_float32(self._array[indices.numpy()]))


def _counted(points: Points, count: int) -> Points:
    if len(points) != count:
        raise DataError(f"the geometry has {many(len(points), 'row')} for {many(count)}: give a row for each.")
    return points


def _order(path: Path, ids: Sequence[str], names: Sequence[str]) -> Tensor:
    """int64 [N]: the row of each name."""
    place = {one: row for row, one in enumerate(ids)}
    if len(place) != len(ids):
        twice = [one for one, count in Counter(ids).items() if count > 1]
        raise DataError(f"{path} has {_named(twice)} more than once: keep one embedding for each sample.")
    if missing := [name for name in names if name not in place]:
        raise DataError(
            f"{path} has no embedding of {_named(missing)}: add it, or remove what has none from the samples; an id is "
            f"a name that `iale data DATA --names` prints."
        )
    if len(place) > len(names):
        known = set(names)
        unknown = [one for one in ids if one not in known]
        raise DataError(
            f"{path} has an embedding of {_named(unknown)}, which is no sample: remove it, or add the sample."
        )
    return torch.tensor([place[name] for name in names], dtype=torch.int64)


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - 1:,} more" if len(names) > 1 else ""
    return f"{names[0]!r}{more}"
