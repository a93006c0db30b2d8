"""What can be read like a project."""

from __future__ import annotations

from typing import Protocol

from iale.labeling.reader import ProjectReader


class Readable(Protocol):
    """A `Project`, which has a reader, or a `ProjectReader`, which is one."""

    @property
    def reader(self) -> ProjectReader:
        """What reads it."""
        ...
