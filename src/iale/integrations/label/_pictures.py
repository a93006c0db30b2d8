"""How an image becomes what a browser shows: small files are sent as they are, all others decoded and scaled here."""

from __future__ import annotations

import io
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from iale.data._away import Away
from iale.data._pictures import open_picture
from iale.data._pictures import picture as decode
from iale.errors import DataError

EDGE = 1600  # pixels of the longer side of a shown image, at most
THUMB = 160  # the same in the gallery of labeled samples
_MOST_BYTES = 500_000_000  # a larger file is not read
_TYPES = {"GIF": "image/gif", "JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}
_AS_IS = 500_000  # bytes of a file that is sent as it is
_SMALL = 4_000_000  # pixels; larger images are decoded one at a time
# One thread, because the C library keeps the memory that each thread has freed: many would keep many photographs.
_LARGE = ThreadPoolExecutor(1, "large-picture")

Picture = tuple[bytes, str]  # bytes and their media type


def read_inside(root: Path, path: Path, name: str) -> bytes:
    """The bytes of a regular file below ``root``; links are followed as long as they stay there."""
    try:
        real = path.resolve(strict=True)
        if not real.is_relative_to(root.resolve()):
            raise DataError(f"{name} leads out of the folder.")
        with os.fdopen(os.open(real, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW), "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode) or status.st_size > _MOST_BYTES:
                raise DataError(f"{name} is not a regular file, or is too large for an image.")
            return file.read()
    except (OSError, RuntimeError) as error:  # a RuntimeError if links go round in circles
        raise Away(f"{name} cannot be read ({getattr(error, 'strerror', None) or error}).") from error


def picture(data: bytes, name: str, edge: int = EDGE) -> Picture:
    """What a browser shows of an encoded image; raises DataError if it cannot be decoded."""
    with open_picture(io.BytesIO(data), name) as image:
        kind, small = image.format, image.width * image.height <= _SMALL
        as_is = kind in _TYPES and len(data) <= _AS_IS and max(image.size) <= edge
    if not small:
        return _LARGE.submit(_smaller, data, name, edge).result()
    whole = decode(io.BytesIO(data), name, (edge // 2, edge // 2))  # a damaged file is found here, not in the browser
    return (data, _TYPES[str(kind)]) if as_is else _encode(whole, edge)


def picture_of_array(pixels: NDArray[np.uint8], edge: int = EDGE) -> Picture:
    """The same of pixels, uint8 [H, W] or [H, W, 3]."""
    return _encode(Image.fromarray(pixels), edge)


def _smaller(data: bytes, name: str, edge: int) -> Picture:
    return _encode(decode(io.BytesIO(data), name, (edge // 2, edge // 2)), edge)


def _encode(image: Image.Image, edge: int) -> Picture:
    if image.mode == "RGBA":
        paper = Image.new("RGBA", image.size, "white")
        paper.alpha_composite(image)
        image = paper.convert("RGB")
    image.thumbnail((edge, edge), Image.Resampling.BILINEAR)
    file = io.BytesIO()
    if max(image.size) <= THUMB:
        image.save(file, "PNG")
        return file.getvalue(), "image/png"
    image.save(file, "JPEG", quality=90)
    return file.getvalue(), "image/jpeg"
