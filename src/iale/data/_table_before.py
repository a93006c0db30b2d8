"""How the tables of projects were read that do not say how."""

from __future__ import annotations

from pathlib import Path

from iale.data._table_columns import NAMES
from iale.data._table_samples import TABLES
from iale.data._tables import read_cells
from iale.data.table_config import TableConfig
from iale.errors import DataError


def as_before(path: Path) -> TableConfig:
    """The configuration that reads a table as the first version did.

    That took commas and UTF-8, columns by their exact names, and rows for features if each cell was a number. The ids
    of rows depend on which columns are used, so the labels of people stay with their rows.
    """
    if path.suffix.lower() not in TABLES:
        return TableConfig()
    try:
        cells = read_cells(path, TableConfig(delimiter="comma", encoding="utf-8"))
    except DataError:
        return TableConfig()  # opening it says why
    header = cells.header
    names = [name for name in NAMES if name in header]
    label = "label" if "label" in header else ""
    used = [at for at, column in enumerate(header) if column not in (*names, label)]
    kind = "features" if all(_is_number(row[at]) for row in cells.rows for at in used) else "text"
    name = names[0] if names else ""
    if name and len({row[header.index(name)].strip() for row in cells.rows} - {""}) < len(cells.rows):
        name = ""  # two rows of one name were numbered
    return TableConfig(
        kind="features" if kind == "features" else "text",
        delimiter="comma",
        encoding="utf-8",
        decimal="point",
        text_column="text" if kind == "text" and "text" in header else "",
        id_column=name,
        label_column=label,
    )


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
