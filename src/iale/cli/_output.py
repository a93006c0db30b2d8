"""Where a command writes: folders that are tried before long work, files that are whole, tables on the screen."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from iale._storage import storage_errors
from iale.errors import StorageError

_BLOCK = b"\0" * 4096


def check_folder(folder: Path) -> Path:
    """``folder``, after a trial write where it will be made; the trial leaves nothing behind.

    Raises:
        StorageError: nothing can be written there: a file is in the way, it is read-only, or the disk is full.
    """
    with storage_errors("write to", folder):
        place = folder
        while not place.exists() and place != place.parent:
            place = place.parent
        if not place.is_dir():
            raise NotADirectoryError(20, f"{place} is not a folder")
        with tempfile.TemporaryFile(dir=place) as trial:
            trial.write(_BLOCK)
            trial.flush()
    return folder


def check_file(path: Path) -> Path:
    """``path``, after a trial write beside it; raises StorageError where a file cannot be put there."""
    if path.is_dir():
        raise StorageError(f"cannot write {path}: it is a folder; name a file.")
    check_folder(path.absolute().parent)
    return path


def say(text: str) -> None:
    """A line for people, on stderr: stdout is for what the command answers."""
    print(text, file=sys.stderr)


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as their longest cell, the header underlined."""
    lines = [header, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    ruled = [header, ["-" * width for width in widths], *rows]
    return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in ruled)
