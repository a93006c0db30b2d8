"""Files of embeddings: .npy, .npz, Parquet, and data sets. What can stay on disk is not read; nothing is unpickled."""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from iale._closest import meant
from iale.data._formats import map_npy, read_npz
from iale.data._layout import Array
from iale.errors import DataError
from iale.geometry._embedding_parts import IDS, Found, embeddings_of
from iale.geometry._embedding_tables import is_saved, read_parquet, read_saved

if TYPE_CHECKING:
    from collections.abc import Sequence

NAME = "name that `iale data DATA --names` prints"
"""What an id is, unless somebody knows better."""
_HEADER = 30  # bytes of a zip file in front of the name of a member


def read_file(path: Path, names: Sequence[str] = ()) -> Found:
    """Reads a file of embeddings, or a folder that `save_to_disk` wrote.

    Where there are no ids, ``names`` tell which sample lacks a row.

    Raises DataError if there is no such file, or it is no file of embeddings or damaged.
    """
    if is_saved(path):  # whatever the folder is called
        return read_saved(path, names)
    kind = path.suffix.lower()
    if kind == ".npy":
        return Found(map_npy(path))
    if kind == ".npz":
        return _read_npz(path)
    if kind in (".parquet", ".pq"):
        return read_parquet(path, names)
    if not path.exists():
        raise DataError(f"there is no file {path}: {meant(path)}check the path.")
    raise DataError(
        f"{path} holds no embeddings: an .npy, .npz or .parquet file was expected, or a data "
        f"set of Hugging Face that save_to_disk wrote."
    )


def _read_npz(path: Path) -> Found:
    mapped = _map_npz(path)
    arrays = read_npz(path) if mapped is None else mapped
    embeddings = embeddings_of(path, list(arrays)) if len(arrays) > 1 else next(iter(arrays), None)
    if embeddings is None:
        raise DataError(f"{path} holds no array: one called embeddings was expected.")
    rows = arrays.pop(embeddings)
    ids = next((name for name in IDS if name in arrays), None)
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


def _texts(path: Path, ids: Array) -> list[str]:
    if ids.ndim != 1 or ids.dtype.kind not in "iuUS":
        raise DataError(f"the ids of {path} are {ids.dtype} of shape {ids.shape}: names or numbers were expected.")
    return [one.decode("utf-8", "surrogateescape") if isinstance(one, bytes) else str(one) for one in ids.tolist()]
