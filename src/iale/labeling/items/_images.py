"""A folder of images: listed when the project is opened, and read one by one when they are needed."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from iale.data._away import check_folder
from iale.data._fingerprint import digest
from iale.data._headers import look_at
from iale.data._pictures import PHOTO_SIZE, decode, picture
from iale.data._reading import read_batch
from iale.data._scan import scan_images
from iale.data.table_config import TableConfig
from iale.labeling.items._identity import FileIdentity, readable
from iale.labeling.items._ids import Names
from iale.labeling.items._items import ItemKind

_LARGEST = 128  # longest side of images that are kept as they are, if all have one size


class ImageItems:
    """The images below a folder, in the order of their names. Links that lead out of it are passed over.

    An id is a digest of the path below the folder, so a copy of the folder has the same ids. Sizes and times of the
    files are remembered, so a file that has changed since is noticed before it is read. Without a size (height, width)
    for the classifier, small images of one size stay as they are, and others become 64 x 64.
    """

    kind: ItemKind = "image"
    about, table = "", TableConfig()

    def __init__(self, root: Path, resize: tuple[int, ...] = ()) -> None:
        self.root = root
        found, self.passed_over = scan_images(root)
        self.notices = [line for line in [self.passed_over.line] if line]
        self._names = Names(name for name, _, _ in found)
        sizes = np.fromiter((size for _, size, _ in found), np.int64, len(found))
        times = np.fromiter((time for _, _, time in found), np.int64, len(found))
        self._files = FileIdentity(root, self._names, sizes, times)
        self.ids = self._files.ids
        # Of now: a file that is only touched later keeps its content.
        self._print = digest("images 1", [name for name, _, _ in found], sizes, times.copy())
        del found  # a million names take much less memory in one piece
        self._look = look_at(root, len(self), lambda row: (root / self._names[row], self._names[row]))
        self.dtype = torch.uint8
        self.shape: tuple[int, int, int] = (1 if self._look.mode == "L" else 3, *self._size(resize))

    def fingerprint(self) -> str:
        """A digest of the names, sizes and times of all files when the folder was read, and of the shape."""
        return digest(self._print, self.shape)

    @property
    def samples(self) -> ImageItems:
        return self

    def __len__(self) -> int:
        return len(self._names)

    def name(self, index: int) -> str:
        return self._names[index]

    def words(self, index: int) -> str:
        return readable(self._names[index])

    def stamp(self, index: int) -> str:
        return self._files.stamp(index)

    def fits(self, index: int, stamp: str) -> bool:
        return self._files.fits(index, stamp)

    def find(self, stamps: Collection[str]) -> dict[str, list[int]]:
        return self._files.find(stamps)

    def changed(self, index: int) -> str:
        return self._files.changed(index)

    def check(self) -> None:
        check_folder(self.root)

    def path(self, index: int) -> Path:
        return self._files.shown(index)

    def show(self, index: int) -> NDArray[np.uint8]:
        """uint8 [H, W] or [H, W, 3], about 1,000 pixels on a side."""
        image = picture(self.path(index), self._names[index], (500, 500))
        return np.asarray(image if image.mode == "L" else image.convert("RGB"))

    def batch(self, indices: Tensor) -> Tensor:
        """uint8 [B, 1 or 3, height, width]; raises Away if the folder is away."""
        return read_batch(self, indices, self._one, self.check)

    def _one(self, row: int) -> Tensor:
        path, name = self._files.path(row), self._names[row]
        self._look.check(path, name)
        return decode(path, name, self._look.mode, self.shape[1:])

    def _size(self, resize: tuple[int, ...]) -> tuple[int, int]:
        """Height and width of the inputs: what was asked for, or that of all images, if these are small."""
        if resize:
            return resize[0], resize[1]
        first, *others = self._look.sizes
        return PHOTO_SIZE if others or max(first) > _LARGEST else first
