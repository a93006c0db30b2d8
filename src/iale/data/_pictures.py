"""Image files, opened and decoded.

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
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Literal, NamedTuple

import numpy as np
import torch
from PIL import Image, ImageOps, features
from torch import Tensor

from iale._packages import to_install
from iale.errors import DataError

Mode = Literal["L", "RGB"]
"""Pillow's words for grayscale and color, 8 bits a channel."""

PHOTO_SIZE = (64, 64)
"""Height and width in which classifiers see photographs of several sizes; people see them as they are."""

MOST_PIXELS = 1 << 27
"""134 megapixels, which take half a gigabyte when they are decoded whole; more are refused."""

_ENDINGS = {
    "BMP": (".bmp",),
    "GIF": (".gif",),
    "JPEG": (".jfif", ".jpeg", ".jpg"),
    "PNG": (".png",),
    "PPM": (".pgm", ".ppm"),
    "TIFF": (".tif", ".tiff"),
    "WEBP": (".webp",),
    "AVIF": (".avif",),
    "HEIF": (".heic", ".heif"),
}
_ABSENT = {
    "AVIF": "" if features.check("avif") else "needs a Pillow with AVIF: pip install -U pillow",
    "HEIF": "" if find_spec("pillow_heif") else to_install("pillow-heif"),
}
_FORMATS = [kind for kind in _ENDINGS if not _ABSENT.get(kind)]  # others start programs, as EPS does

EXTENSIONS = frozenset(ending for kind in _FORMATS for ending in _ENDINGS[kind])
"""Of the files that can be read here; hidden ones are not looked at."""

MISSING = {ending: why for kind, why in _ABSENT.items() if why for ending in _ENDINGS[kind]}
"""Extensions of images that cannot be read here, and what to do."""

_GRAY = ("1", "L", "LA", "La")
_DEEP = ("I", "I;16", "I;16B", "I;16L", "I;16N", "F")
_ORIENTATION = 0x0112  # the EXIF tag of how a camera was held; 1 is upright, and 5 to 8 lie on their side
_opening = threading.Lock()  # the filters of warnings and the list of formats belong to the whole process


class Header(NamedTuple):
    """What is known of an image before it is decoded."""

    mode: Mode
    size: tuple[int, int]  # height and width, upright


def open_picture(file: Path | IO[bytes], name: str) -> Image.Image:
    """An image of which only the header has been read; raises DataError if it exceeds `MOST_PIXELS` or is damaged."""
    with _readable(name), _opening, warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        if "HEIF" in _FORMATS and "HEIF" not in Image.OPEN:
            __import__("pillow_heif").register_heif_opener()
        try:
            image = Image.open(file, formats=_FORMATS)
        except Image.DecompressionBombError as error:
            raise DataError(f"{name} has far too many pixels to be opened: it was passed over.") from error
    # A named file may be mapped into memory, and Pillow maps a TIFF that lies on its side with its sides exchanged.
    image.filename = ""
    if image.width * image.height > MOST_PIXELS:
        image.close()
        raise DataError(
            f"{name} has {image.width} x {image.height} pixels, more than {MOST_PIXELS // 10**6} million: it was "
            f"passed over."
        )
    return image


def read_header(source: Path | bytes, name: str) -> Header:
    """The color mode and the size of an image; raises DataError if it cannot be opened or has more than 8 bits."""
    with open_picture(_file(source), name) as image, _readable(name):
        check_depth(image, name)
        return Header(mode_of(image), _upright_size(image))


def mode_of(image: Image.Image) -> Mode:
    """The mode in which nothing of an image is lost."""
    return "L" if image.mode in _GRAY else "RGB"


def picture(file: Path | IO[bytes], name: str, size: tuple[int, int] | None = None) -> Image.Image:
    """A decoded image: upright, in mode L, RGB or RGBA.

    An image that is larger than ``size`` (height, width) on both sides is reduced, but stays larger. Raises DataError
    if it cannot be opened (`open_picture`) or decoded, or is deeper than 8 bits.
    """
    with open_picture(file, name) as image, _readable(name):
        check_depth(image, name)
        factor = 1
        if size is not None:
            lying = _upright_size(image) != (image.height, image.width)
            height, width = size[::-1] if lying else size
            # Twice the size asked for, so that the filter and not the decoder decides how the result looks.
            image.draft(None, (2 * width, 2 * height))
            image.load()
            factor = min(image.height // (2 * height), image.width // (2 * width))
        image.load()
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


def decode(source: Path | bytes, name: str, mode: Mode, size: tuple[int, int] | None = None) -> Tensor:
    """uint8 [1 or 3, H, W]: one image in ``mode``, upright and, if it is not, resized to ``size`` (height, width).

    Raises DataError if the image is empty, damaged, too large, of an unknown kind or deeper than 8 bits.
    """
    with picture(_file(source), name, size) as image, _readable(name):
        return to_pixels(image, mode, size)


def check_depth(image: Image.Image, name: str) -> None:
    """Raises DataError for an image of more than 8 bits a channel, which Pillow would cut off at 255."""
    if image.mode in _DEEP:
        raise DataError(f"{name} has more than 8 bits a channel: convert it, or load it as an array.")


def _upright_size(image: Image.Image) -> tuple[int, int]:
    """Height and width; a PNG that has its orientation after its pixels is not decoded for it."""
    known = image.format not in ("PNG", "TIFF") or (image.format == "PNG" and "exif" in image.info)
    lying = known and image.getexif().get(_ORIENTATION, 1) in (5, 6, 7, 8)  # Pillow tells the upright size of a TIFF
    return (image.width, image.height) if lying else (image.height, image.width)


def _file(source: Path | bytes) -> Path | IO[bytes]:
    return io.BytesIO(source) if isinstance(source, bytes) else source


@contextlib.contextmanager
def _readable(name: str) -> Iterator[None]:
    """Turns every failure into a sentence: Pillow's parsers can raise any exception for a damaged file."""
    try:
        yield
    except DataError:
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno is not None:  # the image may be good: Pillow's own have no number
            raise DataError(f"{name} cannot be read ({error.strerror}): put it back, or check its disk.") from error
        if isinstance(error, MemoryError):
            raise DataError(f"{name} takes more memory than there is: make it smaller.") from error
        raise DataError(f"{name} is not a readable image: replace or remove it.") from error
