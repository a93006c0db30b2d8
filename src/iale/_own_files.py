"""Files of code of one's own, which tell whether it has changed since something was computed with it."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from contextlib import suppress
from importlib.util import resolve_name
from pathlib import Path

VERSIONED = ("iale", "torch")
"""Packages whose versions are kept with whatever is computed."""


def top(module: str) -> str:
    """The package of a module."""
    return module.partition(".")[0]


def own_files(module: str, file: Path) -> dict[str, Path]:
    """The file of a module, and what it imports from the folder from which it is imported itself, and so on.

    Not what an installed package imports: that is much, and not edited.
    """
    root = file.parents[module.count(".") + (file.name == "__init__.py")]
    installed = root.name in ("site-packages", "dist-packages") or top(module) in sys.stdlib_module_names
    found: dict[str, Path] = {}
    waiting = [] if installed else [module]
    while waiting:
        name = waiting.pop()
        place = root.joinpath(*name.split("."))
        known = (each for each in (place / "__init__.py", place.with_suffix(".py")) if each.is_file())
        if top(name) not in ("", *VERSIONED) and name not in found and (own := next(known, None)):
            found[name] = own
            above = name.rpartition(".")[0]
            waiting += [above, *_names(own, name if own.name == "__init__.py" else above)]
    return {module: file, **found}


def _names(file: Path, package: str) -> Iterator[str]:
    """What a file imports, and perhaps what it imports from there is a module, too."""
    with suppress(SyntaxError, ImportError):  # it is written for another Python, or for another place
        for node in ast.walk(ast.parse(file.read_bytes())):
            if isinstance(node, ast.Import):
                yield from (each.name for each in node.names)
            elif isinstance(node, ast.ImportFrom):
                base = resolve_name("." * node.level + (node.module or ""), package)
                yield from (base, *(f"{base}.{each.name}" for each in node.names))
