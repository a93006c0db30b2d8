"""Rows of an .npz file, or of a table of texts or features."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from iale import _storage as storage
from iale.data._away import Away
from iale.data._fingerprint import fingerprint
from iale.data._table_categories import categories
from iale.data._table_samples import SampleTable, open_table
from iale.data.arrays import ArraySamples
from iale.data.samples import Samples
from iale.data.table_config import TableConfig
from iale.data.unlabeled import load_unlabeled
from iale.errors import DataError
from iale.labeling.items._identity import RowIdentity, content_digests, readable, shown_digests
from iale.labeling.items._ids import Names, id_of
from iale.labeling.items._items import ItemKind, Shown

_READ = 1024  # rows of an array read at a time


class RowItems:
    """Rows of an array, or of a table with C cells in each row.

    Attributes:
        table: how the table was read.
        features: of a table of features, each column with its categories, in the order of the features; None for a
            column of numbers.
    """

    def __init__(
        self,
        kind: ItemKind,
        samples: Samples,
        identity: RowIdentity,
        names: Names | None = None,
        columns: Sequence[str] = (),
        cells: Names | None = None,  # of all rows, one after another
    ) -> None:
        self.kind, self.samples, self.ids, self._identity = kind, samples, identity.ids, identity
        self.notices: list[str] = []
        self.about, self.table = "", TableConfig()
        self.features: list[tuple[str, list[str] | None]] = []
        self._names, self._columns, self._cells = names, tuple(columns), cells

    def __len__(self) -> int:
        return len(self.samples)

    def name(self, index: int) -> str:
        """The cell of the column ``sample`` or ``id``, or else the row's number from 0."""
        return str(index) if self._names is None else self._names[index]

    def words(self, index: int) -> str:
        return f"row {index}" if self._names is None else readable(self._names[index])

    def stamp(self, index: int) -> str:
        return self._identity.stamp(index)

    def fits(self, index: int, stamp: str) -> bool:
        return self._identity.fits(index, stamp)

    def find(self, stamps: Collection[str]) -> dict[str, list[int]]:
        return self._identity.find(stamps)

    def changed(self, index: int) -> str:
        try:
            self.check()
        except Away:
            return "changed"
        return ""

    def check(self) -> None:
        if isinstance(self.samples, _FileRows):  # otherwise, what was read once stays
            self.samples.check()

    def path(self, index: int) -> Path:
        raise DataError(f"sample {self.name(index)} is a row and has no file: show it instead.")

    def show(self, index: int) -> Shown:
        """Pixels, the text, or the cells by column."""
        if self._cells is not None:
            start = index * len(self._columns)
            row = {column: self._cells[start + at] for at, column in enumerate(self._columns)}
            if self.kind == "row":
                return row
            texts = [f"{column}: {value}" for column, value in row.items()]
            return "\n".join(texts) if len(row) > 1 else next(iter(row.values()))
        values = self.samples.batch(torch.tensor([index]))[0]
        if self.kind == "image":
            return _pixels(values)
        return {str(column): f"{value:g}" for column, value in enumerate(values.tolist())}


class _FileRows:
    """Rows of an .npy file, which are read again and again; none is given once the file is not what it was.

    Rows are known by their content: a label for what is in a row's place now would go to what was there before.
    """

    def __init__(self, path: Path, samples: Samples, before: object) -> None:
        self._path, self._samples, self._before = path, samples, before
        self.shape, self.dtype, self.fingerprint = samples.shape, samples.dtype, partial(fingerprint, samples)

    def __len__(self) -> int:
        return len(self._samples)

    def batch(self, indices: Tensor) -> Tensor:
        """As of the samples; raises Away."""
        found = self._samples.batch(indices)
        self.check()  # now, when nothing can come into it any more
        return found

    def check(self) -> None:
        """Raises Away if the file is gone, or was written to."""
        now = storage.stamp(self._path)
        if now is None:
            raise Away(f"{self._path} is away: put it back; until then no sample can be read.")
        if now != self._before:
            raise Away(f"{self._path} has changed since it was opened: start again, and its rows are read anew.")


def array_items(path: Path) -> RowItems:
    """The rows of an .npz or .npy file: images [N, H, W], [N, H, W, C] or [N, C, H, W], or features [N, F]."""
    before = storage.stamp(path)
    samples, _ = load_unlabeled(path)
    stored = np.uint8 if isinstance(samples, ArraySamples) and samples.bytes else np.float32
    kind: ItemKind = "image" if len(samples.shape) == 3 else "row"

    def numbers() -> Iterator[int]:
        for rows in torch.split(torch.arange(len(samples)), _READ):
            yield from (id_of(row.tobytes()) for row in samples.batch(rows).numpy().astype(stored))

    identity = RowIdentity(np.fromiter(numbers(), np.uint64, len(samples)))
    return RowItems(kind, _FileRows(path, samples, before) if path.suffix.lower() == ".npy" else samples, identity)


def csv_items(path: Path, config: TableConfig | None = None) -> RowItems:
    """The rows of a table: texts, or features (`iale.data.TableConfig`)."""
    table = open_table(path, config)
    identity = RowIdentity(content_digests(table.contents), _shown(table), table.names)
    names = None if table.names is None else Names(table.names)
    cells = Names(cell for row in table.cells for cell in row)
    items = RowItems(table.kind, table.samples, identity, names, table.columns, cells)
    items.notices, items.about, items.table = table.notices, table.about, table.config
    if table.kind == "row":
        said = {at: categories([row[at] for row in table.cells]) for at in table.words}
        items.features = [(name, said.get(at)) for at, name in enumerate(table.columns)]
    return items


def _shown(table: SampleTable) -> NDArray[np.uint64]:
    if table.kind == "text":
        return shown_digests(table.columns, table.cells)
    features, numbers, start = table.samples.batch(torch.arange(len(table.samples))).numpy(), {}, 0
    for at in range(len(table.columns)):
        if at in table.words:  # what people see, and not the number of its category: others may come
            start += len(categories([row[at] for row in table.cells]))
        else:
            numbers[at] = features[:, start]
            start += 1
    return shown_digests(table.columns, table.cells, numbers)


def _pixels(values: Tensor) -> NDArray[np.uint8]:
    """uint8 [H, W] or [H, W, 3] of [C, H, W]. Floats are stretched to 0 … 255; one or many channels are averaged."""
    if values.is_floating_point():
        low, high = float(values.min()), float(values.max())
        values = (255 * (values - low) / ((high - low) or 1.0)).round().to(torch.uint8)
    if len(values) in (3, 4):
        return values[:3].permute(1, 2, 0).contiguous().numpy()
    return values.float().mean(dim=0).round().to(torch.uint8).numpy()
