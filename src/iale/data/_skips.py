"""Names of samples that nobody can label: one a line, or the column of a table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from iale.data._tables import read_table
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
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}; check the path.") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not a text file in UTF-8: save it as one.") from error
    if lines and "sample" in [cell.strip() for cell in lines[0].split(",")]:
        header, rows = read_table(path)
        return [(line, row[header.index("sample")].strip()) for line, row in rows]
    return [(line, name.strip()) for line, name in enumerate(lines, start=1) if name.strip()]
