"""Whether the rows of a table are texts or features, and the features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from iale.data._numbers import Column, Sign, decimal_sign, read_column, to_number
from iale.data._table_categories import MOST, are_categories, categories, one_hot
from iale.data._tables import Cells
from iale.data.table_config import TableConfig
from iale.errors import DataError

_TEXT = "text"  # a column of this name holds the texts
_FEW_WORDS = (
    "each column holds a few words that come again, and rows are read as texts, in which columns do not count: if the "
    "words are categories, pass --kind features."
)
_Decimal = Literal["auto", "point", "comma"]
_DECIMALS: dict[Sign, _Decimal] = {".": "point", ",": "comma"}


@dataclass(frozen=True, eq=False)
class Content:
    """What there is to learn from.

    Attributes:
        columns: the columns that are learned from, as places in the header.
        features: float32 [N, F]; None if the rows are texts.
        words: those of the columns that hold categories, each of which is a feature of its own.
        decimal: the sign before decimals, as `TableConfig` names it; "auto" if no cell holds one.
        said: how the cells were read, for people.
        notices: what was filled in.
        doubts: what may be meant otherwise.
    """

    columns: tuple[int, ...]
    features: NDArray[np.float32] | None
    words: tuple[int, ...] = ()
    decimal: _Decimal = "auto"
    said: list[str] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)


def read_content(cells: Cells, used: Sequence[int], config: TableConfig) -> Content:
    """Decides what the rows of a table are, as `TableConfig` says.

    They are features if all used columns hold numbers, or numbers and categories; and texts if none holds numbers, or
    if a column is called text. A column holds numbers if at least half of its cells that are not missing are numbers;
    all of them must be then. It holds categories if its words are few, and come again (`are_categories`).

    Raises:
        DataError: it is not clear what the rows are, or a cell among numbers is none or is missing. The message names
            the line and the column.
    """
    if config.kind == "text" or config.text_column:
        return Content(_text_columns(cells, used, config), None)
    sign, sure = _sign(cells, used, config)
    columns = {at: read_column([row[at] for row in cells.rows], sign) for at in used}
    others = [at for at in used if columns[at].words and not columns[at].is_numeric]
    words = tuple(at for at in others if are_categories([row[at] for row in cells.rows]))
    if config.kind == "auto":
        numeric = [at for at in used if columns[at].is_numeric]
        text = cells.known_column(_TEXT) if config.text_column is None else None
        texts = text in used and text not in numeric
        if not numeric and not texts and config.decimal != "auto":
            raise DataError(
                f"{cells.path} has no column of numbers with a decimal {config.decimal}: leave --decimal out, or pass "
                f"--kind text."
            )
        if not numeric or texts:
            few = 1 < len(words) == len(used) and not texts and config.text_column is None
            return Content(_text_columns(cells, used, config), None, doubts=[_FEW_WORDS] * few)
        if unclear := [at for at in others if at not in words]:
            raise DataError(_unclear(cells, numeric, unclear, columns))
    numeric = [at for at in used if at not in words]
    for at in numeric:
        _check_numbers(cells, at, columns[at], forced=config.kind == "features")
    # Between commas, a cell has to be quoted to hold one, so it is taken for thousands, but not in silence.
    if not sure and cells.delimiter not in ("comma", ""):
        raise DataError(_either(cells, numeric))
    values, notices = _fill(cells, columns, words, config)
    marked = [cell for row in cells.rows for at in numeric if "." in (cell := row[at]) or "," in cell]
    said = ["decimal comma"] if sign == "," else _about_points(cells, marked, config, sure=sure)
    return Content(tuple(used), values, words, _DECIMALS[sign] if marked else config.decimal, said, notices)


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


def _about_points(cells: Cells, marked: list[str], config: TableConfig, *, sure: bool) -> list[str]:
    """How the cells ``marked`` with a point or a comma were read if decimals have a point and they may have a comma."""
    if not sure:
        return ["commas between thousands (--decimal comma if not)"]
    if not marked or config.decimal != "auto" or cells.delimiter in ("comma", ""):
        return []
    either = all(to_number(cell, ",") is not None for cell in marked)  # such as 1.000
    return ["decimal point (--decimal comma if points are between thousands)"] if either else []


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
        f"{cells.header[numeric[0]]!r} holds numbers{_too_many(cells, words[0])}; pass --kind text to read whole rows "
        f"as texts, --text-column NAME for one column, or turn the words into numbers or remove their columns for "
        f"features."
    )


def _too_many(cells: Cells, at: int) -> str:
    column = [row[at] for row in cells.rows]
    return (
        f", and {len(categories(column)):,} different words in {len(column):,} rows are too many for categories (at "
        f"most {MOST}, each in two rows or more)"
    )


def _check_numbers(cells: Cells, at: int, column: Column, *, forced: bool) -> None:
    if column.words:
        row = column.words[0]
        advice = "correct it, or remove the column" if forced else "correct it, or pass --kind text"
        raise DataError(
            f"{_place(cells, cells.lines[row], at)}: {cells.rows[row][at].strip()[:40]!r} is not a finite number, as "
            f"{column.numbers:,} of the {len(column.values):,} cells of that column are"
            f"{'' if column.is_numeric else _too_many(cells, at)}; {advice}."
        )
    if not column.numbers:
        raise DataError(f"{cells.path}: the column {cells.header[at]!r} holds no value at all; remove it.")


def _fill(
    cells: Cells, columns: dict[int, Column], words: Sequence[int], config: TableConfig
) -> tuple[NDArray[np.float32], list[str]]:
    """float32 [N, F] without missing cells, and a sentence about those that were filled."""
    count = sum(len(column.missing) for column in columns.values())
    blocks = []
    for at, column in columns.items():
        if at in words:
            blocks.append(one_hot([row[at] for row in cells.rows]))
        else:
            filled = np.nanmedian(column.values) if column.missing else 0.0
            blocks.append(np.where(np.isnan(column.values), filled, column.values)[:, None])
    values = np.concatenate(blocks, axis=1).astype(np.float32)
    rounded = _rounded(cells, columns)
    if not count:
        return values, rounded
    row, at = min((column.missing[0], at) for at, column in columns.items() if column.missing)
    where, cell = _place(cells, cells.lines[row], at), cells.rows[row][at].strip()
    many = f"{count:,} of {len(cells.rows) * len(columns):,} cells"
    if config.missing == "error":
        what = f"{cell!r} is no {'category' if at in words else 'number'}" if cell else "the cell is empty"
        none = " and no category in those of words" if words else ""
        raise DataError(
            f"{where}: {what} ({many} are missing); fill in {'the cells' if words else 'numbers'}, or pass --missing "
            f"median to use the median of each column{none}."
        )
    told = "the median of their column, or no category" if words else "the median of their column"
    return values, [f"{many} were missing and got {told}, the first in {where}.", *rounded]


def _rounded(cells: Cells, columns: dict[int, Column]) -> list[str]:
    """A sentence if float32, which has 24 bits, changes integers into others."""
    for at, column in columns.items():
        values = column.values
        large = np.abs(np.nan_to_num(values)) > 1 << 24
        found = np.flatnonzero(large & (values == np.rint(values)) & (values.astype(np.float32) != values))
        if len(found):
            row = int(found[0])
            return [
                f"{_place(cells, cells.lines[row], at)}: {cells.rows[row][at].strip()} is rounded to "
                f"{float(np.float32(values[row])):.0f}, since float32 holds integers up to 16,777,216: subtract what "
                f"all have in common, or name the column with --id-column if it names the rows."
            ]
    return []


def _place(cells: Cells, line: int, at: int) -> str:
    return f"{cells.path}, line {line}, column {cells.header[at]!r}"
