"""Files that are complete or absent: atomic JSON and safetensors, and JSON lines that survive a kill.

A file is written under a temporary name, flushed to disk, and then renamed. So a full disk or a killed process never
leaves half a file under the final name. Nothing is ever unpickled.
"""

from __future__ import annotations

import contextlib
import fcntl
import gzip
import hashlib
import json
import os
import tempfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeAlias

from iale.errors import StorageError

if TYPE_CHECKING:
    from torch import Tensor

SCHEMA = 1
"""The schema version in every JSON file; readers refuse any other."""

JsonObject: TypeAlias = dict[str, Any]
"""A JSON object that was read; whoever reads it checks its fields."""


@contextlib.contextmanager
def storage_errors(action: str, path: Path) -> Iterator[None]:
    """Turns an OSError into a StorageError that names the file and says what to do."""
    try:
        yield
    except StorageError:
        raise
    except OSError as error:
        reason = error.strerror or str(error)
        raise StorageError(
            f"cannot {action} {path}: {reason}; check the path, its permissions and the free space."
        ) from error


def is_stream(path: Path) -> bool:
    """Whether it is no file of its own: a pipe, a device, or what a process has open, such as /dev/stdout."""
    if not path.exists() or path.is_dir():
        return False
    leads = os.readlink(path) if path.is_symlink() else ""
    return not path.is_file() or leads.startswith("/proc/") or os.path.realpath(path.parent).startswith("/proc/")


@contextlib.contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """A block in which no other thread or process is with the same folder; it waits for them."""
    with storage_errors("read", folder):
        handle = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # as in `lock`
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)  # this unlocks it


def write_bytes(path: Path, data: bytes, mode: int = 0o644) -> None:
    """Writes ``data`` to ``path`` in one step. On StorageError, the file is what it was before."""
    with written(path, mode) as file:
        file.write(data)


