"""Columns of words as features: one number, 0 or 1, for each category."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from iale.data._numbers import is_missing

MOST = 50
"""Categories of a column, at most; in the mean, each has two rows or more. Other words are names or texts."""


def categories(cells: Sequence[str]) -> list[str]:
    """The different words of a column, in the order of their letters, without white space around them."""
    return sorted({cell.strip() for cell in cells if not is_missing(cell)})


def are_categories(cells: Sequence[str]) -> bool:
    """Whether the words of a column are few, and come again."""
    found = categories(cells)
    return 0 < len(found) <= MOST and 2 * len(found) <= sum(not is_missing(cell) for cell in cells)


def one_hot(cells: Sequence[str], known: Sequence[str] | None = None) -> NDArray[np.float64]:
    """float64 [N, categories]: 1 in the column of a row's category, and all 0 for a missing cell.

    The categories are those that are ``known``, or else those of the cells. Raises KeyError for another word.
    """
    place = {name: at for at, name in enumerate(categories(cells) if known is None else known)}
    found = np.zeros((len(cells), len(place)))
    for row, cell in enumerate(cells):
        if not is_missing(cell):
            found[row, place[cell.strip()]] = 1
    return found
