"""Images opened and decoded: `decode` for data sets, `open_picture` and `picture` for files of unknown origin.

A file of unknown origin must not stop or harm anything. What it claims is read before what it holds: a decompression
bomb is refused by its header, a huge JPEG is decoded at a fraction of its size, and formats that start programs are not
opened at all.
"""

from __future__ import annotations

import contextlib
import io
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Literal

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from iale.errors import DataError

Mode = Literal["L", "RGB"]
"""Pillow's words for grayscale and color, 8 bits a channel."""

MOST_PIXELS = 1 << 27
"""134 megapixels, which take half a gigabyte when they are decoded whole; more are refused."""

_FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")  # others start programs, as EPS does
_GRAY = ("1", "L", "LA", "La")
_DEEP = ("I", "I;16", "I;16B", "I;16L", "I;16N", "F")
_ORIENTATION = 0x0112  # the EXIF tag of how a camera was held; 1 is upright
_opening = threading.Lock()  # the filters of warnings belong to the whole process


def decode(source: Path | bytes, name: str, mode: Mode | None = None, size: tuple[int, int] | None = None) -> Tensor:
    """uint8 [1 or 3, H, W]: one image of a data set, in its own mode unless ``mode`` names one.

    It is resized to ``size`` (height, width) with an antialiasing bilinear filter; a JPEG much larger than that is
    decoded at a fraction of its size, which is several times faster. Raises DataError if the image is empty, damaged,
    of an unknown kind or deeper than 8 bits.
    """
    with _readable(name), Image.open(io.BytesIO(source) if isinstance(source, bytes) else source) as image:
        _check_depth(image, name)
        mode = mode or ("L" if image.mode in _GRAY else "RGB")
        if size is not None:
            # Twice the size asked for, so that the filter and not the decoder decides how the result looks.
            image.draft(mode, (2 * size[1], 2 * size[0]))
        # Pillow warns unless the transparency of a palette is resolved first.
        flat = image.convert("RGBA") if image.mode == "P" and "transparency" in image.info else image
        return to_pixels(flat, mode, size)


def open_picture(file: Path | IO[bytes], name: str) -> Image.Image:
    """An image of unknown origin, of which only the header has been read; DataError if it exceeds `MOST_PIXELS`."""
    with _readable(name), _opening, warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        try:
            image = Image.open(file, formats=_FORMATS)
        except Image.DecompressionBombError as error:
            raise DataError(f"{name} has far too many pixels to be opened: it was passed over.") from error
    if image.width * image.height > MOST_PIXELS:
        image.close()
        raise DataError(
            f"{name} has {image.width} x {image.height} pixels, more than {MOST_PIXELS // 10**6} million: it was "
            f"passed over."
        )
    return image


def picture(file: Path | IO[bytes], name: str, size: tuple[int, int]) -> Image.Image:
    """A decoded image of unknown origin: upright, in mode L, RGB or RGBA.

    An image that is larger than ``size`` (height, width) on both sides is reduced, but stays larger. Raises DataError
    if it cannot be opened (`open_picture`) or decoded, or is deeper than 8 bits.
    """
    with open_picture(file, name) as image, _readable(name):
        _check_depth(image, name)
        image.draft(None, (2 * size[1], 2 * size[0]))
        image.load()
        factor = min(image.height // (2 * size[0]), image.width // (2 * size[1]))
        transparent = "A" in image.mode or "transparency" in image.info
        plain = "L" if image.mode in ("1", "L") else "RGBA" if transparent else "RGB"
        small: Image.Image = image
        if image.mode != plain or factor < 2:  # otherwise no copy is made, of maybe 100 megapixels
            small = image.convert(plain)
        if factor > 1:
            small = small.reduce(factor)
        return ImageOps.exif_transpose(small) if image.getexif().get(_ORIENTATION, 1) != 1 else small


def to_pixels(image: Image.Image, mode: Mode, size: tuple[int, int] | None = None) -> Tensor:
    """uint8 [1 or 3, H, W]: an image in ``mode``, resized to ``size`` (height, width) with a bilinear filter."""
    if image.mode != mode:
        image = image.convert(mode)
    if size is not None and image.size != (size[1], size[0]):
        image = image.resize((size[1], size[0]), Image.Resampling.BILINEAR)
    pixels = np.array(image)
    return torch.from_numpy(pixels[None] if mode == "L" else np.ascontiguousarray(pixels.transpose(2, 0, 1)))


@contextlib.contextmanager
def _readable(name: str) -> Iterator[None]:
    """Turns every failure into a sentence: Pillow's parsers can raise any exception for a damaged file."""
    try:
        yield
    except DataError:
        raise
    except Exception as error:
        raise DataError(f"{name} is not a readable image: replace or remove it.") from error


def _check_depth(image: Image.Image, name: str) -> None:
    if image.mode in _DEEP:
        raise DataError(f"{name} has more than 8 bits a channel: convert it, or load it as an array.")
