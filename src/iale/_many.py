"""Numbers of things in sentences."""

from __future__ import annotations


def many(count: int, noun: str = "sample") -> str:
    """So many things.

    >>> many(1), many(1200, "label")
    ('1 sample', '1,200 labels')
    """
    return f"1 {noun}" if count == 1 else f"{count:,} {noun}s"
