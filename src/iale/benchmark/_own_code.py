"""Code of one's own that a run used: strategies, models, optimizers and losses that iale knows only by their names."""

from __future__ import annotations

import hashlib
import inspect
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from iale._own_files import VERSIONED, own_files, top
from iale.benchmark._content import label
from iale.benchmark.grid import GridConfig
from iale.data._fingerprint import digest
from iale.policies.catalog import find_strategy
from iale.registry import import_object
from iale.strategies.base import QueryStrategy


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
    if top(home) in (*VERSIONED, *sys.stdlib_module_names) and ":" in name:
        home = name.partition(":")[0]  # such as a partial: what it is made of is written where it is named
    if top(home) in VERSIONED:
        return
    try:
        file = Path(inspect.getfile(owner if home == owner.__module__ else sys.modules[home]))
        files = own_files(home, file)
        digests = {name: hashlib.sha256(each.read_bytes()).hexdigest() for name, each in sorted(files.items())}
    except (TypeError, OSError, KeyError):  # it is built in, or has no file
        return
    yield next(iter(digests.values())) if len(digests) == 1 else digest(digests)
