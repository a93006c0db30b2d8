"""Readers of files: IDX (MNIST), the binary form of CIFAR-10, and NumPy's .npz and .npy. Nothing is unpickled.

A truncated or altered file raises a DataError that names the file, whichever parser noticed.
"""

from __future__ import annotations

import errno
import gzip
import io
import math
import os
import tarfile
import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from iale._closest import meant
from iale.data._layout import Array
from iale.errors import DataError

CIFAR_ROW = 1 + 3 * 32 * 32
"""Bytes of one image in the binary form of CIFAR-10: its label, then its channels."""

_IDX_DIMENSIONS = {b"\0\0\x08\x01": 1, b"\0\0\x08\x03": 3}


def gunzip(data: bytes, name: str) -> bytes:
    """The content of a .gz file; raises DataError if it is damaged."""
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        raise _damaged(name) from error


def parse_idx(data: bytes, name: str) -> NDArray[np.uint8]:
    """uint8 [N] or [N, H, W]: the array in an uncompressed IDX file.

    The file holds a magic number, a big-endian 32-bit length for each dimension, then the bytes (LeCun et al., MNIST).
    """
    dimensions = _IDX_DIMENSIONS.get(data[:4])
    start = 4 + 4 * (dimensions or 0)
    if dimensions is None or len(data) < start:
        raise _damaged(name)
    shape = tuple(int.from_bytes(data[4 + 4 * i : 8 + 4 * i], "big") for i in range(dimensions))
    if len(data) != start + math.prod(shape):
        raise _damaged(name)
    return np.frombuffer(data, np.uint8, offset=start).reshape(shape)


def parse_cifar(data: bytes, members: list[str], name: str) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """uint8 [N, 3, 32, 32] images and uint8 [N] labels from members of the CIFAR-10 binary archive (.tar.gz)."""
    parts = []
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:gz") as archive:
            for member in members:
                file = archive.extractfile(member)
                parts.append(file.read() if file else b"")
    except (tarfile.TarError, OSError, EOFError, KeyError, zlib.error) as error:
        raise _damaged(name) from error
    if any(len(part) == 0 or len(part) % CIFAR_ROW for part in parts):
        raise _damaged(name)
    rows = np.frombuffer(b"".join(parts), np.uint8).reshape(-1, CIFAR_ROW)
    return rows[:, 1:].reshape(-1, 3, 32, 32), rows[:, 0].copy()


def read_npz(path: Path) -> dict[str, Array]:
    """All arrays of an .npz file. Arrays of Python objects are refused, because they are pickles."""
    _check_file(path)
    try:
        with open(path, "rb") as handle, np.load(handle, allow_pickle=False) as file:
            if len(set(file.files)) != _announced(handle):
                raise ValueError("members are missing or share a name")
            return {key: file[key] for key in file.files}
    except Exception as error:  # a damaged file can fail in the zip, deflate or header parser, with any exception
        raise _refused(path, error, "an .npz file of plain arrays without pickles") from error


def _announced(handle: BinaryIO) -> int:
    """The number of members in the last record of a zip file, which Python's reader does not check."""
    position = handle.tell()
    handle.seek(-22, os.SEEK_END)
    record = handle.read(22)
    handle.seek(position)
    return int.from_bytes(record[10:12], "little")


def map_npy(path: Path) -> Array:
    """The array of an .npy file as a read-only memory map."""
    _check_file(path)
    try:
        mapped: Array = np.load(path, mmap_mode="r", allow_pickle=False)
        return mapped
    except Exception as error:  # as above
        raise _refused(path, error, "an .npy file of a plain array without pickles") from error


def npy_header(dtype: np.dtype[np.generic], count: int, width: int) -> bytes:
    """The first bytes of an .npy file [count, width], whose rows may be written one after another."""
    file = io.BytesIO()
    described = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": (count, width)}
    np.lib.format.write_array_header_1_0(file, described)
    return file.getvalue()


def _check_file(path: Path) -> None:
    if not path.is_file():
        raise DataError(f"there is no file {path}: {meant(path)}check the path.")


def unreadable(path: Path, error: Exception) -> DataError | None:
    """Why a file cannot be read if it may be whole; None if a parser did not understand what it holds."""
    # Parsers raise OSErrors of their own, without a number, and damage may lead them to a place that no file has.
    if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
        return DataError(f"{path} cannot be read ({error.strerror}): check its permissions and its disk.")
    return None


def _refused(path: Path, error: Exception, expected: str) -> DataError:
    """Why NumPy could not read a file: it may not, it holds objects, as columns of pandas do, or it is damaged."""
    if (found := unreadable(path, error)) is not None:
        return found
    if str(error).startswith("Object arrays") or "Python objects" in str(error):
        return DataError(
            f"{path} holds an array of Python objects, which would be unpickled: save numbers, with "
            f".astype('float32'), and texts, with .astype(str)."
        )
    return _damaged(str(path), expected)


def _damaged(name: str, expected: str = "a complete file") -> DataError:
    return DataError(f"{name} is truncated or altered: {expected} was expected; get it again.")
