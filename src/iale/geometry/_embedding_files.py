"""Files of embeddings: .npy, .npz and Parquet. What can stay on disk is not read; nothing is unpickled."""

from __future__ import annotations

import struct
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from iale._closest import meant
from iale._packages import to_install
from iale.data._formats import map_npy, read_npz, unreadable
from iale.data._layout import Array, to_float32
from iale.errors import ConfigError, DataError
from iale.geometry._mapped import release, room

if TYPE_CHECKING:
    from collections.abc import Sequence

NAME = "name that `iale data DATA --names` prints"
"""What an id is, unless somebody knows better."""
_EMBEDDINGS = ("embeddings", "embedding")
_IDS = ("ids", "id", "sample")
_HEADER = 30  # bytes of a zip file in front of the name of a member
_ROWS = 1024  # of a Parquet file that are read at a time
_BUFFER = 1 << 20  # bytes of one that are read at a time; otherwise it would be read whole


@dataclass(frozen=True, eq=False)
class Found:
    """What a file of embeddings holds.

    Attributes:
        embeddings: as they are; they may be a memory map.
        ids: of the rows, if there are any.
        others: where there are none, what else is a name or a number for each row, by what it is called.
    """

    embeddings: Array
    ids: list[str] | None = None
    others: dict[str, list[str]] = field(default_factory=dict)


def read_file(path: Path, names: Sequence[str] = ()) -> Found:
    """Reads a file of embeddings; ``names`` tell which sample lacks a row if the file has no ids.

    Raises DataError if there is no such file, or it is no file of embeddings or damaged.
    """
    kind = path.suffix.lower()
    if kind == ".npy":
        return Found(map_npy(path))
    if kind == ".npz":
        return _read_npz(path)
    if kind in (".parquet", ".pq"):
        return _read_parquet(path, names)
    if (path / "dataset_info.json").is_file():  # what `save_to_disk` writes
        raise DataError(
            f"{path} is a data set of Hugging Face: save its columns ids and embeddings as a file with "
            f"data.to_parquet('embeddings.parquet'), and name that."
        )
    raise DataError(f"{path} holds no embeddings: an .npy, .npz or .parquet file was expected.")


def _read_npz(path: Path) -> Found:
    mapped = _map_npz(path)
    arrays = read_npz(path) if mapped is None else mapped
    embeddings = _one_of(path, _EMBEDDINGS, list(arrays)) if len(arrays) > 1 else next(iter(arrays), None)
    if embeddings is None:
        raise DataError(f"{path} holds no array: one called embeddings was expected.")
    rows = arrays.pop(embeddings)
    ids = next((name for name in _IDS if name in arrays), None)
    if ids is not None:
        return Found(rows, _texts(path, arrays[ids]))
    shapes = rows.shape[:1], (*rows.shape[:1], 1)
    others = {name: one for name, one in arrays.items() if one.shape in shapes and one.dtype.kind in "iuUS"}
    return Found(rows, others={name: _texts(path, one.reshape(-1)) for name, one in others.items()})


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


def _read_parquet(path: Path, names: Sequence[str]) -> Found:
    try:
        import pyarrow.parquet as parquet
    except ImportError as error:
        raise ConfigError(f"{path} needs pyarrow: {to_install('pyarrow')}, or save an .npz file.") from error
    if not path.is_file():
        raise DataError(f"there is no file {path}: {meant(path)}check the path.")
    try:
        with parquet.ParquetFile(path, buffer_size=_BUFFER, pre_buffer=False) as file:
            columns = file.schema_arrow.names
            embeddings = _one_of(path, _EMBEDDINGS, columns)
            ids = [name for name in _IDS if name in columns][:1]
            named = ids or [one.name for one in file.schema_arrow if _may_name(one.type)]
            told: dict[str, list[str]] = {name: [] for name in named}
            out: Array | None = None
            at = 0
            for batch in file.iter_batches(_ROWS, columns=[*named, embeddings]):
                for name in named:
                    told[name] += map(str, batch.column(name).to_pylist())
                called = told[ids[0]] if ids else names if len(names) == file.metadata.num_rows else ()
                part = _matrix(path, batch.column(embeddings), called[at:])
                out = room((file.metadata.num_rows, part.shape[1]), part.dtype) if out is None else out
                if part.shape[1] != out.shape[1]:
                    raise DataError(f"the embeddings of {path} differ in length: make all of one length.")
                out[at : at + len(part)] = part
                release(out)
                at += len(part)
    except DataError:
        raise
    except Exception as error:  # a damaged file can fail in any of its parsers
        damaged = DataError(f"{path} is truncated or altered: a Parquet file was expected; get it again.")
        raise (unreadable(path, error) or damaged) from error
    if out is None:
        raise DataError(f"{path} holds no rows: one for each sample was expected.")
    return Found(out, told[ids[0]]) if ids else Found(out, others=told)


def _may_name(kind: Any) -> bool:
    from pyarrow import types

    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_integer(kind))


def _matrix(path: Path, column: Any, called: Sequence[str]) -> Array:
    """The lists of a column, of the samples ``called``, as rows of float16 if they are, or else of float32."""
    if not hasattr(column, "value_lengths"):
        raise DataError(f"the embeddings of {path} are {column.type}: a list of numbers was expected in each row.")
    if column.null_count:
        at = int(np.flatnonzero(np.asarray(column.is_null()))[0])
        sample = f"sample {called[at]!r}" if called else "a sample"
        raise DataError(f"{path}: the embedding of {sample} is missing: make it, or leave the sample out.")
    values, lengths = np.asarray(column.flatten()), np.asarray(column.value_lengths())
    if len(set(lengths.tolist())) != 1:
        raise DataError(f"the embeddings of {path} differ in length: make all of one length.")
    if values.dtype.kind not in "iuf":
        raise DataError(f"the embeddings of {path} are lists of {values.dtype}: numbers were expected.")
    rows = values.reshape(len(lengths), -1)
    return rows if rows.dtype == np.float16 else to_float32(rows)


def _one_of(path: Path, wanted: Sequence[str], found: Sequence[str]) -> str:
    for name in wanted:
        if name in found:
            return name
    raise DataError(f"{path} holds {', '.join(found[:5])}, but nothing called {wanted[0]}: name the embeddings so.")


def _texts(path: Path, ids: Array) -> list[str]:
    if ids.ndim != 1 or ids.dtype.kind not in "iuUS":
        raise DataError(f"the ids of {path} are {ids.dtype} of shape {ids.shape}: names or numbers were expected.")
    return [one.decode("utf-8", "surrogateescape") if isinstance(one, bytes) else str(one) for one in ids.tolist()]
