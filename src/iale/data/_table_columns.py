"""Which columns of a table name its rows, hold their labels, and are learned from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from iale.data._numbers import to_number
from iale.data._tables import Cells
from iale.data.table_config import TableConfig
from iale.errors import DataError

NAMES = ("sample", "id")
LABELS = ("label", "labels")
PERHAPS_LABELS = ("class", "target", "category", "y")
COUNTS = ("ids", "index", "unnamed: 0")  # pandas calls a column so that it wrote without a name


@dataclass(frozen=True)
class Columns:
    """Columns by what they are for, as places in the header.

    Attributes:
        name: the column that names the rows; None numbers them.
        label: the column of labels, or None.
        used: all other columns.
    """

    name: int | None
    label: int | None
    used: tuple[int, ...]


def find_columns(cells: Cells, config: TableConfig) -> Columns:
    """The columns of a table of samples.

    Raises:
        DataError: two columns have one name, a column that was asked for is not there, two may hold the labels, or none
            is left to learn from.
    """
    header = cells.header
    _check_header(cells, config)
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
    return Columns(name, label, tuple(used))


def column_doubts(cells: Cells, columns: Columns, learned: Sequence[int], config: TableConfig) -> list[str]:
    """Sentences about what the columns that are ``learned`` from may be instead, and about line 1."""
    header = cells.header
    doubts = _sample_as_names([header[at] for at in columns.used], alone=len(header) == 1)
    if columns.label is None and config.label_column is None and len(learned) > 1:
        doubts += [
            f"the column {header[at]!r} is shown and learned from: if it holds the labels, say so with "
            f"--label-column {header[at]}."
            for at in learned
            if header[at].casefold() in PERHAPS_LABELS
        ][:1]
    if config.id_column is None and len(learned) > 1:
        doubts += [
            f"the column {header[at]!r} is shown and learned from: if it counts or names the rows, remove it, or name "
            f'them by it with --id-column "{header[at]}".'
            for at in learned
            if header[at].casefold() in COUNTS
        ][:1]
    return doubts


def _check_header(cells: Cells, config: TableConfig) -> None:
    header = cells.header
    if "" in header:
        raise DataError(f"{cells.path}, line 1: column {header.index('') + 1} has no name; name it, or remove it.")
    if twice := [column for at, column in enumerate(header) if column in header[:at]]:
        raise DataError(f"{cells.path}, line 1: two columns are called {twice[0]!r}; give each a name of its own.")
    labels = [column for column in header if column.casefold() in LABELS]
    if config.label_column is None and len(labels) > 1:
        raise DataError(
            f"{cells.path}, line 1: {labels[0]!r} and {labels[1]!r} may hold the labels; say which with "
            f"--label-column, and remove the other, or it is learned from."
        )


def _sample_as_names(names: list[str], *, alone: bool) -> list[str]:
    """A sentence if the first line may be a sample.

    It is prose in a file of one column, or holds decimals, or integers that do not just count columns.
    """
    if alone and len(names[0].split()) > 3:
        return [
            f"line 1 is taken for the name of the column ({names[0][:40]!r}): if that line is a sample, write a name "
            f"above it, such as text."
        ]
    numbers = [number for name in names if (number := to_number(name, ".")) is not None]
    whole, steps = all(map(float.is_integer, numbers)), [after - before for before, after in pairwise(numbers)]
    if not numbers or (whole and (len(numbers) < len(names) or set(steps) <= {1})):
        return []
    return [
        f"the numbers in line 1 are taken for names of columns ({', '.join(names[:3])}): if that line is a sample, "
        f"write the names of the columns above it."
    ]


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
