"""Images that are decoded when they are asked for: files in a folder, or encoded bytes in memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from iale.data._checks import rows_of
from iale.data._fingerprint import digest, file_stamp, sampled
from iale.data._pictures import Mode, decode
from iale.data._scan import scan_images
from iale.errors import ConfigError, DataError


class FolderSamples:
    """The images below a folder, in the order of their names, each decoded when it is asked for.

    If every image lies in a subfolder, the first-level subfolders are the classes; otherwise the images are unlabeled.

    Args:
        root: the folder.
        size: (height, width) to which every image is resized; without it, all must have the size of the first.
        mode: "L" (grayscale) or "RGB"; by default what the first image is.

    Attributes:
        root: the folder.
        names: the N paths below ``root``, with forward slashes.
        classes: the names of the classes in order, empty for unlabeled images.
        labels: int64 [N], or None for unlabeled images.
        shape: of one image: ``(1 or 3, height, width)``.

    Raises:
        DataError: there is no image, a file is empty, or the first image cannot be read.
    """

    def __init__(self, root: str | Path, *, size: tuple[int, int] | None = None, mode: Mode | None = None) -> None:
        if size is not None and min(size) < 1:
            raise ConfigError(f"images cannot be resized to {size}: give (height, width) of at least 1.")
        self.root = Path(root)
        self.names = [image.name for image in scan_images(self.root)]
        parts = [name.split("/") for name in self.names]
        self.classes: tuple[str, ...] = ()
        self.labels: Tensor | None = None
        if all(len(part) > 1 for part in parts):
            self.classes = tuple(sorted({part[0] for part in parts}))
            number = {name: label for label, name in enumerate(self.classes)}
            self.labels = torch.tensor([number[part[0]] for part in parts])
        first = decode(self.root / self.names[0], str(self.root / self.names[0]), mode, size)
        self._size = size
        self.shape = tuple(first.shape)
        self._mode: Mode = "L" if self.shape[0] == 1 else "RGB"

    def __len__(self) -> int:
        return len(self.names)

    def batch(self, indices: Tensor) -> Tensor:
        """The images at ``indices`` (int64 [B]), decoded now: uint8 [B, C, H, W].

        Raises DataError for an image that cannot be read or has another size than the first.
        """
        out = torch.empty((len(indices), *self.shape), dtype=torch.uint8)
        for place, row in enumerate(rows_of(indices, len(self)).tolist()):
            path = self.root / self.names[row]
            image = decode(path, str(path), self._mode, self._size)
            if tuple(image.shape) != self.shape:
                height, width = image.shape[1:]
                raise DataError(
                    f"{path} is {height} x {width} pixels and the first image {self.shape[1]} x {self.shape[2]}: "
                    f"give a size to resize all images to."
                )
            out[place] = image
        return out

    def fingerprint(self) -> str:
        """A digest of every file's path, size and time of the last change, and of the content of some."""
        root = self.root.absolute()
        stamps = [(name, file_stamp(root / name)) for name in self.names]
        return digest(self._mode, self._size, root, stamps, sampled(self))


class EncodedSamples:
    """Images that stay encoded in memory, one after another, and are decoded when they are asked for.

    Args:
        data: uint8 [B], the bytes of all files, one after another.
        offsets: int64 [N + 1], where each file starts; the last entry is where the last file ends.
        name: what messages call them.

    Attributes:
        shape: of the first image, which all others must have.

    Raises:
        DataError: there is no image, or the offsets do not fit the data.
    """

    def __init__(self, data: NDArray[np.generic], offsets: NDArray[np.generic], name: str) -> None:
        fits = data.dtype == np.uint8 and offsets.dtype.kind in "iu" and data.ndim == offsets.ndim == 1 < len(offsets)
        starts = offsets.astype(np.int64) if fits else np.zeros(1, np.int64)
        if not fits or starts[0] != 0 or starts[-1] != len(data) or np.diff(starts).min() < 1:
            raise DataError(f"the offsets of {name} do not fit its bytes: it is damaged; get it again.")
        self._data, self._offsets, self._name = data, offsets, name
        self.shape = tuple(self._decode(0, None).shape)

    def __len__(self) -> int:
        return len(self._offsets) - 1

    def batch(self, indices: Tensor) -> Tensor:
        """The images at ``indices`` (int64 [B]), decoded now: uint8 [B, C, H, W]."""
        out = torch.empty((len(indices), *self.shape), dtype=torch.uint8)
        mode: Mode = "L" if self.shape[0] == 1 else "RGB"
        for place, row in enumerate(rows_of(indices, len(self)).tolist()):
            image = self._decode(row, mode)
            if tuple(image.shape) != self.shape:
                raise DataError(
                    f"image {row} of {self._name} has the shape {tuple(image.shape)}, not {self.shape}: replace it."
                )
            out[place] = image
        return out

    def fingerprint(self) -> str:
        """A digest of the encoded bytes."""
        return digest(self._data, self._offsets)

    def _decode(self, row: int, mode: Mode | None) -> Tensor:
        start, end = int(self._offsets[row]), int(self._offsets[row + 1])
        return decode(self._data[start:end].tobytes(), f"image {row} of {self._name}", mode)
