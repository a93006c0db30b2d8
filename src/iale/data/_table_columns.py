"""Which columns of a table name its rows, hold their labels, and are learned from."""

from __future__ import annotations

from dataclasses import dataclass

from iale.data._tables import Cells
from iale.data.table_config import TableConfig
from iale.errors import DataError

NAMES = ("sample", "id")
LABELS = ("label", "labels")
_PERHAPS_LABELS = ("class", "target", "category", "y")


@dataclass(frozen=True)
class Columns:
    """Columns by what they are for, as places in the header.

    Attributes:
        name: the column that names the rows; None numbers them.
        label: the column of labels, or None.
        used: all other columns.
        doubt: a sentence about a column that may hold labels under another name; empty if there is none.
    """

    name: int | None
    label: int | None
    used: tuple[int, ...]
    doubt: str


def find_columns(cells: Cells, config: TableConfig) -> Columns:
    """The columns of a table of samples.

    Raises:
        DataError: two columns have one name, a column that was asked for is not there, or none is left to learn from.
    """
    header = cells.header
    if len(set(header)) != len(header) or "" in header:
        raise DataError(f"{cells.path}, line 1: every column needs a name of its own.")
    name, label = _role(cells, config.id_column, NAMES), label_column(cells, config)
    # Other columns of these names hold no features, either, unless a column was named instead.
    reserved = set(NAMES) if config.id_column is not None else None
    used = [
        at
        for at, column in enumerate(header)
        if at not in (name, label) and (column not in reserved if reserved else column.casefold() not in NAMES)
    ]
    if not used:
        raise DataError(f"{cells.path} has no columns with texts or features: add some.")
    doubt = ""
    if label is None and config.label_column is None:
        perhaps = [header[at] for at in used if header[at].casefold() in _PERHAPS_LABELS]
        if perhaps and len(used) > 1:
            doubt = (
                f"the column {perhaps[0]!r} is shown and learned from: if it holds the labels, say so with "
                f"--label-column {perhaps[0]}."
            )
    return Columns(name, label, tuple(used), doubt)


def label_column(cells: Cells, config: TableConfig) -> int | None:
    """The column of labels, if there is one."""
    return _role(cells, config.label_column, LABELS)


def name_column(cells: Cells, config: TableConfig) -> int | None:
    """The column that names the rows, if there is one."""
    return _role(cells, config.id_column, NAMES)


def row_names(cells: Cells, at: int) -> list[str]:
    """The names of all rows, from a column; raises DataError if one is blank, or two are the same."""
    column = cells.header[at]
    lines: dict[str, int] = {}
    how = 'or number the rows with --id-column "".'
    for line, row in zip(cells.lines, cells.rows, strict=True):
        name = row[at].strip()
        if not name:
            raise DataError(f"{cells.path}, line {line}: the {column} is blank; fill it, {how}")
        if name in lines:
            where = f"lines {lines[name]} and {line}"
            raise DataError(f"{cells.path}: {column} {name[:60]} occurs in {where}; name each row once, {how}")
        lines[name] = line
    return list(lines)


def _role(cells: Cells, asked: str | None, names: tuple[str, ...]) -> int | None:
    if asked is None:
        return cells.known_column(*names)
    return cells.column(asked) if asked else None
