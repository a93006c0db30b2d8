"""Files of embeddings: .npy, .npz and Parquet. What can stay on disk is not read; nothing is unpickled."""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from iale._closest import meant
from iale._packages import to_install
from iale.data._formats import map_npy, read_npz
from iale.data._layout import Array
from iale.errors import ConfigError, DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

_EMBEDDINGS = ("embeddings", "embedding")
_IDS = ("ids", "id", "sample")
_HEADER = 30  # bytes of a zip file in front of the name of a member


def read_file(path: Path) -> tuple[list[str] | None, Array]:
    """The ids, if there are any, and the embeddings as they are, which may be a memory map.

    Raises DataError if there is no such file, or it is no file of embeddings or damaged.
    """
    kind = path.suffix.lower()
    if kind == ".npy":
        return None, map_npy(path)
    if kind == ".npz":
        return _read_npz(path)
    if kind in (".parquet", ".pq"):
        return _read_parquet(path)
    raise DataError(f"{path} holds no embeddings: an .npy, .npz or .parquet file was expected.")


def _read_npz(path: Path) -> tuple[list[str] | None, Array]:
    mapped = _map_npz(path)
    arrays = read_npz(path) if mapped is None else mapped
    embeddings = _one_of(path, _EMBEDDINGS, list(arrays)) if len(arrays) > 1 else next(iter(arrays), None)
    if embeddings is None:
        raise DataError(f"{path} holds no array: one called embeddings was expected.")
    ids = next((name for name in _IDS if name in arrays), None)
    return None if ids is None else _texts(path, arrays[ids]), arrays[embeddings]


def _map_npz(path: Path) -> dict[str, Array] | None:
    """The arrays of an .npz file that is not compressed, as memory maps; None if it is, or anything is unusual."""
    found: dict[str, Array] = {}
    try:
        with open(path, "rb") as file, zipfile.ZipFile(file) as archive:
            for member in archive.infolist():
                if member.compress_type != zipfile.ZIP_STORED or not member.filename.endswith(".npy"):
                    return None
                file.seek(member.header_offset)
                name, extra = struct.unpack("<26x2H", file.read(_HEADER))
                file.seek(name + extra, 1)
                version = np.lib.format.read_magic(file)
                read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
                shape, fortran, dtype = read[version](file)
                if fortran or dtype.hasobject or member.file_size < dtype.itemsize * int(np.prod(shape)):
                    return None
                found[member.filename.removesuffix(".npy")] = np.memmap(path, dtype, "r", file.tell(), shape)
    except (OSError, ValueError, KeyError, struct.error, zipfile.BadZipFile):
        return None
    return found


def _read_parquet(path: Path) -> tuple[list[str] | None, Array]:
    try:
        import pyarrow.parquet as parquet
    except ImportError as error:
        raise ConfigError(f"{path} needs pyarrow: {to_install('pyarrow')}, or save an .npz file.") from error
    if not path.is_file():
        raise DataError(f"there is no file {path}: {meant(path)}check the path.")
    try:
        with parquet.ParquetFile(path) as file:
            columns = file.schema_arrow.names
            embeddings = _one_of(path, _EMBEDDINGS, columns)
            ids = next((name for name in _IDS if name in columns), None)
            parts: list[Array] = []
            told: list[object] = []
            for batch in file.iter_batches(columns=[name for name in (ids, embeddings) if name is not None]):
                parts.append(_matrix(path, batch.column(embeddings)))
                told += [] if ids is None else batch.column(ids).to_pylist()
    except DataError:
        raise
    except Exception as error:  # a damaged file can fail in any of its parsers
        raise DataError(f"{path} is truncated or altered: a Parquet file was expected; get it again.") from error
    if len({part.shape[1] for part in parts}) > 1:
        raise DataError(f"the embeddings of {path} differ in length: make all of one length.")
    return None if ids is None else [str(one) for one in told], np.concatenate(parts)


def _matrix(path: Path, column: Any) -> Array:
    """The lists of a column as rows, float16 or float32 if they are, or else float64."""
    values, lengths = np.asarray(column.flatten()), np.asarray(column.value_lengths().fill_null(0))
    if len(set(lengths.tolist())) != 1:
        raise DataError(f"the embeddings of {path} differ in length, or some are missing: make all of one length.")
    return values.reshape(len(lengths), -1)


def _one_of(path: Path, wanted: Sequence[str], found: Sequence[str]) -> str:
    for name in wanted:
        if name in found:
            return name
    raise DataError(f"{path} holds {', '.join(found[:5])}, but nothing called {wanted[0]}: name the embeddings so.")


def _texts(path: Path, ids: Array) -> list[str]:
    if ids.ndim != 1 or ids.dtype.kind not in "iuUS":
        raise DataError(f"the ids of {path} are {ids.dtype} of shape {ids.shape}: names or numbers were expected.")
    return [one.decode("utf-8", "surrogateescape") if isinstance(one, bytes) else str(one) for one in ids.tolist()]
