"""Rows of an .npz file, or of a CSV file of texts or features."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from iale.data._checks import join, rows_of
from iale.data._tables import read_table
from iale.data.arrays import ArraySamples
from iale.data.samples import Samples
from iale.data.unlabeled import load_unlabeled
from iale.errors import DataError
from iale.labeling.items._identity import RowIdentity, check_names, content_digests, readable, shown_digests
from iale.labeling.items._ids import Names, id_of
from iale.labeling.items._items import ItemKind, Shown
from iale.labeling.items._texts import FEATURES, hashed_ngrams

_NAME_COLUMNS = ("sample", "id")  # they name a row; the first one that exists is used
_LABEL_COLUMN = "label"  # never shown or learned from; `import_csv` reads it
_READ = 1024  # rows of an array read at a time


class RowItems:
    """Rows of an array, or of a table with the cells of each row joined by NUL."""

    def __init__(
        self,
        kind: ItemKind,
        samples: Samples,
        identity: RowIdentity,
        names: Names | None = None,
        columns: Sequence[str] = (),
        cells: Names | None = None,
    ) -> None:
        self.kind, self.samples, self.ids, self._identity = kind, samples, identity.ids, identity
        self.notices: list[str] = []
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
        return ""  # what was read once does not change

    def check(self) -> None:
        return None  # what was read once stays

    def path(self, index: int) -> Path:
        raise DataError(f"sample {self.name(index)} is a row and has no file: show it instead.")

    def show(self, index: int) -> Shown:
        """Pixels, the text, or the cells by column."""
        if self._cells is not None:
            row = dict(zip(self._columns, self._cells[index].split("\0"), strict=True))
            if self.kind == "row":
                return row
            texts = [f"{column}: {value}" for column, value in row.items()]
            return "\n".join(texts) if len(row) > 1 else next(iter(row.values()))
        values = self.samples.batch(torch.tensor([index]))[0]
        if self.kind == "image":
            return _pixels(values)
        return {str(column): f"{value:g}" for column, value in enumerate(values.tolist())}


class TextSamples:
    """Hashed n-grams of texts, computed when they are asked for."""

    shape: tuple[int, ...] = (FEATURES,)
    dtype = torch.float32

    def __init__(self, texts: Names) -> None:
        self._texts = texts

    def __len__(self) -> int:
        return len(self._texts)

    def batch(self, indices: Tensor) -> Tensor:
        """float32 [B, 2048], rows of length 1."""
        rows = rows_of(indices, len(self)).tolist()
        vectors = [torch.from_numpy(hashed_ngrams(self._texts[row]))[None] for row in rows]
        return join([torch.empty((0, *self.shape)), *vectors])


def array_items(path: Path) -> RowItems:
    """The rows of an .npz or .npy file: images [N, H, W], [N, H, W, C] or [N, C, H, W], or features [N, F]."""
    samples, _ = load_unlabeled(path)
    stored = np.uint8 if isinstance(samples, ArraySamples) and samples.bytes else np.float32
    kind: ItemKind = "image" if len(samples.shape) == 3 else "row"

    def numbers() -> Iterator[int]:
        for rows in torch.split(torch.arange(len(samples)), _READ):
            yield from (id_of(row.tobytes()) for row in samples.batch(rows).numpy().astype(stored))

    return RowItems(kind, samples, RowIdentity(np.fromiter(numbers(), np.uint64, len(samples))))


def csv_items(path: Path) -> RowItems:
    """The rows of a CSV file in UTF-8 with a line of column names.

    If every cell outside the columns sample, id and label is a number, the rows are features. Otherwise they are texts:
    the column ``text``, or all columns together.
    """
    header, numbered = read_table(path)
    if not numbered:
        raise DataError(f"{path} holds no rows: a line of column names and a line for each sample were expected.")
    if len(set(header)) != len(header) or "" in header:
        raise DataError(f"{path}, line 1: every column needs a name of its own.")
    rows = [row for _, row in numbered]
    name_at = next((header.index(column) for column in _NAME_COLUMNS if column in header), None)
    named = None
    if name_at is not None:
        named = check_names(path, header[name_at], ((line, row[name_at]) for line, row in numbered))
    names = None if named is None else Names(named)
    used = [at for at, column in enumerate(header) if column not in (*_NAME_COLUMNS, _LABEL_COLUMN)]
    if not used:
        raise DataError(f"{path} has no columns with texts or features: add some.")
    columns = [header[at] for at in used]
    features = _numbers(rows, used)
    if features is None and "text" in columns:
        used, columns = [header.index("text")], ["text"]
    cells = Names("\0".join(row[at] for at in used) for row in rows)
    shown = shown_digests(columns, ([row[at] for at in used] for row in rows), features)
    identity = RowIdentity(content_digests(header, rows), shown, named)
    if features is None:
        return RowItems("text", TextSamples(cells), identity, names, columns, cells)
    try:
        return RowItems("row", ArraySamples(features), identity, names, columns, cells)
    except DataError as error:
        raise DataError(f"{path}: {error}") from error


def _numbers(rows: list[list[str]], used: list[int]) -> NDArray[np.float32] | None:
    """float32 [N, F], or None if a cell is not a number."""
    try:
        return np.array([[float(row[at]) for at in used] for row in rows], dtype=np.float32)
    except ValueError:
        return None


def _pixels(values: Tensor) -> NDArray[np.uint8]:
    """uint8 [H, W] or [H, W, 3] of [C, H, W]. Floats are stretched to 0 … 255; one or many channels are averaged."""
    if values.is_floating_point():
        low, high = float(values.min()), float(values.max())
        values = (255 * (values - low) / ((high - low) or 1.0)).round().to(torch.uint8)
    if len(values) in (3, 4):
        return values[:3].permute(1, 2, 0).contiguous().numpy()
    return values.float().mean(dim=0).round().to(torch.uint8).numpy()
