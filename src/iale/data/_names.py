"""How a cell or a line names a sample, and which names are one."""

from __future__ import annotations

import unicodedata
from collections.abc import Container, Sequence
from pathlib import Path

from iale.data.samples import Samples
from iale.errors import DataError


def named_in(cell: str, known: Container[str]) -> str | None:
    """The known name that a cell holds, or None."""
    return next((name for name in spellings(cell) if name in known), None)


def spellings(cell: str) -> tuple[str, ...]:
    """The names that a cell may hold, the most likely first.

    Blanks around a name do not count, unless they belong to it: a file may be called " a.png". Some systems write an
    accent as a sign of its own, also in the names of files.
    """
    plain = cell.strip()
    return cell, plain, unicodedata.normalize("NFC", plain), unicodedata.normalize("NFD", plain)


def no_such_sample(path: Path, line: int, cell: str, known: Container[str]) -> DataError:
    """The error for a line whose sample is not known; it names the known one in which a longer path ends."""
    parts = cell.strip().replace("\\", "/").split("/")
    meant = next((name for at in range(len(parts)) if (name := "/".join(parts[at:])) in known), None)
    hint = "" if meant is None else f" (did you mean {meant!r}?)"
    return DataError(
        f"{path}, line {line}: there is no sample {cell.strip()[:60]!r}{hint}; remove that line or correct it: "
        f"`iale data DATA --names` prints the names."
    )


def same_name(name: str) -> str:
    """Equal for names that people cannot tell apart: case, blanks, invisible characters, and codes of a letter."""
    plain = "".join(c for c in unicodedata.normalize("NFC", name) if unicodedata.category(c) != "Cf")
    return unicodedata.normalize("NFC", " ".join(plain.split()).casefold())


def composed(*lists: Sequence[str]) -> tuple[Sequence[str], ...]:
    """Lists of names with each accent in its letter (see `spellings`), unless two names of one list become one then."""
    plain = [[unicodedata.normalize("NFC", name) for name in some] for some in lists]
    same = all(len(set(new)) == len(set(old)) for new, old in zip(plain, lists, strict=True))
    return tuple(plain if same else lists)


def names_of(samples: Samples) -> Sequence[str]:
    """The ``names`` that samples have, such as those of a folder, one each; empty if they have none."""
    names = getattr(samples, "names", None)
    return names if isinstance(names, Sequence) and len(names) == len(samples) else ()


def numbered(count: int) -> list[str]:
    """The names of samples that have none: "0", "1", …."""
    return [str(number) for number in range(count)]
