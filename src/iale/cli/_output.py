"""Output of commands: folders checked before long work begins, files written whole, tables on the screen."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from iale._storage import is_stream, storage_errors
from iale.errors import StorageError


def check_folder(folder: Path) -> Path:
    """Returns ``folder`` after a trial write at its place; raises StorageError if nothing can be written there."""
    with storage_errors("write to", folder):
        place = folder
        while not place.exists() and place != place.parent:
            place = place.parent
        if not place.is_dir():
            raise NotADirectoryError(20, f"{place} is not a folder")
        with tempfile.TemporaryFile(dir=place) as trial:
            trial.write(b"\0" * 4096)
            trial.flush()
    return folder


def check_file(path: Path) -> Path:
    """Returns ``path`` after a trial write beside it; raises StorageError if no file can be written there."""
    if path.is_dir():
        raise StorageError(f"cannot write {path}: it is a folder; name a file.")
    if not is_stream(path):
        check_folder(path.absolute().parent)
    return path


def say(text: str) -> None:
    """Prints a line for people to stderr; stdout is for the command's answer."""
    print(text, file=sys.stderr)


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table whose columns are as wide as their longest cell, with the header underlined."""
    lines = [header, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    ruled = [header, ["-" * width for width in widths], *rows]
    return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in ruled)
