"""One walk through a folder of images. What it does not take is counted by reason."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from iale.data._pictures import EXTENSIONS, MISSING
from iale.errors import DataError

_LISTED = 1000  # names that are kept for each reason
_REASONS = 20
_OTHER = "no image"  # begins the reason of files that nobody would take for one


class ImageFile(NamedTuple):
    """An image that was found and not opened: its path below the folder, its size and the time of its last change."""

    name: str  # with forward slashes
    size: int  # bytes
    time: int  # nanoseconds since 1970


class PassedOver:
    """What a walk did not take, by reason. Hidden files are not counted."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._names: dict[str, list[str]] = {}

    def add(self, why: str, name: str) -> None:
        if why not in self.counts and len(self.counts) > _REASONS:
            why = _OTHER  # a folder may hold any number of extensions
        self.counts[why] += 1
        names = self._names.setdefault(why, [])
        if len(names) < _LISTED:
            names.append(name)

    @property
    def line(self) -> str:
        """One sentence with the counts, or nothing."""
        told = ", ".join(f"{why} ({count})" for why, count in sorted(self.counts.items()))
        return f"passed over: {told}." if told else ""

    def listing(self, *, others: bool = True) -> list[str]:
        """A line for each file, and one for those beyond the first 1,000 of a reason.

        Without the ``others``, these are the files that might have been meant as samples.
        """
        lines = []
        for why, names in sorted(self._names.items()):
            if why.startswith(_OTHER) and not others:
                continue
            lines += [f"passed over: {name!r}: {why}" for name in sorted(names)]
            if more := self.counts[why] - len(names):
                lines.append(f"passed over: {more} more: {why}")
        return lines


def scan_images(root: Path) -> tuple[list[ImageFile], PassedOver]:
    """All images below a folder, in the order of their names, and what was passed over.

    These are links out of the folder, links to folders, what is not a regular file, empty files, folders that cannot be
    read, and files with other extensions. Raises DataError if the folder holds no image.
    """
    if not root.is_dir():
        raise DataError(f"there is no folder {root}: give a folder of images.")
    passed_over = PassedOver()
    found = sorted(_walk(str(root), passed_over))
    if not found:
        kinds = ", ".join(sorted(EXTENSIONS))
        raise DataError(
            f"{root} holds no images: files with the extensions {kinds} were expected. {passed_over.line}".rstrip()
        )
    return found, passed_over


def is_inside(root: Path | str, path: Path | str) -> bool:
    """Whether a path, with its links followed, exists and lies below ``root``."""
    real, place = os.path.realpath(root), os.path.realpath(path)
    return os.path.exists(place) and os.path.commonpath([real, place]) == real


def _walk(root: str, passed_over: PassedOver) -> Iterator[ImageFile]:
    below = [""]
    while below:
        folder = below.pop()
        try:
            with os.scandir(os.path.join(root, folder) if folder else root) as listing:
                entries = [entry for entry in listing if not entry.name.startswith(".")]
        except OSError:
            passed_over.add("folders that cannot be read", folder)
            continue
        for entry in entries:
            name = f"{folder}/{entry.name}" if folder else entry.name
            try:
                if entry.is_dir(follow_symlinks=False):
                    below.append(name)
                elif why := _fault(root, entry):
                    passed_over.add(why, name)
                else:
                    found = entry.stat()
                    yield ImageFile(name, found.st_size, found.st_mtime_ns)
            except OSError:  # gone since the folder was listed, or a link to itself
                passed_over.add("files that cannot be opened", name)


def _fault(root: str, entry: os.DirEntry[str]) -> str:
    """Why an entry is passed over; empty if it is not."""
    if entry.is_symlink():
        if os.path.isdir(entry.path):
            return "links to folders"
        if not is_inside(root, entry.path):  # also a link to itself
            return "links that lead out of the folder or nowhere"
    kind = os.path.splitext(entry.name)[1].lower()
    if kind in MISSING:
        return f"{kind}: {MISSING[kind]}"
    if kind not in EXTENSIONS:
        return f"{_OTHER} {kind}".rstrip()
    if not entry.is_file():
        return "image names that are not files"
    return "" if entry.stat().st_size else "empty files"
