"""What a file of embeddings holds, and what its parts may be called."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from iale.data._layout import Array
from iale.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

EMBEDDINGS = ("embeddings", "embedding")
IDS = ("ids", "id", "sample")


@dataclass(frozen=True, eq=False)
class Found:
    """What a file of embeddings holds.

    Attributes:
        embeddings: as they are; they may be a memory map.
        ids: of the rows, if there are any.
        others: where there are none, what else is a name or a number for each row, by what it is called.
    """

    embeddings: Array
    ids: list[str] | None = None
    others: dict[str, list[str]] = field(default_factory=dict)


def embeddings_of(path: Path, found: Sequence[str]) -> str:
    """Which of the names that are ``found`` is that of the embeddings; raises DataError if none is."""
    for name in EMBEDDINGS:
        if name in found:
            return name
    raise DataError(f"{path} holds {', '.join(found[:5])}, but nothing called {EMBEDDINGS[0]}: name the embeddings so.")


def last_part(name: str) -> str:
    """A name without its folders."""
    return name.replace("\\", "/").rsplit("/", 1)[-1]


def stem(name: str) -> str:
    """A name without its folders and its ending, in lower case."""
    return PurePosixPath(last_part(name)).stem.casefold()
