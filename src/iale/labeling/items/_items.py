"""What is labeled: a folder of images, an .npz file, or a table of texts or feature rows."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from iale._closest import meant
from iale.data._table_samples import TABLES
from iale.data.samples import Samples
from iale.data.table_config import TableConfig
from iale.errors import DataError
from iale.labeling.items._ids import Ids
from iale.registry import Registry

ItemKind = Literal["image", "text", "row"]
Shown = NDArray[np.uint8] | str | dict[str, str]
"""Pixels [H, W] or [H, W, 3], a text, or cells by column."""


class Items(Protocol):
    """N samples, each with an id, and how to show one."""

    kind: ItemKind
    ids: Ids  # in order: digests of names (paths, cells of the column id) or, without names, of contents
    notices: list[str]  # sentences about what was passed over
    about: str  # what was found in a table, in one line; empty for everything else
    table: TableConfig  # how a table was read, to read it the same way again

    @property
    def samples(self) -> Samples:
        """What a classifier reads; an input that cannot be read raises DataError."""
        ...

    def __len__(self) -> int: ...

    def name(self, index: int) -> str:
        """The path of an image below the folder, or the row of an array or table."""
        ...

    def words(self, index: int) -> str:
        """The name as the journal has it: a path, the cell of the column ``sample`` or ``id``, or "row 17"."""
        ...

    def stamp(self, index: int) -> str:
        """Changes with what people see of a sample; raises DataError if that has changed since they saw it."""
        ...

    def fits(self, index: int, stamp: str) -> bool:
        """Whether a sample is still what it was when it had this stamp; an empty one is of an answer without one."""
        ...

    def find(self, stamps: Collection[str]) -> dict[str, list[int]]:
        """The indices of the samples with the content of these stamps, whatever their names are."""
        ...

    def changed(self, index: int) -> str:
        """What has happened to a sample since it was looked at: "deleted", "changed" or nothing."""
        ...

    def check(self) -> None:
        """Raises Away if all samples are away: a disk may be detached, or a folder renamed."""
        ...

    def path(self, index: int) -> Path:
        """The file of an image; raises DataError if it is gone, has changed, or the samples have no files."""
        ...

    def show(self, index: int) -> Shown:
        """The content of a sample, for people; raises DataError if it cannot be read."""
        ...


ITEMS = Registry[Callable[..., Items]](
    "kind of data",
    {
        "folder": "iale.labeling.items._images:ImageItems",
        "array": "iale.labeling.items._tables:array_items",
        "csv": "iale.labeling.items._tables:csv_items",
    },
)
"""Readers of data: functions of a path; that of a folder takes a size, too, and that of a table how it is read."""


def open_items(data: Path, *, resize: tuple[int, ...] = (), table: TableConfig | None = None) -> Items:
    """The samples at ``data``: a folder of images, an .npz or .npy file, or a table (.csv, .tsv or .txt)."""
    if data.is_dir():
        return ITEMS["folder"](data, resize)
    kind = {".npz": "array", ".npy": "array", **dict.fromkeys(TABLES, "csv")}.get(data.suffix.lower())
    if not data.exists():
        raise DataError(f"there is no {data}: {meant(data)}a folder of images, an .npz or a .csv file was expected.")
    if kind is None:
        raise DataError(f"{data} holds no samples: a folder of images, an .npz or a .csv file was expected.")
    if resize:
        raise DataError(f"{data} is not a folder of images, and only those are resized: leave the size out.")
    return ITEMS[kind](data, table) if kind == "csv" else ITEMS[kind](data)
