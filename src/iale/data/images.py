"""Images that are decoded when they are asked for: files in a folder, or encoded bytes in memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from iale._given import path_of, size_of
from iale.data._away import check_folder
from iale.data._checks import rows_of
from iale.data._fingerprint import digest, file_stamp, sampled
from iale.data._headers import Look, look_at
from iale.data._pictures import Mode, decode
from iale.data._reading import read_batch
from iale.data._scan import scan_images
from iale.errors import ConfigError, DataError

_KEPT = 1 << 28  # bytes of decoded images that are kept in memory; a page of it is used when an image comes into it


class FolderSamples:
    """The images below a folder, in the order of their names, each decoded when it is asked for, upright.

    If every image lies in a subfolder, the first-level subfolders are the classes; otherwise the images are unlabeled.
    Links out of the folder, links to folders, empty files and files with other extensions are passed over.

    Args:
        root: the folder.
        size: (height, width) to which every image is resized; without it, all must have one size.
        mixed: the size to which they are resized if they have several; by default that is an error.
        mode: "L" (grayscale) or "RGB"; by default RGB if one of the images has colors.

    Attributes:
        root: the folder.
        names: the N paths below ``root``, with forward slashes.
        classes: the names of the classes in order, empty for unlabeled images.
        labels: int64 [N], or None for unlabeled images.
        shape: of one image: ``(1 or 3, height, width)``.
        dtype: ``torch.uint8``.
        stored_shape: of one image as it is in its file; ``(1 or 3,)`` if the files have several sizes.
        sizes: how many sizes the files have.
        passed_over: a sentence with the number of files that are no samples, by reason; empty if there are none.
        unreadable: why an image cannot be read, by its index, as far as that is known without decoding it.

    Raises:
        ConfigError: a size or the mode is something else.
        DataError: there is no image, none can be read, or their sizes differ.
    """

    def __init__(
        self,
        root: str | Path,
        *,
        size: tuple[int, int] | None = None,
        mixed: tuple[int, int] | None = None,
        mode: Mode | None = None,
    ) -> None:
        size = None if size is None else size_of(size, "size")
        mixed = None if mixed is None else size_of(mixed, "mixed")
        if mode not in (None, "L", "RGB"):
            raise ConfigError(f"the mode of images is 'L' or 'RGB', not {mode!r:.40}.")
        self.root = path_of(root, "the path of a folder of images")
        found, self._passed_over = scan_images(self.root)
        self.names = [image.name for image in found]
        self.passed_over = self._passed_over.line
        parts = [name.split("/") for name in self.names]
        self.classes: tuple[str, ...] = ()
        self.labels: Tensor | None = None
        if all(len(part) > 1 for part in parts):
            self.classes = tuple(sorted({part[0] for part in parts}))
            number = {name: label for label, name in enumerate(self.classes)}
            self.labels = torch.tensor([number[part[0]] for part in parts])
        look = look_at(self.root, len(self), self._file)
        self.sizes = len(look.sizes)
        size = mixed if size is None and self.sizes > 1 else size
        if size is None and self.sizes > 1:
            told = [f"{h} x {w} ({self.names[row]})" for (h, w), row in list(look.sizes.items())[:2]]
            raise DataError(
                f"the images in {self.root} have {len(look.sizes)} sizes, as {' and '.join(told)}: give a size to "
                f"resize all of them to, on the command line --resize HEIGHT,WIDTH."
            )
        self.unreadable = look.unreadable
        self._size, self._look = size, look if mode is None else Look(mode, look.sizes, look.unreadable, every=True)
        self._mode: Mode = self._look.mode
        channels, stored = 1 if self._mode == "L" else 3, next(iter(look.sizes))
        self.shape = (channels, *(size or stored))
        self.stored_shape: tuple[int, ...] = (channels, *stored) if self.sizes == 1 else (channels,)
        self.dtype = torch.uint8

    def __len__(self) -> int:
        return len(self.names)

    def batch(self, indices: Tensor) -> Tensor:
        """The images at ``indices`` (int64 [B]), decoded now: uint8 [B, C, H, W].

        Raises UnreadableError for images that cannot be read, or that are not what the others are in size or color, and
        DataError if the whole folder is away.
        """
        return read_batch(self, indices, self._one, lambda: check_folder(self.root))

    def listing(self, *, others: bool = True) -> list[str]:
        """A line for each file that was passed over; without ``others``, for those that might be meant as samples."""
        return self._passed_over.listing(others=others)

    def fingerprint(self) -> str:
        """A digest of every file's path, size and time of the last change, and of the content of some."""
        return digest(self._mode, self._size, self.root.absolute(), self.stamps(), sampled(self))

    def stamps(self) -> list[tuple[str, tuple[int, int]]]:
        """The path of every file, its size, and the time of its last change; raises DataError if one is gone."""
        root = self.root.absolute()
        return [(name, file_stamp(root / name)) for name in self.names]

    def encoded(self, row: int) -> bytes:
        """The content of one file; raises DataError if it cannot be read."""
        path, name = self._file(row)
        try:
            return path.read_bytes()
        except OSError as error:
            raise DataError(f"{name} cannot be read ({error.strerror or error}): put it back.") from error

    def _file(self, row: int) -> tuple[Path, str]:
        return self.root / self.names[row], str(self.root / self.names[row])

    def _one(self, row: int) -> Tensor:
        path, name = self._file(row)
        self._look.check(path, name)
        image = decode(path, name, self._mode, self._size)
        if tuple(image.shape) != self.shape:
            height, width = image.shape[1:]
            raise DataError(
                f"{name} is {height} x {width} pixels and the others {self.shape[1]} x {self.shape[2]}: "
                f"give a size to resize all images to."
            )
        return image


