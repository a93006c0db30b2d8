"""Encoded images: decoding one, and samples that stay encoded in memory."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from iale.data._checks import rows_of
from iale.data._fingerprint import digest
from iale.errors import DataError

Mode = Literal["L", "RGB"]
"""Pillow's words for grayscale and color, 8 bits a channel."""

_GRAY = ("1", "L", "LA", "La")
_DEEP = ("I", "I;16", "I;16B", "I;16L", "I;16N", "F")


def decode(source: Path | bytes, name: str, mode: Mode | None = None, size: tuple[int, int] | None = None) -> Tensor:
    """One image.

    Args:
        source: a file, or the bytes of one.
        name: what to call it in messages.
        mode: "L" or "RGB"; by default what the image is.
        size: (height, width) to resize to, with an antialiasing bilinear filter; a JPEG much larger than that is
            decoded at a fraction of its size, which is several times faster.

    Returns:
        uint8 [1 or 3, H, W].

    Raises:
        DataError: the image is empty, damaged, of an unknown kind or deeper than 8 bits.
    """
    try:
        with Image.open(io.BytesIO(source) if isinstance(source, bytes) else source) as image:
            return torch.from_numpy(_pixels(image, name, mode, size))
    except DataError:
        raise
    except Exception as error:  # a damaged file can fail anywhere in Pillow's parsers, with any exception
        raise DataError(f"{name} is not a readable image: replace or remove it.") from error


def _pixels(image: Image.Image, name: str, mode: Mode | None, size: tuple[int, int] | None) -> NDArray[np.uint8]:
    if image.mode in _DEEP:
        raise DataError(f"{name} has more than 8 bits a channel: convert it, or load it as an array.")
    mode = mode or ("L" if image.mode in _GRAY else "RGB")
    if size is not None:
        # Twice the size asked for, so that the filter and not the decoder decides how the result looks.
        image.draft(mode, (2 * size[1], 2 * size[0]))
    flat: Image.Image = image
    if image.mode == "P" and "transparency" in image.info:
        flat = image.convert("RGBA")
    if flat.mode != mode:
        flat = flat.convert(mode)
    if size is not None and flat.size != (size[1], size[0]):
        flat = flat.resize((size[1], size[0]), Image.Resampling.BILINEAR)
    pixels = np.array(flat)
    return pixels[None] if mode == "L" else np.ascontiguousarray(pixels.transpose(2, 0, 1))


class EncodedSamples:
    """Images that lie encoded in memory, one after another, and are decoded when they are asked for.

    Args:
        data: uint8 [bytes], all files one after another.
        offsets: int64 [N + 1], where each starts; the last entry is where the last one ends.
        name: what to call them in messages.

    Raises:
        DataError: there is no image, or the offsets do not fit the data.
    """

    def __init__(self, data: NDArray[Any], offsets: NDArray[Any], name: str) -> None:
        fits = (
            data.dtype == np.uint8
            and data.ndim == offsets.ndim == 1
            and offsets.dtype.kind in "iu"
            and len(offsets) > 1
            and int(offsets[0]) == 0
            and int(offsets[-1]) == len(data)
            and bool((np.diff(offsets.astype(np.int64)) > 0).all())
        )
        if not fits:
            raise DataError(f"the offsets of {name} do not fit its bytes: it is damaged; get it again.")
        self._data, self._offsets, self._name = data, offsets, name
        first = self._decode(0, None)
        self._shape = tuple(first.shape)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the first image, which all others must have."""
        return self._shape

    def __len__(self) -> int:
        return len(self._offsets) - 1

    def batch(self, indices: Tensor) -> Tensor:
        """The images at ``indices`` (int64 [B]), decoded now: uint8 [B, C, H, W]."""
        out = torch.empty((len(indices), *self._shape), dtype=torch.uint8)
        mode: Mode = "L" if self._shape[0] == 1 else "RGB"
        for place, row in enumerate(rows_of(indices, len(self)).tolist()):
            image = self._decode(row, mode)
            if tuple(image.shape) != self._shape:
                raise DataError(
                    f"image {row} of {self._name} has the shape {tuple(image.shape)}, not {self._shape}: replace it."
                )
            out[place] = image
        return out

    def fingerprint(self) -> str:
        """A digest of the encoded bytes."""
        return digest(self._data, self._offsets)

    def _decode(self, row: int, mode: Mode | None) -> Tensor:
        start, end = int(self._offsets[row]), int(self._offsets[row + 1])
        return decode(self._data[start:end].tobytes(), f"image {row} of {self._name}", mode)
