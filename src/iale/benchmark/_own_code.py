"""Code of one's own that a run used: strategies, models, optimizers and losses that iale knows only by their names."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from iale.benchmark._content import label
from iale.benchmark.grid import GridConfig
from iale.policies.catalog import find_strategy
from iale.registry import import_object
from iale.strategies.base import QueryStrategy

_VERSIONED = ("iale", "torch")  # records tell their versions


def own_code(config: GridConfig, name: str, strategy: QueryStrategy | None) -> dict[str, str]:
    """What a run of ``strategy``, called ``name``, uses of one's own: the SHA-256 of each file, by name."""
    used = [(label(name), strategy), *((label(other), find_strategy(other)) for other in config.beside)]
    used += [(label(own), import_object(own, "code")) for own in (config.model, config.optimizer, config.loss) if own]
    return dict(sorted((name, digest) for name, thing in used for digest in _digest(thing)))


def _digest(thing: object) -> Iterator[str]:
    """The SHA-256 of the file that defines an object, unless that is part of a package whose version records tell."""
    owner: Any = thing if inspect.isclass(thing) or inspect.isfunction(thing) else type(thing)
    if owner.__module__.partition(".")[0] in _VERSIONED:
        return
    try:
        yield hashlib.sha256(Path(inspect.getfile(owner)).read_bytes()).hexdigest()
    except (TypeError, OSError):  # it is built in, or has no file
        return
