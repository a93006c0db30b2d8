"""A folder of images: listed when the project is opened, and read one by one when they are needed."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from iale.data._headers import look_at
from iale.data._pictures import decode, picture
from iale.data._reading import read_batch
from iale.data._scan import is_inside, scan_images
from iale.errors import DataError
from iale.labeling.items._ids import Ids, Names, id_of
from iale.labeling.items._items import ItemKind

DEFAULT_SIZE = (64, 64)  # of photographs for the classifier; people see them as they are
_LARGEST = 128  # longest side of images that are kept as they are, if all have one size
_BEGINNING = 1 << 18  # bytes of a file whose digest says whether it is the same


class ImageItems:
    """The images below a folder, in the order of their names. Links that lead out of it are passed over.

    An id is a digest of the path below the folder, so a copy of the folder has the same ids. Sizes and times of the
    files are remembered, so a file that has changed since is noticed before it is read. Without a size (height, width)
    for the classifier, small images of one size stay as they are, and others become 64 x 64.
    """

    kind: ItemKind = "image"

    def __init__(self, root: Path, resize: tuple[int, ...] = ()) -> None:
        self.root = root
        found, self.passed_over = scan_images(root)
        self.notices = [line for line in [self.passed_over.line] if line]
        self._names = Names(name for name, _, _ in found)
        self._sizes = np.fromiter((size for _, size, _ in found), np.int64, len(found))
        self._times = np.fromiter((time for _, _, time in found), np.int64, len(found))
        self.ids = Ids((id_of(name.encode("utf-8", "surrogateescape")) for name, _, _ in found), len(found))
        del found  # a million names take much less memory in one piece
        self._look = look_at(root, len(self), lambda row: (root / self._names[row], self._names[row]))
        self.dtype = torch.uint8
        self.shape: tuple[int, int, int] = (1 if self._look.mode == "L" else 3, *self._size(resize))

    @property
    def samples(self) -> ImageItems:
        return self

    def __len__(self) -> int:
        return len(self._names)

    def name(self, index: int) -> str:
        return self._names[index]

    def stamp(self, index: int) -> str:
        """Size, time of the last change, and a digest of the beginning."""
        return f"{self._sizes[index]}-{self._times[index]}-{_beginning(self.path(index))}"

    def fits(self, index: int, stamp: str) -> bool:
        """Whether the file is what it was: of the same size, and of the same time or (a copy) the same beginning."""
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
        try:
            found = os.stat(self.root / self._names[index])
        except OSError:
            return "deleted"
        same = found.st_size == self._sizes[index] and found.st_mtime_ns == self._times[index]
        return "" if same else "changed"

    def path(self, index: int) -> Path:
        if what := self.changed(index):
            raise DataError(f"{self._names[index]} was {what} since the project was opened: it is passed over.")
        path = self.root / self._names[index]
        if not is_inside(self.root, path):
            raise DataError(f"{self._names[index]} has become a link that leads out of the folder: it is passed over.")
        return path

    def show(self, index: int) -> NDArray[np.uint8]:
        """uint8 [H, W] or [H, W, 3], about 1,000 pixels on a side."""
        image = picture(self.path(index), self._names[index], (500, 500))
        return np.asarray(image if image.mode == "L" else image.convert("RGB"))

    def batch(self, indices: Tensor) -> Tensor:
        """uint8 [B, 1 or 3, height, width]."""
        return read_batch(self, indices, self._one)

    def _one(self, row: int) -> Tensor:
        path, name = self.path(row), self._names[row]
        self._look.check(path, name)
        return decode(path, name, self._look.mode, self.shape[1:])

    def _size(self, resize: tuple[int, ...]) -> tuple[int, int]:
        """Height and width of the inputs: what was asked for, or that of all images, if these are small."""
        if resize:
            return resize[0], resize[1]
        first, *others = self._look.sizes
        return DEFAULT_SIZE if others or max(first) > _LARGEST else first


def _beginning(path: Path) -> str:
    try:
        with open(path, "rb") as file:
            return f"{id_of(file.read(_BEGINNING)):016x}"
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}): it is passed over.") from error
