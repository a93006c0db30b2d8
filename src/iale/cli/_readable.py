"""What a command passes over: said in one line, and listed when it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import torch

from iale._storage import stamp
from iale.cli._output import say
from iale.data._table_samples import TABLES
from iale.data.images import FolderSamples
from iale.data.samples import Samples
from iale.data.splits import Subset
from iale.errors import DataError, UnreadableError

T = TypeVar("T")


class FilesRead:
    """Files that stay on disk while a command reads them, so that what is written to them comes into its answer.

    Args:
        paths: tables are passed over: they are read at once, and people go on writing labels into them.
    """

    def __init__(self, *paths: Path | None) -> None:
        files = [path for path in paths if path is not None and path.is_file() and path.suffix.lower() not in TABLES]
        self._stamps = {path: stamp(path) for path in files}

    def check(self) -> None:
        """Raises DataError if one of them is not what it was."""
        for path, before in self._stamps.items():
            if stamp(path) != before:
                raise DataError(f"{path} has changed while it was read: start the same command again.")


def say_passed_over(samples: Samples, *, verbose: bool) -> None:
    """Says how many files of a folder are no samples."""
    if isinstance(samples, FolderSamples):
        _tell(samples.passed_over, samples.listing() if verbose else [])


def say_of_a_split(folder: Path) -> None:
    """Says that photos to test on may be asked for, too, if a folder looks like a data set with a split."""
    if all((folder / part).is_dir() for part in ("train", "test")):
        say(f"{folder} has train/ and test/, and both may be asked for: name {folder / 'train'} to leave out test/.")


def passing_over(samples: Samples, act: Callable[[Subset], T], *, verbose: bool) -> T:
    """What ``act`` gives for the samples that can be read.

    It begins again without those that turn out to be unreadable, so what it gives is what it would have given if they
    had not been there. Every new beginning leaves out at least one of them.
    """
    left_out: dict[int, str] = dict(samples.unreadable) if isinstance(samples, FolderSamples) else {}
    try:
        while True:
            open_ = torch.ones(len(samples), dtype=torch.bool)
            open_[list(left_out)] = False
            pool = Subset(samples, torch.nonzero(open_).flatten())
            try:
                return act(pool)
            except UnreadableError as error:
                if not error.reasons:
                    raise
                left_out |= {int(pool.indices[place]): why for place, why in error.reasons.items()}
    finally:
        reasons = [why for _, why in sorted(left_out.items())]
        line = f"passed over: {len(reasons)} that cannot be read, the first: {reasons[0]}" if reasons else ""
        _tell(line, reasons if verbose else [])


def _tell(line: str, listing: list[str]) -> None:
    for text in (line, *listing):
        if text:
            say(text)
