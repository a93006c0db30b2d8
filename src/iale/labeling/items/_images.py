"""A folder of images: listed when the project is opened, and read one by one when they are needed."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from iale.data._checks import rows_of
from iale.data._pictures import open_picture, picture, to_pixels
from iale.data._scan import is_inside, notices, scan_images
from iale.errors import DataError
from iale.labeling.items._ids import Ids, Names, id_of
from iale.labeling.items._items import ItemKind

DEFAULT_SIZE = (64, 64)  # of photographs for the classifier; people see them as they are
_LARGEST = 128  # longest side of images that are kept as they are, if all have one size
_LOOKED_AT = 16  # images that say which size and colors the others have
_TRIED = 64  # images that are opened to find these, because some may be damaged
_BEGINNING = 1 << 18  # bytes of a file whose digest says whether it is the same


class ImageItems:
    """The images below a folder, in the order of their names. Links that lead out of it are passed over.

    An id is a digest of the path below the folder, so a copy of the folder has the same ids. Sizes and times of the
    files are remembered, so a file that has changed since is noticed before it is read. Without a size (height, width)
    for the classifier, small images of one size stay as they are, and others become 64 x 64.
    """

    kind: ItemKind = "image"
    about = ""

    def __init__(self, root: Path, resize: tuple[int, ...] = ()) -> None:
        self.root = root
        passed_over: Counter[str] = Counter()
        found = scan_images(root, passed_over)
        self.notices = notices(passed_over)
        self._names = Names(name for name, _, _ in found)
        self._sizes = np.fromiter((size for _, size, _ in found), np.int64, len(found))
        self._times = np.fromiter((time for _, _, time in found), np.int64, len(found))
        self.ids = Ids((id_of(name.encode("utf-8", "surrogateescape")) for name, _, _ in found), len(found))
        del found  # a million names take much less memory in one piece
        self.shape = self._guess_shape(resize)

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
        out = torch.empty((len(indices), *self.shape), dtype=torch.uint8)
        channels, *size = self.shape
        for place, row in enumerate(rows_of(indices, len(self)).tolist()):
            image = picture(self.path(row), self._names[row], (size[0], size[1]))
            out[place] = to_pixels(image, "L" if channels == 1 else "RGB", (size[0], size[1]))
        return out

    def _guess_shape(self, resize: tuple[int, ...]) -> tuple[int, int, int]:
        """The shape of the inputs, from the headers of a few evenly spaced images."""
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
            raise DataError(f"none of the images that were tried in {self.root} can be read: replace them.")
        channels = 1 if all(mode in ("1", "L", "LA") for mode, _ in seen) else 3
        sizes = {size for _, size in seen}
        if resize:
            return channels, resize[0], resize[1]
        if len(sizes) == 1 and max(size := sizes.pop()) <= _LARGEST:
            return channels, size[1], size[0]
        return channels, *DEFAULT_SIZE


def _beginning(path: Path) -> str:
    try:
        with open(path, "rb") as file:
            return f"{id_of(file.read(_BEGINNING)):016x}"
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}): it is passed over.") from error
