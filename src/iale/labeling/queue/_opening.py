"""Opens the record of a project for the samples that there are now."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from iale.labeling.items._items import Items
from iale.labeling.record._journal import Event
from iale.labeling.record._ledger import Ledger


def open_ledger(folder: Path, items: Items, classes: Iterable[str] = ()) -> Ledger:
    """The events of a project as they are meant for its samples now.

    Samples that are known by another id now are called by that one. A skip without a stamp, where files have stamps,
    says that a file was away, and no person decided that; earlier versions recorded it.
    """

    def meant(event: Event) -> Event | None:
        index = None if event.sample is None else items.ids.find(event.sample)
        if index is not None and event.kind == "skip" and event.stamp is None and not items.fits(index, ""):
            return None
        if items.ids.former is None:
            return event
        sample = event.sample and items.ids.now(event.sample)
        samples = event.samples and {items.ids.now(each): reason for each, reason in event.samples.items()}
        return (
            event
            if (sample, samples) == (event.sample, event.samples)
            else replace(event, sample=sample, samples=samples)
        )

    return Ledger(folder, meant, classes)