class EncodedSamples:
    """Images that stay encoded in memory, one after another, and are decoded when they are asked for.

    If all of them decoded take at most 256 MiB, each is decoded once and kept: a run asks for the same ones many times.

    Args:
        data: uint8 [B], the bytes of all files, one after another.
        offsets: int64 [N + 1], where each file starts; the last entry is where the last file ends.
        name: what messages call them.

    Attributes:
        shape: of the first image, which all others must have; with one channel if that has no colors.
        dtype: ``torch.uint8``.

    Raises:
        DataError: there is no image, or the offsets do not fit the data.
    """

    def __init__(self, data: NDArray[np.generic], offsets: NDArray[np.generic], name: str) -> None:
        fits = isinstance(data, np.ndarray) and isinstance(offsets, np.ndarray) and data.ndim == offsets.ndim == 1
        fits = fits and data.dtype == np.uint8 and offsets.dtype.kind in "iu" and len(offsets) > 1
        starts = offsets.astype(np.int64) if fits else np.zeros(1, np.int64)
        if not fits or starts[0] != 0 or starts[-1] != len(data) or np.diff(starts).min() < 1:
            raise DataError(f"the offsets of {name} do not fit its bytes: it is damaged; get it again.")
        self._data, self._offsets, self._name = data, offsets, name
        self._look = look_at(name, len(self), self._file)
        self.dtype = torch.uint8
        first = decode(*self._file(0), self._look.mode)
        self.shape = tuple(first.shape)
        self._keeps = len(self) * first.numel() <= _KEPT
        self._decoded = torch.empty((len(self) if self._keeps else 0, *self.shape), dtype=torch.uint8)
        self._known = torch.zeros(len(self._decoded), dtype=torch.bool)

    def __len__(self) -> int:
        return len(self._offsets) - 1

    def batch(self, indices: Tensor) -> Tensor:
        """The images at ``indices`` (int64 [B]): uint8 [B, C, H, W], a copy.

        Raises UnreadableError for images that cannot be read, or that have another size than the first.
        """
        if not self._keeps:
            return read_batch(self, indices, self._one)
        rows = torch.from_numpy(rows_of(indices, len(self)))
        new = torch.unique(rows[~self._known[rows]])
        self._decoded[new] = read_batch(self, new, self._one)
        self._known[new] = True
        return self._decoded[rows]

    def fingerprint(self) -> str:
        """A digest of the encoded bytes."""
        return digest(self._data, self._offsets)

    def encoded(self, row: int) -> bytes:
        """The bytes of one image as they are stored."""
        return self._file(row)[0]

    def _file(self, row: int) -> tuple[bytes, str]:
        start, end = int(self._offsets[row]), int(self._offsets[row + 1])
        return self._data[start:end].tobytes(), f"image {row} of {self._name}"

    def _one(self, row: int) -> Tensor:
        data, name = self._file(row)
        self._look.check(data, name)
        image = decode(data, name, self._look.mode)
        if tuple(image.shape) != self.shape:
            raise DataError(f"{name} has the shape {tuple(image.shape)}, not {self.shape}: replace it.")
        return image
