"""One walk through a folder of images, strict for data sets and lenient for folders of unknown origin."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from iale.errors import DataError

EXTENSIONS = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"})
"""Files with other extensions, and hidden ones, are passed over."""


class ImageFile(NamedTuple):
    """An image that was found and not opened: its path below the folder, its size and the time of its last change."""

    name: str  # with forward slashes
    size: int  # bytes
    time: int  # nanoseconds since 1970


def scan_images(root: Path, passed_over: Counter[str] | None = None) -> list[ImageFile]:
    """All images below a folder, in the order of their names; raises DataError if it holds none.

    With ``passed_over``, which counts by reason, the walk leaves out links out of the folder, links to folders, what is
    not a regular file, empty files and unreadable folders. Without it the walk is strict: it follows links, and an
    empty file or an unreadable folder is an error.
    """
    if not root.is_dir():
        raise DataError(f"there is no folder {root}: give a folder of images.")
    found = sorted(_walk(str(root), passed_over))
    if not found:
        kinds, notes = ", ".join(sorted(EXTENSIONS)), " ".join(["", *notices(passed_over or {})])
        raise DataError(f"{root} holds no images: files with the extensions {kinds} were expected.{notes}")
    return found


def notices(passed_over: dict[str, int]) -> list[str]:
    return [f"passed over: {what} ({count})." for what, count in passed_over.items()]


def is_inside(root: Path | str, path: Path | str) -> bool:
    """Whether a path, with its links followed, exists and lies below ``root``."""
    real, place = os.path.realpath(root), os.path.realpath(path)
    return os.path.exists(place) and os.path.commonpath([real, place]) == real


def _walk(root: str, passed_over: Counter[str] | None) -> Iterator[ImageFile]:
    below, seen = [""], set()
    while below:
        folder = below.pop()
        path = os.path.join(root, folder) if folder else root
        if passed_over is None:
            if (place := os.path.realpath(path)) in seen:  # a link back up would go round in circles
                continue
            seen.add(place)
        try:
            with os.scandir(path) as listing:
                entries = [entry for entry in listing if not entry.name.startswith(".")]
        except OSError as error:
            if passed_over is None:
                raise DataError(f"the folder {path} cannot be read: check its permissions.") from error
            passed_over["folders that cannot be read"] += 1
            continue
        folders = []
        for entry in entries:
            name = f"{folder}/{entry.name}" if folder else entry.name
            if _is_folder(entry, follow=passed_over is None):
                folders.append(name)
            elif passed_over is not None and _is_folder(entry, follow=True):
                passed_over["links to folders"] += 1
            elif os.path.splitext(entry.name)[1].lower() in EXTENSIONS:
                if passed_over is not None and (why := _fault(root, entry)):
                    passed_over[why] += 1
                else:
                    yield _image(name, entry)
        below += reversed(folders)  # depth first: of two links to one folder, the first one that is listed counts


def _fault(root: str, entry: os.DirEntry[str]) -> str:
    """Why a file is passed over; empty if it is not."""
    if entry.is_symlink() and not is_inside(root, entry.path):
        return "links that lead out of the folder or nowhere"
    if not entry.is_file():
        return "image names that are not files"
    return "" if entry.stat().st_size else "empty files"


def _image(name: str, entry: os.DirEntry[str]) -> ImageFile:
    try:
        found = entry.stat()
    except OSError:  # a broken link: whoever reads it is told its name
        return ImageFile(name, 0, 0)
    if entry.is_file() and not found.st_size:
        raise DataError(f"{entry.path} is an empty file, not an image: replace or remove it.")
    return ImageFile(name, found.st_size, found.st_mtime_ns)


def _is_folder(entry: os.DirEntry[str], *, follow: bool) -> bool:
    try:
        return entry.is_dir(follow_symlinks=follow)
    except OSError:  # a link to itself
        return False
