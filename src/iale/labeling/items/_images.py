"""A folder of images: listed when the project is opened, and read one by one when they are needed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from iale.data._checks import rows_of
from iale.data._pictures import open_picture, picture, to_pixels
from iale.data._scan import notices, scan_images
from iale.errors import DataError
from iale.labeling.items._identity import FileIdentity, readable
from iale.labeling.items._ids import Names
from iale.labeling.items._items import ItemKind

DEFAULT_SIZE = (64, 64)  # of photographs for the classifier; people see them as they are
_LARGEST = 128  # longest side of images that are kept as they are, if all have one size
_LOOKED_AT = 16  # images that say which size and colors the others have
_TRIED = 64  # images that are opened to find these, because some may be damaged


class ImageItems:
    """The images below a folder, in the order of their names. Links that lead out of it are passed over.

    An id is a digest of the path below the folder, so a copy of the folder has the same ids. Sizes and times of the
    files are remembered, so a file that has changed since is noticed before it is read. Without a size (height, width)
    for the classifier, small images of one size stay as they are, and others become 64 x 64.
    """

    kind: ItemKind = "image"

    def __init__(self, root: Path, resize: tuple[int, ...] = ()) -> None:
        self.root = root
        passed_over: Counter[str] = Counter()
        found = scan_images(root, passed_over)
        self.notices = notices(passed_over)
        self._names = Names(name for name, _, _ in found)
        sizes = np.fromiter((size for _, size, _ in found), np.int64, len(found))
        times = np.fromiter((time for _, _, time in found), np.int64, len(found))
        self._files = FileIdentity(root, self._names, sizes, times)
        self.ids = self._files.ids
        del found  # a million names take much less memory in one piece
        self.shape = self._guess_shape(resize)

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
        if not self.root.is_dir():
            raise DataError(f"{self.root} is away: put it back; until then no sample can be shown.")

    def path(self, index: int) -> Path:
        return self._files.shown(index)

    def show(self, index: int) -> NDArray[np.uint8]:
        """uint8 [H, W] or [H, W, 3], about 1,000 pixels on a side."""
        image = picture(self.path(index), self._names[index], (500, 500))
        return np.asarray(image if image.mode == "L" else image.convert("RGB"))

    def batch(self, indices: Tensor) -> Tensor:
        """uint8 [B, 1 or 3, height, width]."""
        out = torch.empty((len(indices), *self.shape), dtype=torch.uint8)
        channels, *size = self.shape
        for place, row in enumerate(rows_of(indices, len(self)).tolist()):
            image = picture(self._files.path(row), self._names[row], (size[0], size[1]))
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
