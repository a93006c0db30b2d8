"""Labels in a table: with the names of their samples, or in the table of the samples itself."""

from __future__ import annotations

import re
from collections.abc import Callable, Container
from pathlib import Path

from iale.data._encoding import tell_guess
from iale.data._table_columns import label_column, name_column
from iale.data._tables import read_cells, table_config
from iale.data.table_config import TableConfig
from iale.errors import DataError

SET_ASIDE = "set_aside"
"""A column of exported labels: those with something in it belong to no sample that is there now."""
_NONE = frozenset(("nan", "<na>", "nat", "#n/a"))
"""How programs write that there is no label; people may call a class "NA" or "None"."""
_WHOLE = re.compile(r"-?[0-9]{1,9}(?:\.0+)?")

LabelRow = tuple[int, str, str]
"""Line number, sample and label."""


def read_label_rows(
    path: Path,
    config: TableConfig | None = None,
    *,
    own: bool = False,
    classes: Container[str] = (),
    say: Callable[[str], None] = lambda _: None,
) -> list[LabelRow]:
    """Line number, sample and label of every row that has a label; a blank cell means that it has none yet.

    The sample is the whole cell (see `named_in`). Rows that an export has set aside are left out. If all labels are
    whole numbers, those that are no class are written as such: 1.0 is 1.

    Args:
        path: a table with the columns sample (or id) and label, in any case and order.
        config: how it is read.
        own: whether it is the table of the samples: without names, its rows are numbered from 0.
        classes: the names of classes that are known.
        say: is told if the encoding was guessed, but for the table of the samples: `load_unlabeled` says it.

    Raises:
        DataError: it lacks one of these columns, a row that is labeled names no sample, a number is negative, or a
            label that is no class is "nan" or the like.
    """
    config = table_config(config)
    cells = read_cells(path, config)
    if not own:
        tell_guess(path, cells.encoding, say)
    label, name = label_column(cells, config), name_column(cells, config)
    if label is None or (name is None and not own):
        lacks = ["sample"] * (name is None and not own) + ["label"] * (label is None)
        there = ", ".join(column[:40] for column in cells.header[:20]) or "none"
        raise DataError(
            f"{path}, line 1: the columns sample and label were expected and {' and '.join(lacks)} "
            f"{'is' if len(lacks) == 1 else 'are'} missing (found: {there}); add a line of column names, or name the "
            f"column that holds them."
        )
    aside = cells.known_column(SET_ASIDE)
    rows = []
    for number, (line, row) in enumerate(zip(cells.lines, cells.rows, strict=True)):
        if (text := row[label].strip()) and (aside is None or not row[aside].strip()):
            sample = str(number) if name is None else row[name]
            if not sample.strip():
                raise DataError(f"{path}, line {line}: label {text[:60]!r} has no sample; name it or remove that line.")
            if text.casefold() in _NONE and text not in classes:
                raise _is_none(path, line, text)
            rows.append((line, sample, text))
    return _with_numbers(path, rows, classes)


def _with_numbers(path: Path, rows: list[LabelRow], classes: Container[str]) -> list[LabelRow]:
    """Numbers as people count: pandas writes integers as floats where some are blank, and others -1 for a blank."""
    if not all(_WHOLE.fullmatch(label) for _, _, label in rows):
        return rows
    numbered = []
    for line, sample, label in rows:
        number = label if label in classes else label.partition(".")[0]
        if number.startswith("-") and number not in classes:
            raise DataError(
                f"{path}, line {line}: the label {label} is negative: leave the cell blank if there is none yet, or "
                f"name all classes, {number} too, with --classes."
            )
        numbered.append((line, sample, number))
    return numbered


def _is_none(path: Path, line: int, text: str) -> DataError:
    return DataError(
        f"{path}, line {line}: the label {text!r} says that there is none: leave the cell blank, or name all classes, "
        f"{text} too, with --classes."
    )
