"""Names for objects that are imported only when they are used.

A registry maps a name to ``"module:attribute"``, and imports the module when the name is looked up. Anyone may add
names. An unknown name raises an error that lists the known ones.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Generic, TypeVar, cast

from iale._closest import did_you_mean
from iale.errors import ConfigError, UnknownNameError

_T = TypeVar("_T")


class Registry(Generic[_T]):
    """Names for objects of type T.

    Args:
        kind: what messages call the objects, such as "strategy".
        entries: a ``"module:attribute"`` for each name.

    >>> from collections.abc import Callable
    >>> functions = Registry[Callable[[float], float]]("function", {"sqrt": "math:sqrt"})
    >>> functions["sqrt"](9.0)
    3.0
    """

    def __init__(self, kind: str, entries: Mapping[str, str]) -> None:
        self.kind = kind
        self._entries: dict[str, _T | str] = dict(entries)

    def __getitem__(self, name: str) -> _T:
        """The object called ``name``; raises UnknownNameError with the known names."""
        if not isinstance(name, str) or name not in self._entries:
            known = ", ".join(self._entries)
            hint = did_you_mean(name, self._entries) if isinstance(name, str) else ""
            raise UnknownNameError(f"unknown {self.kind} {name!r:.60}: {hint}the known ones are {known}.")
        entry = self._entries[name]
        if not isinstance(entry, str):
            return entry
        module, _, attribute = entry.partition(":")
        found = cast(_T, getattr(importlib.import_module(module), attribute))
        self._entries[name] = found
        return found

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def register(self, name: str, target: _T | str) -> None:
        """Adds ``target``, an object or ``"module:attribute"``; raises ConfigError if the name is taken."""
        if name in self._entries:
            raise ConfigError(f"the {self.kind} {name!r} exists already: choose another name.")
        self._entries[name] = target


def import_object(target: str, what: str) -> Any:
    """The object at ``package.module:name``. Modules in the current folder are found, too.

    ``what`` is what messages call it, such as "model". Raises ConfigError if the form is wrong or the import fails.
    """
    module, _, attribute = target.partition(":")
    if not module or not attribute:
        raise ConfigError(f"the {what} {target!r} is not written as package.module:name.")
    if module.endswith(".py") and Path(module).is_file():
        named = module.removesuffix(".py").replace("/", ".").lstrip(".")
        raise ConfigError(f"the {what} {target} names a file: name its module, {named}:{attribute}.")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        return getattr(importlib.import_module(module), attribute)
    except Exception as error:  # a user's module may fail in any way when it is imported
        known = isinstance(error, ImportError | AttributeError | ValueError | SyntaxError)
        said = str(error) if known else f"{type(error).__name__}: {error}"
        raise ConfigError(f"the {what} {target} cannot be imported: {said}.") from error
