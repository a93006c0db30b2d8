"""What is labelled: a folder of images, an .npz file, or a CSV of texts or feature rows."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from iale.data.samples import Samples
from iale.labeling.ids import Ids

ItemKind = Literal["image", "text", "row"]
Shown = NDArray[np.uint8] | str | dict[str, str]
"""Pixels [H, W] or [H, W, 3], a text, or cells by column."""


class Items(Protocol):
    """N samples, known by id, and how to show one.

    Attributes:
        kind: what they are.
        ids: their ids in order; an id is 16 hexadecimal digits and stays what it is when the data are moved.
        samples: what a classifier reads; an input that cannot be read raises DataError.
    """

    kind: ItemKind
    ids: Ids
    samples: Samples

    def __len__(self) -> int: ...

    def name(self, index: int) -> str:
        """The path of an image below the folder, or the row of an array or table."""
        ...

    def stamp(self, index: int) -> str:
        """Changes with the content of a sample: empty for rows, whose id says it already.

        Raises DataError where the file is gone.
        """
        ...

    def path(self, index: int) -> Path:
        """The file of an image; raises DataError where it is gone, has changed, or there are no files."""
        ...

    def show(self, index: int) -> Shown:
        """The content of a sample, for people; raises DataError where it cannot be read."""
        ...


def open_items(data: Path, *, resize: tuple[int, ...] = ()) -> Items:
    """The samples at ``data``; raises DataError where there are none."""
    raise NotImplementedError
