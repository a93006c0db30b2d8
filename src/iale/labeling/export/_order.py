"""Decisions as other programs want them: in the order of the samples."""

from __future__ import annotations

from iale.labeling.reader import ProjectReader
from iale.labeling.record._journal import Event


def in_order(reader: ProjectReader) -> list[tuple[int, Event]]:
    """Decisions in the order of the samples."""
    found = ((reader.items.ids.index(sample), event) for sample, event in reader.decisions().items())
    return sorted(found, key=lambda pair: pair[0])
