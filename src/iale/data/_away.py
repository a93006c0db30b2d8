"""What is not there now."""

from __future__ import annotations

from pathlib import Path

from iale.errors import DataError


class Away(DataError):
    """What a sample is read from is away now. Nobody decides that; it is asked for when it is back."""


class Back(DataError):
    """What was away is there again, and something was made without it."""


def check_folder(root: Path) -> None:
    """Raises Away if a folder is gone or empty: a disk may be detached, or the folder renamed."""
    try:
        there = next(root.iterdir(), None) is not None  # an empty folder: its disk is not mounted
    except OSError:
        there = False
    if not there:
        raise Away(f"{root} is away: put it back; until then no sample can be read.")
