"""How a cell or a line names a sample."""

from __future__ import annotations

from collections.abc import Container
from pathlib import Path

from iale.errors import DataError


def named_in(cell: str, known: Container[str]) -> str | None:
    """The known name that a cell holds, or None.

    Blanks around a name do not count, unless they belong to it: a file may be called " a.png".
    """
    return next((name for name in (cell, cell.strip()) if name in known), None)


def no_such_sample(path: Path, line: int, cell: str) -> DataError:
    """The error for a line whose sample is not known."""
    name = cell.strip()[:60]
    return DataError(f"{path}, line {line}: there is no sample {name!r}; remove that line or correct it.")


def numbered(count: int) -> list[str]:
    """The names of samples that have none: "0", "1", …."""
    return [str(number) for number in range(count)]
