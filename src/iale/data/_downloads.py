"""Files of public data sets: from $IALE_DATA, or from the user's cache, or downloaded; always checked.

The cache is ``$XDG_CACHE_HOME/iale``, by default ``~/.cache/iale``. A download goes to a scratch folder beside its
place, and moves to its place only after its SHA-256 was checked.
"""

from __future__ import annotations

import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from iale._storage import read_bytes, sha256, storage_errors
from iale.data._formats import gunzip
from iale.errors import DataError


@dataclass(frozen=True)
class RemoteFile:
    folder: str  # below $IALE_DATA and below the cache
    name: str  # locally and at the mirrors
    sha256: str  # of the uncompressed content of a .gz file, or of the file itself if ``packed``
    mirrors: tuple[str, ...]  # URLs to put in front of ``name``, tried in order
    packed: bool = False  # without it, a file that was compressed again matches, too


def cache_folder() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "iale"


def data_folders() -> list[Path]:
    named = os.environ.get("IALE_DATA")
    return [Path(named), cache_folder()] if named else [cache_folder()]


def find(folder: str, name: str) -> Path | None:
    """The path of the file in the first folder that has it, or None."""
    return next((path for base in data_folders() if (path := base / folder / name).is_file()), None)


def fetch(file: RemoteFile) -> bytes:
    """The content of a file, unpacked if it is a .gz file; DataError if it is altered or cannot be downloaded."""
    path = find(file.folder, file.name)
    return _download(file) if path is None else _content(path, file, str(path))


def _content(path: Path, file: RemoteFile, name: str) -> bytes:
    content = read_bytes(path)
    if file.packed:
        _check(content, file, name)
    if file.name.endswith(".gz") and not file.name.endswith(".tar.gz"):
        content = gunzip(content, name)
    if not file.packed:
        _check(content, file, name)
    return content


def _check(data: bytes, file: RemoteFile, name: str) -> None:
    if sha256(data) != file.sha256:
        raise DataError(f"{name} does not have the expected SHA-256 {file.sha256}: delete it and get it again.")


def _download(file: RemoteFile) -> bytes:
    target = cache_folder() / file.folder / file.name
    wanted = f"put {file.name} into {target.parent} or $IALE_DATA/{file.folder}"
    try:
        import pooch  # type: ignore[import-untyped]
        import requests
    except ImportError as error:
        raise DataError(f"downloading {file.name} needs the package pooch: install it, or {wanted}.") from error
    get = pooch.HTTPDownloader(progressbar=sys.stderr.isatty(), timeout=30)
    with storage_errors("write", target):
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".download-") as scratch:
            part = Path(scratch) / file.name
            for mirror in file.mirrors:
                try:
                    get(mirror + file.name, str(part), None)
                except requests.RequestException as error:
                    if error.response is not None:
                        error.response.close()  # pooch leaves an answer such as 404 open
                    failure = error
                    continue
                content = _content(part, file, mirror + file.name)
                os.replace(part, target)
                return content
    raise DataError(f"{file.name} could not be downloaded from {mirror}: {wanted}.") from failure
