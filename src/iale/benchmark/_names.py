"""What a strategy is called in records."""

from __future__ import annotations

from pathlib import Path

from iale.strategies.catalog import STRATEGIES


def label(name: str) -> str:
    """The name in records: of a class ``package.module:Class`` its own name, of a policy's folder the folder's name.

    A folder called "policy", which is what training writes, is known by the name of its parent.
    """
    if name in STRATEGIES or "/" not in name:
        return name.rpartition(":")[2]
    path = Path(name).expanduser().resolve()
    return path.parent.name if path.name == "policy" and path.parent.name else path.name
