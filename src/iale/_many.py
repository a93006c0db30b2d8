"""Numbers of things, times and errors in sentences."""

from __future__ import annotations


def many(count: int, noun: str = "sample") -> str:
    """So many things.

    >>> many(1), many(1200, "label")
    ('1 sample', '1,200 labels')
    """
    return f"1 {noun}" if count == 1 else f"{count:,} {noun}s"


def spoken(seconds: float) -> str:
    """A time of a minute or more.

    >>> spoken(70), spoken(800), spoken(5000), spoken(20000), spoken(300000)
    ('1 minute', '13 minutes', '1.4 hours', '6 hours', '3 days')
    """
    minutes, hours = seconds / 60, seconds / 3600
    if minutes < 60:
        return many(round(minutes), "minute")
    if hours >= 72:
        return many(round(hours / 24), "day")
    return f"{hours:.1f} hours" if hours < 3 else many(round(hours), "hour")


def reason_of(error: BaseException) -> str:
    """What went wrong in code of one's own, on one line and without a period: for the middle of a sentence.

    >>> reason_of(KeyError("margin"))
    "KeyError: 'margin'"
    """
    return f"{type(error).__name__}: {error}".split("\n", 1)[0].rstrip(". ")
