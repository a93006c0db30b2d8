"""Columns of numbers as people and spreadsheets write them: 1.5, 1,5, 1,000, 1 000,5, −3, and cells without a value."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

_MISSING = frozenset(("", "na", "n/a", "#n/a", "nan", "null", "none", "-", "–", "—", "?", "."))
_LONGEST = 60  # characters of a number
_ENOUGH = 10_000  # numbers that tell which sign stands before decimals
_LARGEST = float(np.finfo(np.float32).max)

Sign = Literal[".", ","]


@dataclass(frozen=True, eq=False)
class Column:
    """What the cells of one column are.

    Attributes:
        values: float64 [N]; NaN where there is no number.
        missing: the rows without a value.
        words: the rows that hold something else than a number.
    """

    values: NDArray[np.float64]
    missing: list[int]
    words: list[int]

    @property
    def numbers(self) -> int:
        """How many cells are numbers."""
        return len(self.values) - len(self.missing) - len(self.words)

    @property
    def is_numeric(self) -> bool:
        """Whether at least half of the cells that hold anything are numbers."""
        return self.numbers > 0 and self.numbers >= len(self.words)


def is_missing(cell: str) -> bool:
    """Whether a cell holds no value: it is blank, or a word such as NA that says so."""
    return len(cell) < _LONGEST and cell.strip().casefold() in _MISSING


def read_column(cells: Sequence[str], sign: Sign) -> Column:
    """The numbers of a column whose decimals follow ``sign``."""
    if (plain := _all_plain(cells, sign)) is not None:
        return Column(plain, [], [])
    values = np.full(len(cells), np.nan)
    missing, words = [], []
    for row, cell in enumerate(cells):
        if is_missing(cell):
            missing.append(row)
        elif (number := to_number(cell, sign)) is None:
            words.append(row)
        else:
            values[row] = number
    return Column(values, missing, words)


def to_number(cell: str, sign: Sign) -> float | None:
    """The number in a cell whose decimals follow ``sign``; None if there is none that float32 can hold."""
    if len(cell) > _LONGEST:
        return None
    text = cell.strip().replace("−", "-")
    plain, grouped, marks = _patterns(sign)
    if grouped.fullmatch(text):
        text = marks.sub("", text)
    elif not plain.fullmatch(text):
        return None
    number = float(text.replace(sign, "."))
    return number if abs(number) <= _LARGEST else None


def decimal_sign(cells: Sequence[str]) -> Sign | None:
    """Which sign stands before decimals: a point unless commas say otherwise; None if 1,000 may mean either.

    "1,5" and "1.000,5" are written with a comma, "1.5" and "1,000.5" with a point. "1,000" alone is both.
    """
    point = comma = either = 0
    if not any("," in cell for cell in cells):
        return "."
    for cell in cells:
        if point + comma == _ENOUGH:
            break
        if len(cell) <= _LONGEST and ("," in cell or "." in cell):
            with_point, with_comma = to_number(cell, "."), to_number(cell, ",")
            if with_point is not None and with_comma is not None:
                either += "," in cell
            else:
                point += with_point is not None
                comma += with_comma is not None
    if either and not point and not comma:
        return None
    return "," if comma > point else "."


@lru_cache
def _patterns(sign: Sign) -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str]]:
    """A number without and with marks between its thousands, and these marks."""
    decimals, other = re.escape(sign), re.escape("," if sign == "." else ".")
    plain = re.compile(rf"[+-]?(?:\d+(?:{decimals}\d*)?|{decimals}\d+)(?:[eE][+-]?\d+)?", re.ASCII)
    mark = rf"[{other} '’\u00a0\u202f]"
    grouped = re.compile(rf"[+-]?[1-9]\d{{0,2}}(?:({mark})\d{{3}})(?:\1\d{{3}})*(?:{decimals}\d+)?", re.ASCII)
    return plain, grouped, re.compile(mark)


def _all_plain(cells: Sequence[str], sign: Sign) -> NDArray[np.float64] | None:
    """The numbers of a column in which every cell is a plain one: the quick way."""
    if sign == ",":
        if any("." in cell for cell in cells):
            return None
        cells = [cell.replace(",", ".") for cell in cells]
    try:
        values = np.fromiter(map(float, cells), np.float64, len(cells))
    except ValueError:
        return None
    plain = bool((np.abs(values) <= _LARGEST).all())  # not NaN or infinite, either
    return values if plain and not any("_" in cell for cell in cells) else None
