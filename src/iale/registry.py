"""Names for things that are imported only when they are used.

A registry maps a name to ``"module:attribute"``; looking a name up imports the module. Anyone may add a name, and an
unknown name raises with the list of known ones.
"""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Iterator
from typing import Any

from iale.errors import ConfigError, UnknownNameError


class Registry:
    """Names of one kind of thing.

    >>> registry = Registry("shape", {"sqrt": "math:sqrt"})
    >>> registry["sqrt"](9.0)
    3.0
    """

    def __init__(self, kind: str, entries: dict[str, str]) -> None:
        self.kind = kind
        self._entries: dict[str, Any] = dict(entries)

    def __getitem__(self, name: str) -> Any:
        """The thing called ``name``; raises UnknownNameError with the known names."""
        if name not in self._entries:
            close = difflib.get_close_matches(name, self._entries, n=1)
            hint = f"did you mean {close[0]!r}? " if close else ""
            known = ", ".join(self._entries)
            raise UnknownNameError(f"unknown {self.kind} {name!r}: {hint}the known ones are {known}.")
        entry = self._entries[name]
        if isinstance(entry, str):
            module, _, attribute = entry.partition(":")
            entry = self._entries[name] = getattr(importlib.import_module(module), attribute)
        return entry

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def register(self, name: str, target: Any) -> None:
        """Adds ``target`` (an object or ``"module:attribute"``) under a new name."""
        if name in self._entries:
            raise ConfigError(f"the {self.kind} {name!r} exists already: choose another name.")
        self._entries[name] = target
