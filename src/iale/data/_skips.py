"""Names of samples that nobody can label: one a line, or the column of a table."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from iale.data._encoding import read_text, tell_guess
from iale.data._names import named_in, no_such_sample
from iale.data._tables import split_cells
from iale.data.table_config import TableConfig


def read_skipped(path: Path, names: Sequence[str], say: Callable[[str], None] = lambda _: None) -> list[int]:
    """Ascending indices, into ``names``, of the samples that a file names.

    The file has a name on each line, or it is a CSV table with the column ``sample``, such as a query's answer. ``say``
    is told if its encoding had to be guessed. Raises DataError, with the line, if the file cannot be read or there is
    no such sample.
    """
    number = {name: index for index, name in enumerate(names)}
    found = set()
    for line, cell in _named(path, say):
        name = named_in(cell, number)
        if name is None:
            raise no_such_sample(path, line, cell, number)
        found.add(number[name])
    return sorted(found)


def _named(path: Path, say: Callable[[str], None]) -> list[tuple[int, str]]:
    text, encoding = read_text(path)
    tell_guess(path, encoding, say)
    lines = re.split("\r\n|\r|\n", text)
    header = [cell.strip(' "').casefold() for cell in re.split(r"[,;\t|]", lines[0])]
    if "sample" in header:  # as a whole cell: a file may be called sample_001.png
        cells = split_cells(path, text, encoding, TableConfig())
        at = cells.column("sample")
        return [(line, row[at]) for line, row in zip(cells.lines, cells.rows, strict=True)]
    return [(line, name) for line, name in enumerate(lines, start=1) if name.strip()]
