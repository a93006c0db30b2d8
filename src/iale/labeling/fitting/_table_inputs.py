"""Rows of a table of features, as people have them, for a classifier that learned from these."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from iale.data._names import numbered
from iale.data._numbers import Sign, is_missing, read_column
from iale.data._table_categories import one_hot
from iale.data._table_samples import read_rows
from iale.data.arrays import ArraySamples
from iale.data.table_config import TableConfig
from iale.errors import DataError
from iale.labeling.items._items import Items
from iale.labeling.items._tables import RowItems

Cells = Sequence[object]
_LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True)
class TableColumns:
    """The columns that a classifier learned from.

    Attributes:
        columns: the name of each, and its categories in the order of their features; None for a column of numbers.
        decimal: the sign before decimals.
    """

    columns: Sequence[tuple[str, Sequence[str] | None]]
    decimal: Sign

    def __post_init__(self) -> None:
        """Raises TypeError or ValueError for what no table has, as an altered card may say."""
        words = [word for name, known in self.columns for word in (name, *(known or ()))]
        if not words or not all(isinstance(word, str) for word in words) or self.decimal not in (".", ","):
            raise TypeError("the names of columns and categories are no texts")

    @property
    def told(self) -> str:
        """What a row is."""
        return f"rows with the cells {', '.join(name for name, _ in self.columns)}"

    def rows(self, x: object) -> list[Cells] | None:
        """One row or a list of them, by column or in the order of the columns; None for rows of nothing but numbers."""
        if isinstance(x, str):
            return None
        many: list[Any] = list(x) if isinstance(x, list | tuple) else [x]
        if not any(isinstance(each, Mapping) for each in many):
            if any(isinstance(cell, str) for cell in many):
                many = [many]
            elif not any(isinstance(cell, str) for each in many if isinstance(each, list | tuple) for cell in each):
                return None
        return [self._row(each) for each in many]

    def samples(self, rows: Sequence[Cells]) -> ArraySamples:
        """The features: numbers, and a 1 for the category of a cell."""
        blocks: list[NDArray[np.float64]] = []
        for at, (name, known) in enumerate(self.columns):
            cells = ["" if row[at] is None else row[at] for row in rows]
            if known is None:
                blocks.append(np.array([[self._number(name, cell)] for cell in cells]))
            else:
                blocks.append(_ones(name, known, [str(cell) for cell in cells]))
        return ArraySamples(np.concatenate(blocks, axis=1).astype(np.float32))

    def load(self, path: Path, config: TableConfig) -> tuple[ArraySamples, list[str]]:
        """The rows of another table with these columns, in any order, and the name of each."""
        cells, _, names = read_rows(path, config)
        columns = self if config.decimal == "auto" else replace(self, decimal=_sign(config))
        samples = columns.samples([self._row(dict(zip(cells.header, row, strict=True))) for row in cells.rows])
        return samples, names or numbered(len(samples))

    def _row(self, row: object) -> Cells:
        names = [name for name, _ in self.columns]
        if isinstance(row, Mapping):
            if missing := [name for name in names if name not in row]:
                raise DataError(f"a row has no {missing[0]!r}: the classifier learned from {', '.join(names)}.")
            return [row[name] for name in names]
        if not isinstance(row, list | tuple) or len(row) != len(names):
            raise DataError(
                f"a row is not the {len(names)} cells {', '.join(names)}: give them in this order, or a dict."
            )
        return row

    def _number(self, name: str, cell: object) -> float:
        value = np.nan
        if isinstance(cell, str):
            value = float(read_column([cell], self.decimal).values[0])
        elif isinstance(cell, int | float | np.floating | np.integer):
            value = float(cell)
        if not abs(value) <= _LARGEST:
            raise DataError(f"{str(cell)[:40]!r} is not a finite number, as the column {name!r} holds: correct it.")
        return value


def columns_of(items: Items) -> dict[str, object] | None:
    """What makes `TableColumns` of a project's samples, for its card; None if they are no rows of a table."""
    if not isinstance(items, RowItems) or not items.features:
        return None
    return {"columns": items.features, "decimal": _sign(items.table)}


def _sign(config: TableConfig) -> Sign:
    return "," if config.decimal == "comma" else "."


def _ones(name: str, known: Sequence[str], cells: Sequence[str]) -> NDArray[np.float64]:
    for cell in cells:
        if not is_missing(cell) and cell.strip() not in known:
            raise DataError(
                f"{cell.strip()[:40]!r} is no category of the column {name!r}: the classifier learned from "
                f"{', '.join(known)}; leave the cell empty if it is none of them."
            )
    return one_hot(cells, known)
