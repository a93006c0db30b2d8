"""A folder of images: known by their paths at the start, read one by one when they are needed."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from iale.data._checks import rows_of
from iale.data.folder import EXTENSIONS
from iale.errors import DataError
from iale.labeling.items._ids import Ids, Names, id_of
from iale.labeling.items._items import ItemKind
from iale.labeling.items._pictures import open_picture, picture

DEFAULT_SIZE = (64, 64)
"""To which photographs are resized for the classifier; people see them as they are."""

_LARGEST = 128  # sides of images that are all of one size and are taken as they are
_LOOKED_AT = 16
_TRIED = 64
_BEGINNING = 1 << 18  # bytes of a file that say whether it is the same


class ImageItems:
    """The images below a folder, in the order of their names. Links that lead out of it are passed over.

    An id is a digest of the path below the folder, so that a copy of the folder has the same ids. Sizes and times of
    the files are remembered: a file that was changed since is noticed before it is read.

    Args:
        root: the folder.
        resize: (height, width) for the classifier; without it small images of one size stay as they are, and others
            become 64 x 64.

    Attributes:
        notices: what was passed over.

    Raises:
        DataError: there is no image, or none of the first ones tried is one.
    """

    kind: ItemKind = "image"

    def __init__(self, root: Path, resize: tuple[int, ...] = ()) -> None:
        self.root = root
        if not root.is_dir():
            raise DataError(f"there is no folder {root}: give a folder of images.")
        self.passed_over: Counter[str] = Counter()
        found = sorted(_scan(os.path.realpath(root), "", self.passed_over))
        if not found:
            known, passed_over = ", ".join(sorted(EXTENSIONS)), " ".join(["", *self.notices])
            raise DataError(f"{root} holds no images: files with the extensions {known} were expected.{passed_over}")
        self._names = Names(name for name, _, _ in found)
        self._sizes = np.fromiter((size for _, size, _ in found), np.int64, len(found))
        self._times = np.fromiter((time for _, _, time in found), np.int64, len(found))
        self.ids = Ids((id_of(name.encode("utf-8", "surrogateescape")) for name, _, _ in found), len(found))
        del found
        self.shape = self._guess_shape(resize)

    @property
    def samples(self) -> ImageItems:
        """Itself: what a classifier reads."""
        return self

    @property
    def notices(self) -> list[str]:
        """What was passed over, a sentence each."""
        return [f"passed over: {what} ({count})." for what, count in self.passed_over.items()]

    def __len__(self) -> int:
        return len(self._names)

    def name(self, index: int) -> str:
        """The path below the folder, with forward slashes."""
        return self._names[index]

    def stamp(self, index: int) -> str:
        """Size, time of the last change, and a digest of the beginning; raises DataError where the file has changed."""
        return f"{self._sizes[index]}-{self._times[index]}-{_beginning(self.path(index))}"

    def fits(self, index: int, stamp: str) -> bool:
        """Whether the file is what it was: of the same size, and of the same time or the same beginning (a copy)."""
        size, time, beginning = stamp.split("-")
        if int(size) != self._sizes[index]:
            return False
        if int(time) == self._times[index]:
            return True
        try:
            return beginning == _beginning(self.root / self._names[index])
        except DataError:
            return False

    def changed(self, index: int) -> str:
        """What has happened to the file since: "deleted", "changed" or nothing."""
        try:
            found = os.stat(self.root / self._names[index])
        except OSError:
            return "deleted"
        same = found.st_size == self._sizes[index] and found.st_mtime_ns == self._times[index]
        return "" if same else "changed"

    def path(self, index: int) -> Path:
        """The file of an image; raises DataError where it is gone or has changed since the folder was read."""
        if what := self.changed(index):
            raise DataError(f"{self._names[index]} was {what} since the project was opened: it is passed over.")
        path = self.root / self._names[index]
        if not _inside(os.path.realpath(self.root), str(path)):
            raise DataError(f"{self._names[index]} has become a link that leads out of the folder: it is passed over.")
        return path

    def show(self, index: int) -> NDArray[np.uint8]:
        """uint8 [H, W] or [H, W, 3], about 1,000 pixels on a side."""
        image = picture(self.path(index), self._names[index], (500, 500))
        return np.asarray(image if image.mode == "L" else image.convert("RGB"))

    def batch(self, indices: Tensor) -> Tensor:
        """uint8 [B, 1 or 3, height, width]; raises DataError for an image that cannot be read."""
        out = torch.empty((len(indices), *self.shape), dtype=torch.uint8)
        height, width = self.shape[1:]
        for place, row in enumerate(rows_of(indices, len(self)).tolist()):
            image = picture(self.path(row), self._names[row], (height, width))
            image = image.convert("L" if self.shape[0] == 1 else "RGB")
            if image.size != (width, height):
                image = image.resize((width, height), Image.Resampling.BILINEAR)
            pixels = torch.from_numpy(np.array(image))
            out[place] = pixels if self.shape[0] == 1 else pixels.permute(2, 0, 1)
        return out

    def _guess_shape(self, resize: tuple[int, ...]) -> tuple[int, int, int]:
        """From the headers of a few evenly spaced images."""
        seen: list[tuple[str, tuple[int, int]]] = []
        for row in np.unique(np.linspace(0, len(self) - 1, _TRIED).round().astype(int)).tolist():
            try:
                with open_picture(self.root / self._names[row], self._names[row]) as image:
                    seen.append((image.mode, image.size))
            except DataError:
                continue
            if len(seen) == _LOOKED_AT:
                break
        if not seen:
            raise DataError(f"none of the images tried in {self.root} can be read: replace them.")
        channels = 1 if all(mode in ("1", "L", "LA") for mode, _ in seen) else 3
        sizes = {size for _, size in seen}
        if resize:
            return channels, resize[0], resize[1]
        if len(sizes) == 1 and max(size := sizes.pop()) <= _LARGEST:
            return channels, size[1], size[0]
        return channels, *DEFAULT_SIZE


def _scan(root: str, below: str, passed_over: Counter[str]) -> Iterator[tuple[str, int, int]]:
    """Name, size and time of every image; nothing is opened."""
    try:
        entries = os.scandir(os.path.join(root, below))
    except OSError:
        passed_over["folders that cannot be read"] += 1
        return
    folders = []
    with entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            name = f"{below}/{entry.name}" if below else entry.name
            if entry.is_dir(follow_symlinks=False):
                folders.append(name)
            elif entry.is_symlink() and entry.is_dir():
                passed_over["links to folders"] += 1
            elif os.path.splitext(entry.name)[1].lower() in EXTENSIONS:
                if entry.is_symlink() and not _inside(root, entry.path):
                    passed_over["links that lead out of the folder or nowhere"] += 1
                    continue
                found = entry.stat()
                if not entry.is_file():
                    passed_over["names of images that are no files"] += 1
                elif not found.st_size:
                    passed_over["empty files"] += 1
                else:
                    yield name, found.st_size, found.st_mtime_ns
    for name in folders:
        yield from _scan(root, name, passed_over)


def _beginning(path: Path) -> str:
    try:
        with open(path, "rb") as file:
            return f"{id_of(file.read(_BEGINNING)):016x}"
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}): it is passed over.") from error


def _inside(root: str, path: str) -> bool:
    place = os.path.realpath(path)
    return os.path.exists(place) and os.path.commonpath([root, place]) == root
