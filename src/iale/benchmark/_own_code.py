"""Code of one's own that a run used: strategies, models, optimizers and losses that iale knows only by their names."""

from __future__ import annotations

import ast
import hashlib
import inspect
import sys
from collections.abc import Iterator
from contextlib import suppress
from importlib.util import resolve_name
from pathlib import Path
from typing import Any

from iale.benchmark._content import label
from iale.benchmark.grid import GridConfig
from iale.data._fingerprint import digest
from iale.policies.catalog import find_strategy
from iale.registry import import_object
from iale.strategies.base import QueryStrategy

_VERSIONED = ("iale", "torch")  # records tell their versions


def own_code(config: GridConfig, name: str, strategy: QueryStrategy | None) -> dict[str, str]:
    """What a run of ``strategy``, called ``name``, uses of one's own: the SHA-256 of its code, by name."""
    used = [(name, strategy), *((other, find_strategy(other)) for other in config.beside)]
    used += [(own, import_object(own, "code")) for own in (config.model, config.optimizer, config.loss) if own]
    return dict(sorted((label(name), digest) for name, thing in used for digest in _digest(thing, name)))


def _digest(thing: object, name: str) -> Iterator[str]:
    """The SHA-256 of the code of the object ``name``, unless that is part of a package whose version records tell.

    That is the file that defines it, or a list of this one and of those that it imports.
    """
    owner: Any = thing if inspect.isclass(thing) or inspect.isfunction(thing) else type(thing)
    home: str = owner.__module__
    if _top(home) in (*_VERSIONED, *sys.stdlib_module_names) and ":" in name:
        home = name.partition(":")[0]  # such as a partial: what it is made of is written where it is named
    if _top(home) in _VERSIONED:
        return
    try:
        file = Path(inspect.getfile(owner if home == owner.__module__ else sys.modules[home]))
        files = {home: file, **_imported(home, file)}
        digests = {name: hashlib.sha256(each.read_bytes()).hexdigest() for name, each in sorted(files.items())}
    except (TypeError, OSError, KeyError):  # it is built in, or has no file
        return
    yield next(iter(digests.values())) if len(digests) == 1 else digest(digests)


def _top(module: str) -> str:
    return module.partition(".")[0]


def _imported(module: str, file: Path) -> dict[str, Path]:
    """The modules that a module imports from the folder from which it is imported itself, and these, and so on.

    Not those of an installed package: they are many, and not edited.
    """
    root = file.parents[module.count(".") + (file.name == "__init__.py")]
    installed = root.name in ("site-packages", "dist-packages") or _top(module) in sys.stdlib_module_names
    found: dict[str, Path] = {}
    waiting = [] if installed else [module]
    while waiting:
        name = waiting.pop()
        place = root.joinpath(*name.split("."))
        known = (each for each in (place / "__init__.py", place.with_suffix(".py")) if each.is_file())
        if _top(name) not in ("", *_VERSIONED) and name not in found and (own := next(known, None)):
            found[name] = own
            above = name.rpartition(".")[0]
            waiting += [above, *_names(own, name if own.name == "__init__.py" else above)]
    return found


def _names(file: Path, package: str) -> Iterator[str]:
    """What a file imports, and perhaps what it imports from there is a module, too."""
    with suppress(SyntaxError, ImportError):  # it is written for another Python, or for another place
        for node in ast.walk(ast.parse(file.read_bytes())):
            if isinstance(node, ast.Import):
                yield from (each.name for each in node.names)
            elif isinstance(node, ast.ImportFrom):
                base = resolve_name("." * node.level + (node.module or ""), package)
                yield from (base, *(f"{base}.{each.name}" for each in node.names))
