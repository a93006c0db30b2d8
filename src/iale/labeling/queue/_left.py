"""What is left when nothing is handed out."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Left:
    """Why a person is handed nothing, as counts of samples without an answer.

    Attributes:
        held: other people or windows hold them.
        away: their files are away or were changed.
        unshown: no page can show them.
    """

    held: int
    away: int
    unshown: int
