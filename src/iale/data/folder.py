"""A folder of images, read one file at a time."""

from __future__ import annotations

import os
from pathlib import Path

import torch
from torch import Tensor

from iale.data._checks import rows_of
from iale.data._fingerprint import digest, file_stamp, sampled
from iale.data.images import Mode, decode
from iale.errors import ConfigError, DataError

EXTENSIONS = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"})
"""Files with other extensions, and hidden ones, are passed over."""


class FolderSamples:
    """The images below a folder, in the order of their names, each decoded when it is asked for.

    Where every image lies in a sub-folder, the first-level sub-folders are the classes; otherwise the images are
    unlabeled.

    Args:
        root: the folder.
        size: (height, width) to which every image is resized; without it all must have the size of the first.
        mode: "L" (grayscale) or "RGB"; by default what the first image is.

    Attributes:
        names: the N paths below ``root``, with forward slashes.
        classes: the names of the classes in order, empty for unlabeled images.
        labels: int64 [N], or None for unlabeled images.

    Raises:
        DataError: there is no image, a file is empty, or the first image cannot be read.
    """

    def __init__(self, root: str | Path, *, size: tuple[int, int] | None = None, mode: Mode | None = None) -> None:
        if size is not None and min(size) < 1:
            raise ConfigError(f"images cannot be resized to {size}: give (height, width) of at least 1.")
        self.root = Path(root)
        self.names = image_names(self.root)
        parts = [name.split("/") for name in self.names]
        self.classes: tuple[str, ...] = ()
        self.labels: Tensor | None = None
        if all(len(part) > 1 for part in parts):
            self.classes = tuple(sorted({part[0] for part in parts}))
            number = {name: label for label, name in enumerate(self.classes)}
            self.labels = torch.tensor([number[part[0]] for part in parts])
        first = decode(self.root / self.names[0], str(self.root / self.names[0]), mode, size)
        self._size = size
        self._shape = tuple(first.shape)
        self._mode: Mode = "L" if self._shape[0] == 1 else "RGB"

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one image: ``(1 or 3, height, width)``."""
        return self._shape

    def __len__(self) -> int:
        return len(self.names)

    def batch(self, indices: Tensor) -> Tensor:
        """The images at ``indices`` (int64 [B]), decoded now: uint8 [B, C, H, W].

        Raises DataError for an image that cannot be read or has another size than the first.
        """
        out = torch.empty((len(indices), *self._shape), dtype=torch.uint8)
        for place, row in enumerate(rows_of(indices, len(self)).tolist()):
            path = self.root / self.names[row]
            image = decode(path, str(path), self._mode, self._size)
            if tuple(image.shape) != self._shape:
                height, width = image.shape[1:]
                raise DataError(
                    f"{path} is {height} x {width} pixels and the first image {self._shape[1]} x {self._shape[2]}: "
                    f"give a size to resize all images to."
                )
            out[place] = image
        return out

    def fingerprint(self) -> str:
        """A digest of every file's path, size and time of the last change, and of the content of some."""
        root = self.root.absolute()
        return digest(
            self._mode, self._size, root, [(name, file_stamp(root / name)) for name in self.names], sampled(self)
        )


def image_names(root: Path) -> list[str]:
    """The paths of all images below ``root``, sorted, relative to it and with forward slashes.

    Raises DataError for a folder without images and for an empty file.
    """
    if not root.is_dir():
        raise DataError(f"there is no folder {root}: give a folder of images.")
    names = []
    seen = set()
    for folder, folders, files in os.walk(root, followlinks=True, onerror=_unreadable):
        if (place := os.path.realpath(folder)) in seen:  # a link back up would go round in circles
            folders.clear()
            continue
        seen.add(place)
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            if not name.startswith(".") and os.path.splitext(name)[1].lower() in EXTENSIONS:
                path = Path(folder, name)
                if path.is_file() and path.stat().st_size == 0:
                    raise DataError(f"{path} is an empty file, not an image: replace or remove it.")
                names.append(path.relative_to(root).as_posix())
    if not names:
        kinds = ", ".join(sorted(EXTENSIONS))
        raise DataError(f"{root} holds no images: files with the extensions {kinds} were expected.")
    return sorted(names)


def _unreadable(error: OSError) -> None:
    raise DataError(f"the folder {error.filename} cannot be read: check its permissions.") from error


def check_class_folders(root: Path, classes: tuple[str, ...]) -> None:
    """Raises DataError for an empty class folder, which would shift the numbers of the classes behind it."""
    for path in sorted(root.iterdir()):
        if path.is_dir() and not path.name.startswith(".") and path.name not in classes:
            raise DataError(f"the class folder {path} holds no images: add images or remove it.")
