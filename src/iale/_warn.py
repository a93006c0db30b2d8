"""Warnings that point at the user's own code."""

from __future__ import annotations

import sys
import warnings

from iale.errors import IaleWarning


def warn(sentence: str, category: type[IaleWarning] = IaleWarning) -> None:
    """Warns at the line outside iale that led here, since Python shows a warning once for each line it comes from."""
    level, frame = 1, sys._getframe()
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == "iale":
        level, frame = level + 1, frame.f_back
    warnings.warn(sentence, category, stacklevel=level)
