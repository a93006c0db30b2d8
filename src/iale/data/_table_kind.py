"""Whether the rows of a table are texts or features, and the features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from iale.data._numbers import Column, Sign, decimal_sign, read_column
from iale.data._tables import Cells
from iale.data.table_config import TableConfig
from iale.errors import DataError

_TEXT = "text"  # a column of this name holds the texts
_Decimal = Literal["auto", "point", "comma"]
_DECIMALS: dict[Sign, _Decimal] = {".": "point", ",": "comma"}


@dataclass(frozen=True, eq=False)
class Content:
    """What there is to learn from.

    Attributes:
        columns: the columns that are learned from, as places in the header.
        features: float32 [N, F]; None if the rows are texts.
        decimal: the sign before decimals, as `TableConfig` names it; "auto" if no cell holds one.
        said: how the cells were read, for people.
        notices: what was filled in.
    """

    columns: tuple[int, ...]
    features: NDArray[np.float32] | None
    decimal: _Decimal = "auto"
    said: list[str] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)


def read_content(cells: Cells, used: Sequence[int], config: TableConfig) -> Content:
    """Decides what the rows of a table are, as `TableConfig` says.

    They are features if all used columns hold numbers, and texts if none does, or if a column is called text.
    A column holds numbers if at least half of its cells that are not missing are numbers; all of them must be then.

    Raises:
        DataError: it is not clear what the rows are, or a cell among numbers is none or is missing. The message names
            the line and the column.
    """
    if config.kind == "text" or config.text_column:
        return Content(_text_columns(cells, used, config), None)
    sign, sure = _sign(cells, used, config)
    columns = {at: read_column([row[at] for row in cells.rows], sign) for at in used}
    if config.kind == "auto":
        numeric = [at for at in used if columns[at].is_numeric]
        text = cells.known_column(_TEXT) if config.text_column is None else None
        if not numeric or (text in used and text not in numeric):
            return Content(_text_columns(cells, used, config), None)
        words = [at for at in used if columns[at].words and at not in numeric]
        if words:
            raise DataError(_unclear(cells, numeric, words, columns))
    for at, column in columns.items():
        _check_numbers(cells, at, column, forced=config.kind == "features")
    # Between commas, a cell has to be quoted to hold one, so it is taken for thousands, but not in silence.
    if not sure and cells.delimiter not in ("comma", ""):
        raise DataError(_either(cells, used))
    values, notices = _fill(cells, columns, config)
    said = ["decimal comma"] if sign == "," else [] if sure else ["commas between thousands (--decimal comma if not)"]
    marked = any(mark in row[at] for row in cells.rows for at in used for mark in ".,")
    return Content(tuple(used), values, _DECIMALS[sign] if marked else config.decimal, said, notices)


def _text_columns(cells: Cells, used: Sequence[int], config: TableConfig) -> tuple[int, ...]:
    if config.text_column:
        return (cells.column(config.text_column),)
    text = cells.known_column(_TEXT) if config.text_column is None else None
    return (text,) if text is not None and text in used else tuple(used)


def _sign(cells: Cells, used: Sequence[int], config: TableConfig) -> tuple[Sign, bool]:
    """The sign before decimals, and whether that is sure."""
    if config.decimal != "auto":
        return ("." if config.decimal == "point" else ","), True
    sign = decimal_sign([row[at] for row in cells.rows for at in used])
    return sign or ".", sign is not None


def _either(cells: Cells, used: Sequence[int]) -> str:
    where = ((line, at, row[at]) for line, row in zip(cells.lines, cells.rows, strict=True) for at in used)
    line, at, cell = next(each for each in where if "," in each[2])
    return (
        f"{_place(cells, line, at)}: {cell.strip()!r} may be a number of thousands or a decimal number; pass --decimal "
        f"point or --decimal comma."
    )


def _unclear(cells: Cells, numeric: list[int], words: list[int], columns: dict[int, Column]) -> str:
    row = columns[words[0]].words[0]
    cell = cells.rows[row][words[0]].strip()
    return (
        f"{_place(cells, cells.lines[row], words[0])}: {cell[:40]!r} is a word, but the column "
        f"{cells.header[numeric[0]]!r} holds numbers; pass --kind text to read whole rows as texts, --text-column NAME "
        f"for one column, or turn the words into numbers or remove their columns for features."
    )


def _check_numbers(cells: Cells, at: int, column: Column, *, forced: bool) -> None:
    if column.words:
        row = column.words[0]
        advice = "correct it, or remove the column" if forced else "correct it, or pass --kind text"
        raise DataError(
            f"{_place(cells, cells.lines[row], at)}: {cells.rows[row][at].strip()[:40]!r} is not a finite number, as "
            f"{column.numbers:,} of the {len(column.values):,} cells of that column are; {advice}."
        )
    if not column.numbers:
        raise DataError(f"{cells.path}: the column {cells.header[at]!r} holds no value at all; remove it.")


def _fill(cells: Cells, columns: dict[int, Column], config: TableConfig) -> tuple[NDArray[np.float32], list[str]]:
    """float32 [N, F] without missing cells, and a sentence about those that were filled."""
    values = np.stack([column.values for column in columns.values()], axis=1)
    count = sum(len(column.missing) for column in columns.values())
    if not count:
        return values.astype(np.float32), []
    row, at = min((column.missing[0], at) for at, column in columns.items() if column.missing)
    where, cell = _place(cells, cells.lines[row], at), cells.rows[row][at].strip()
    many = f"{count:,} of {values.size:,} cells"
    if config.missing == "error":
        what = f"{cell!r} is no number" if cell else "the cell is empty"
        raise DataError(
            f"{where}: {what} ({many} are missing); fill in numbers, or pass --missing median to use the median of "
            f"each column."
        )
    filled = np.where(np.isnan(values), np.nanmedian(values, axis=0), values).astype(np.float32)
    return filled, [f"{many} were missing and got the median of their column, the first in {where}."]


def _place(cells: Cells, line: int, at: int) -> str:
    return f"{cells.path}, line {line}, column {cells.header[at]!r}"
