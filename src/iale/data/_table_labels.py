"""Labels in a table: with the names of their samples, or in the table of the samples itself."""

from __future__ import annotations

from pathlib import Path

from iale.data._table_columns import label_column, name_column
from iale.data._tables import read_cells
from iale.data.table_config import TableConfig
from iale.errors import DataError

SET_ASIDE = "set_aside"
"""A column of exported labels: those with something in it belong to no sample that is there now."""


def read_label_rows(path: Path, config: TableConfig | None = None, *, own: bool = False) -> list[tuple[int, str, str]]:
    """Line number, sample and label of every row that has a label; a blank cell means that it has none yet.

    The sample is the whole cell (see `named_in`). Rows that an export has set aside are left out.

    Args:
        path: a table with the columns sample (or id) and label, in any case and order.
        config: how it is read.
        own: whether it is the table of the samples: without names, its rows are numbered from 0.

    Raises:
        DataError: it lacks one of these columns, or a row that is labeled names no sample.
    """
    config = config or TableConfig()
    cells = read_cells(path, config)
    label, name = label_column(cells, config), name_column(cells, config)
    if label is None or (name is None and not own):
        lacks = "label" if label is None else "sample"
        raise DataError(
            f"{path}, line 1: the columns sample and label were expected and {lacks} is missing; add a line of column "
            f"names, or name the column that holds them."
        )
    aside = cells.known_column(SET_ASIDE)
    rows = []
    for number, (line, row) in enumerate(zip(cells.lines, cells.rows, strict=True)):
        if (text := row[label].strip()) and (aside is None or not row[aside].strip()):
            sample = str(number) if name is None else row[name]
            if not sample.strip():
                raise DataError(f"{path}, line {line}: label {text[:60]!r} has no sample; name it or remove that line.")
            rows.append((line, sample, text))
    return rows