@contextlib.contextmanager
def written(path: Path, mode: int = 0o644) -> Iterator[IO[bytes]]:
    """A file that replaces ``path`` at the end of the block. If the block raises, nothing has changed.

    A pipe, a device or /dev/stdout is written to as it is: replacing it would take it away from everybody.
    """
    with storage_errors("write", path):
        if is_stream(path):
            with open(path, "wb") as stream:
                yield stream
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
        try:
            with os.fdopen(handle, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.chmod(name, mode)  # mkstemp gives 0o600, which other users of a shared folder cannot read
            os.replace(name, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(name)
            raise


def read_bytes(path: Path) -> bytes:
    with storage_errors("read", path):
        return path.read_bytes()


def stamp(path: Path) -> tuple[int, int, int] | None:
    """Identifies the state of a file without reading it; None if there is no file."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def to_json(value: object) -> str:
    """JSON with sorted keys and no NaN, so that equal values give equal bytes."""
    return json.dumps(value, sort_keys=True, allow_nan=False, ensure_ascii=False)


def write_json(path: Path, value: Mapping[str, object], mode: int = 0o644) -> None:
    """Writes an object and the schema version in one step."""
    text = json.dumps({"schema": SCHEMA, **value}, indent=2, sort_keys=True, allow_nan=False)
    write_bytes(path, (text + "\n").encode(), mode)


def read_json(path: Path) -> JsonObject:
    """Reads an object that `write_json` wrote; raises StorageError for anything else."""
    try:
        value = json.loads(read_bytes(path))
    except ValueError as error:
        raise StorageError(
            f"{path} is not readable JSON ({error}): it is truncated or altered; restore or delete it."
        ) from error
    if not isinstance(value, dict) or value.get("schema") != SCHEMA:
        raise StorageError(f"{path} does not have schema version {SCHEMA}: make it again.")
    return value


def write_tensors(path: Path, tensors: Mapping[str, Tensor]) -> str:
    """Writes tensors as safetensors in one step; returns the file's SHA-256."""
    from safetensors.torch import save

    # Cloned, because safetensors refuses tensors that share memory.
    data = save({name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()})
    write_bytes(path, data)
    return sha256(data)


def read_tensors(path: Path, digest: str | None = None) -> dict[str, Tensor]:
    """Reads tensors; raises StorageError if the file is damaged or does not have the SHA-256 ``digest``."""
    from safetensors import SafetensorError
    from safetensors.torch import load

    data = read_bytes(path)
    if digest is not None and sha256(data) != digest:
        raise StorageError(f"{path} does not match its recorded SHA-256: it is truncated or altered; restore it.")
    try:
        return load(data)
    except SafetensorError as error:
        raise StorageError(f"{path} is not a whole safetensors file ({error}); restore it.") from error


def append_line(path: Path, record: Mapping[str, object]) -> None:
    """Appends one record to a JSON-lines file and flushes it to disk.

    A last line that a kill cut short is removed first, so that the file stays readable. Processes take turns.
    """
    line = (to_json(record) + "\n").encode()
    with storage_errors("write", path):
        path.parent.mkdir(parents=True, exist_ok=True)
        # Unbuffered: truncate() and close() would write a buffer again that could not be written before.
        with open(path, "a+b", buffering=0) as file:
            lock(file)  # or a line that another process is writing would look cut short
            size = file.seek(0, os.SEEK_END)
            if (kept := _whole_lines(file, size)) != size:
                file.truncate(kept)
            try:
                while line:
                    line = line[os.write(file.fileno(), line) :]
                os.fsync(file.fileno())
            except OSError:
                file.truncate(kept)
                raise


def lock(file: IO[bytes]) -> None:
    """Waits for the lock of a file, which other processes may hold until they close it.

    Some file systems of clusters have no locks; there, nobody waits.
    """
    with contextlib.suppress(OSError):
        fcntl.flock(file, fcntl.LOCK_EX)


def _whole_lines(file: IO[bytes], size: int) -> int:
    """The length of the file up to and including its last line feed."""
    position = size
    while position > 0:
        start = max(0, position - 65536)
        file.seek(start)
        if (found := file.read(position - start).rfind(b"\n")) >= 0:
            return int(start + found + 1)
        position = start
    return 0


def read_lines(path: Path) -> list[JsonObject]:
    """The records of a JSON-lines file (gzipped if its name ends in .gz), without an unfinished last line."""
    if not path.exists():
        return []
    data = read_bytes(path)
    if path.suffix == ".gz":
        try:
            if not data:  # which gzip accepts
                raise EOFError("it is empty")
            data = gzip.decompress(data)
        except (OSError, EOFError, zlib.error) as error:
            raise StorageError(f"{path} is not a whole gzip file ({error}): restore it.") from error
    return _parse_lines(path, data)


def unfinished_line(path: Path) -> bytes:
    """The unfinished last line that `read_lines` leaves out; empty if there is none."""
    if not path.exists():
        return b""
    with storage_errors("read", path), open(path, "rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(_whole_lines(file, size))
        return file.read()


def read_more_lines(path: Path, start: int) -> tuple[list[JsonObject], int]:
    """The records of a plain JSON-lines file after byte ``start``, and the byte at which they end; see `read_lines`."""
    if not path.exists():
        return [], 0
    with storage_errors("read", path), open(path, "rb") as file:
        file.seek(start)
        data = file.read()
    try:
        records = _parse_lines(path, data)
    except StorageError:
        read_lines(path)  # raises the same with the number of the line in the whole file
        raise
    return records, start + data.rfind(b"\n") + 1


def _parse_lines(path: Path, data: bytes) -> list[JsonObject]:
    """The records of all lines that end in a line feed."""
    records = []
    for number, line in enumerate(data.split(b"\n")[:-1], start=1):
        try:
            record = json.loads(line)
        except ValueError as error:
            raise StorageError(f"{path}, line {number}, is not readable JSON: delete that line or the file.") from error
        if not isinstance(record, dict):
            raise StorageError(f"{path}, line {number}, is not a record: delete that line.")
        records.append(record)
    return records
