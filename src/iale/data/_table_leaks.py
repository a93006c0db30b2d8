"""Columns of a table of samples that hold the labels, which are given in another file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from iale.data._table_samples import read_rows
from iale.data.table_config import TableConfig


def telling_columns(path: Path, config: TableConfig, labels: Mapping[int, str]) -> list[str]:
    """The columns that are learned from and hold, in each labeled row, just its label, in any case.

    Args:
        path: the table.
        config: how it is read.
        labels: of some rows. With fewer than two different ones, they tell nothing.

    Raises:
        DataError: the table cannot be read.
    """
    told = {row: label.strip().casefold() for row, label in labels.items()}
    if len(set(told.values())) < 2:
        return []
    cells, columns, _ = read_rows(path, config)
    return [
        cells.header[at]
        for at in columns.used
        if all(cells.rows[row][at].strip().casefold() == label for row, label in told.items())
    ]
