"""Images of unknown origin, opened so that none of them stops anything.

What a file claims is read before what it holds: a decompression bomb is refused by its header, and a huge JPEG is
decoded at a fraction of its size.
"""

from __future__ import annotations

import threading
import warnings
from pathlib import Path
from typing import IO

from PIL import Image, ImageOps

from iale.errors import DataError

MOST_PIXELS = 1 << 27
"""134 megapixels, which take half a gigabyte when they are decoded whole; more are refused."""

_FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")  # others start programs, as EPS does
_DEEP = ("I", "I;16", "I;16B", "I;16L", "I;16N", "F")
_opening = threading.Lock()  # the filters of warnings belong to the whole process


def open_picture(file: Path | IO[bytes], name: str) -> Image.Image:
    """An image whose header alone has been read.

    Args:
        file: where it is.
        name: what to call it in messages.

    Raises:
        DataError: it is no image, or has more than `MOST_PIXELS`.
    """
    try:
        with _opening, warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(file, formats=_FORMATS)
    except Image.DecompressionBombError as error:
        raise DataError(f"{name} has far too many pixels to be opened: it was passed over.") from error
    except Exception as error:  # a damaged file can fail anywhere in Pillow's parsers, with any exception
        raise DataError(f"{name} is not a readable image: replace or remove it.") from error
    if image.width * image.height > MOST_PIXELS:
        image.close()
        raise DataError(
            f"{name} has {image.width} x {image.height} pixels, more than {MOST_PIXELS // 10**6} million: it was "
            f"passed over."
        )
    return image


def picture(file: Path | IO[bytes], name: str, size: tuple[int, int]) -> Image.Image:
    """A decoded image, upright, in mode L, RGB or RGBA, and not much larger than asked for.

    Args:
        file: where it is.
        name: what to call it in messages.
        size: (height, width) of interest; an image that is larger on both sides is reduced, but stays larger.

    Raises:
        DataError: it cannot be opened (`open_picture`) or decoded.
    """
    with open_picture(file, name) as image:
        try:
            image.draft(None, (2 * size[1], 2 * size[0]))
            image.load()
            factor = min(image.height // (2 * size[0]), image.width // (2 * size[1]))
            plain = _plain(image)
            small: Image.Image = image
            if image.mode != plain or factor < 2:  # otherwise no copy is made, of maybe 100 megapixels
                small = image.convert(plain)
            if factor > 1:
                small = small.reduce(factor)
            return ImageOps.exif_transpose(small) if image.getexif().get(0x0112, 1) != 1 else small
        except Exception as error:  # as above
            raise DataError(f"{name} is not a readable image: replace or remove it.") from error


def _plain(image: Image.Image) -> str:
    if image.mode in _DEEP:
        raise ValueError("deeper than 8 bits")
    if image.mode in ("1", "L"):
        return "L"
    return "RGBA" if "A" in image.mode or "transparency" in image.info else "RGB"
