"""What somebody has given as an argument, checked: a message says what came and what was expected."""

from __future__ import annotations

import operator
import os
from collections.abc import Iterable, Sequence
from numbers import Real
from pathlib import Path
from typing import Any

from iale.errors import ConfigError, DataError, ModelError

LARGEST_SIDE = 1 << 14
"""Of an image, in pixels: 16,384."""
_LARGEST_INPUT = 1024


def whole(value: object, what: str, least: int) -> int:
    """A whole number of at least ``least``; raises ConfigError for anything else."""
    number = _integer(value)
    if number is None or number < least:
        raise ConfigError(f"{what} is a whole number of at least {least}, not {_shown(value)}.")
    return number


def is_real(value: object) -> bool:
    """Whether something is a number."""
    return isinstance(value, Real) and not isinstance(value, bool)


def size_of(value: object, what: str) -> tuple[int, int]:
    """(height, width) of images in pixels, from any two integers; raises ConfigError for anything else."""
    numbers = [_integer(each) for each in value] if isinstance(value, Iterable) else []
    if len(numbers) != 2 or not all(number is not None and 1 <= number <= LARGEST_SIDE for number in numbers):
        raise ConfigError(
            f"{what} is (height, width) in pixels, each of 1 to {LARGEST_SIDE}, as in (64, 64), not {_shown(value)}."
        )
    return numbers[0] or 0, numbers[1] or 0


def resize_of(resize: Sequence[int]) -> tuple[int, int] | None:
    """(height, width) of the option ``--resize``, None if it is empty; raises ConfigError for anything else."""
    if not resize:
        return None
    if len(resize) != 2 or not 1 <= min(resize) <= max(resize) <= _LARGEST_INPUT:
        raise ConfigError(f"--resize takes a height and a width of 1 to {_LARGEST_INPUT} pixels, as in --resize 64,64.")
    return resize[0], resize[1]


def shape_of(shape: Any) -> tuple[int, ...]:
    """The shape of one input; raises ModelError for anything but integers of at least 1."""
    try:
        sizes = tuple(operator.index(size) for size in shape)
    except TypeError:
        kind = type(shape).__name__
        raise ModelError(
            f"the shape of one input is a tuple such as (3, 32, 32), or the samples, not {kind}."
        ) from None
    if sizes and min(sizes) < 1:
        raise ModelError(f"the shape of one input has sizes of at least 1, not {min(sizes)}: {sizes}.")
    return sizes


def path_of(value: object, what: str) -> Path:
    """A path, from text or a path; raises DataError for anything else than ``what``."""
    if not isinstance(value, str | os.PathLike):
        raise DataError(f"expected {what}, not {_shown(value)}.")
    return Path(value)


def names_of(value: Any) -> tuple[str, ...]:
    """Names of classes; raises DataError unless they are several texts."""
    names = [] if isinstance(value, str) or not isinstance(value, Iterable) else list(value)
    if not names or not all(isinstance(name, str) for name in names):
        raise DataError(f"class names are a list of texts, as in ['cat', 'dog'], not {_shown(value)}.")
    return tuple(names)


def _integer(value: Any) -> int | None:
    try:
        return None if isinstance(value, bool) else operator.index(value)
    except TypeError:
        return None


def _shown(value: object) -> str:
    return " ".join(f"{value!r:.60}".split())
