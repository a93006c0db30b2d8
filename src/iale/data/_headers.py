"""What many images have in common, color and size, from their headers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from iale.data._pictures import Mode, read_header
from iale.errors import DataError

_MOST = 4096
"""Headers that are read, 0.3 s from a warm disk; of more images, those of evenly spaced ones."""


@dataclass(frozen=True)
class Look:
    """What the headers of many images say.

    Attributes:
        mode: "RGB" if one of them has colors.
        sizes: an image for each (height, width) that occurs, by its index.
        unreadable: why a header could not be read, by index.
        every: whether all images were looked at.
    """

    mode: Mode
    sizes: dict[tuple[int, int], int]
    unreadable: dict[int, str]
    every: bool

    def check(self, source: Path | bytes, name: str) -> None:
        """Raises DataError for an image with colors that would be lost because those looked at have none."""
        if self.mode == "L" and not self.every and read_header(source, name).mode == "RGB":
            raise DataError(
                f"{name} has colors, and none of the {_MOST} images that were looked at has: convert it to grayscale, "
                f"or put one with colors in front."
            )


def look_at(where: Path | str, count: int, file: Callable[[int], tuple[Path | bytes, str]]) -> Look:
    """Looks at ``count`` images; ``file`` gives each one and what messages call it.

    The first and the last one are always among them. Raises DataError if none of them can be read.
    """
    sizes: dict[tuple[int, int], int] = {}
    unreadable: dict[int, str] = {}
    mode: Mode = "L"
    for row in np.unique(np.linspace(0, count - 1, min(count, _MOST)).round().astype(int)).tolist():
        try:
            header = read_header(*file(row))
        except DataError as error:
            unreadable[row] = str(error)
            continue
        sizes.setdefault(header.size, row)
        mode = "RGB" if header.mode == "RGB" else mode
    if not sizes:
        first = next(iter(unreadable.values()))
        raise DataError(f"none of the images that were tried in {where} can be read ({len(unreadable)}): {first}")
    return Look(mode, sizes, unreadable, count <= _MOST)
