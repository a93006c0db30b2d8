"""Names of samples that nobody can label: one a line, or the column of a table."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from iale.data._encoding import read_text
from iale.data._tables import read_cells
from iale.errors import DataError


def read_skipped(path: Path, names: Sequence[str]) -> list[int]:
    """Ascending indices, into ``names``, of the samples that a file names.

    The file has a name on each line, or it is a CSV table with the column ``sample``, such as a query's answer. Raises
    DataError, with the line, if the file cannot be read or there is no such sample.
    """
    number = {name: index for index, name in enumerate(names)}
    found = set()
    for line, name in _named(path):
        if name not in number:
            raise DataError(f"{path}, line {line}: there is no sample {name!r}; remove that line or correct it.")
        found.add(number[name])
    return sorted(found)


def _named(path: Path) -> list[tuple[int, str]]:
    lines = read_text(path)[0].splitlines()
    if lines and "sample" in re.split(r"[^a-z]+", lines[0].casefold()):
        cells = read_cells(path)
        at = cells.column("sample")
        return [(line, row[at].strip()) for line, row in zip(cells.lines, cells.rows, strict=True)]
    return [(line, name.strip()) for line, name in enumerate(lines, start=1) if name.strip()]
