"""Decisions as other programs want them: in the order of the samples, and told apart by the test share."""

from __future__ import annotations

from pathlib import Path

from iale.errors import ConfigError
from iale.labeling.reader import ProjectReader
from iale.labeling.record._journal import Event


def in_order(reader: ProjectReader) -> list[tuple[int, Event]]:
    """Decisions in the order of the samples."""
    found = ((reader.items.ids.index(sample), event) for sample, event in reader.decisions().items())
    return sorted(found, key=lambda pair: pair[0])


def is_test(reader: ProjectReader, event: Event) -> bool:
    """Whether an answer belongs to the honest test share, from which no model learned."""
    with reader.ledger.reading() as answers:
        return answers.tests(event)


def utf8(text: str) -> str:
    """Text that UTF-8 can carry: names of files may hold bytes that are not text."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def check_new(out: Path) -> None:
    """Raises ConfigError unless ``out`` is a folder that is empty or not there yet."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ConfigError(f"{out} is not empty: name a new folder.")
