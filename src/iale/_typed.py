"""Options as people type them on the command line, also for messages of what lies below it."""

from __future__ import annotations

from typing import Any


def as_flag(name: str) -> str:
    """The flag of an option.

    >>> as_flag("test_share"), as_flag("with_")  # a keyword of Python has an underscore at its end
    ('--test-share', '--with')
    """
    return "--" + name.rstrip("_").replace("_", "-")


def as_typed(value: Any) -> str:
    """A value of an option.

    >>> as_typed(None), as_typed(True), as_typed(("a", "b"))
    ('none', 'yes', 'a,b')
    """
    if value is None or value in ((), []):
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ",".join(map(str, value)) if isinstance(value, tuple | list) else str(value)
