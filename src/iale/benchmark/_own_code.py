"""Code of one's own that a run used: strategies, models, optimizers and losses that iale knows only by their names."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from iale._many import many
from iale.benchmark._content import label
from iale.benchmark.grid import GridConfig
from iale.benchmark.records import Record
from iale.errors import StorageError
from iale.policies.catalog import find_strategy
from iale.registry import import_object
from iale.strategies.base import QueryStrategy

_VERSIONED = ("iale", "torch")  # records tell their versions


def own_code(config: GridConfig, name: str, strategy: QueryStrategy | None) -> dict[str, str]:
    """What a run of ``strategy``, called ``name``, uses of one's own: the SHA-256 of each file, by name."""
    used = [(label(name), strategy), *((label(other), find_strategy(other)) for other in config.beside)]
    used += [(label(own), import_object(own, "code")) for own in (config.model, config.optimizer, config.loss) if own]
    return dict(sorted((name, digest) for name, thing in used for digest in _digest(thing)))


def refuse_other_code(records: Sequence[Record], now: Mapping[str, str], where: str) -> None:
    """Raises StorageError if records were made by another version of what is called the same ``now``."""
    for name, digest in now.items():
        others = sum(record.code.get(name, digest) != digest for record in records)
        if others:
            raise StorageError(
                f"{where} holds {many(others, 'run')} of {name} that other code made: its file has changed since; give "
                f"{name} a new name, name another folder, or put the former file back."
            )


def refuse_code_mixture(records: Sequence[Record], where: str) -> None:
    """Raises StorageError if records were made by two versions of what is called the same."""
    found: dict[str, str] = {}
    for name, digest in (entry for record in records for entry in record.code.items()):
        if found.setdefault(name, digest) != digest:
            raise StorageError(
                f"{where}: runs of {name} were made by two versions of its code, and cannot be compared: report them "
                f"apart."
            )


def _digest(thing: object) -> Iterator[str]:
    """The SHA-256 of the file that defines an object, unless that is part of a package whose version records tell."""
    owner: Any = thing if inspect.isclass(thing) or inspect.isfunction(thing) else type(thing)
    if owner.__module__.partition(".")[0] in _VERSIONED:
        return
    try:
        yield hashlib.sha256(Path(inspect.getfile(owner)).read_bytes()).hexdigest()
    except (TypeError, OSError):  # it is built in, or has no file
        return
