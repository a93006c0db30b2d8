"""One server for one project: two would fit the same labels and overwrite each other's files."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from iale._storage import storage_errors

SERVED_ELSEWHERE = (
    "another `iale label` serves this project and fits it, so this one fits nothing; labels from both are kept."
)


class Alone:
    """A lock that the server of a project holds. If its process ends in any way, the system gives it back."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "server.lock"
        self._file: int | None = None

    def take(self) -> bool:
        """Whether this process has the lock now; raises StorageError if the project cannot be written."""
        if self._file is not None:
            return True
        with storage_errors("write", self._path):
            file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(file)
                return False
        self._file = file
        return True

    def give_back(self) -> None:
        """Lets another process have the lock."""
        file, self._file = self._file, None
        if file is not None:
            os.close(file)
