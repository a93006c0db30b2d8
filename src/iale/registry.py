"""Names for things that are imported only when they are used.

A registry maps a name to ``"module:attribute"``; looking a name up imports the module. Anyone may add a name, and an
unknown name raises with the list of known ones.
"""

from __future__ import annotations

import difflib
import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
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


def import_object(target: str, what: str) -> Any:
    """What ``package.module:name`` names; modules of the current folder are found, too.

    Raises:
        ConfigError: it is written otherwise, or cannot be imported.
    """
    module, _, attribute = target.partition(":")
    if not module or not attribute:
        raise ConfigError(f"the {what} {target!r} is not written as package.module:name.")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        return getattr(importlib.import_module(module), attribute)
    except Exception as error:  # a module of the user's may fail in any way when it is imported
        known = isinstance(error, ImportError | AttributeError | ValueError | SyntaxError)
        said = str(error) if known else f"{type(error).__name__}: {error}"
        raise ConfigError(f"the {what} {target} cannot be imported: {said}.") from error
