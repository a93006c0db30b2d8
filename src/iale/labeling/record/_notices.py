"""Sentences about answers that do not count, and about samples that were passed over."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from iale._many import many
from iale.labeling.record._journal import Event


def about_labels(unclassed: Sequence[Event]) -> list[str]:
    """A sentence for each label that is no class of the project."""
    by_label: defaultdict[str, list[str]] = defaultdict(list)
    for event in unclassed:
        by_label[event.label or ""].append(event.person)
    return [
        f"{label!r} ({', '.join(sorted(set(people)))}, {many(len(people))}) is no class of this project: these labels "
        f"are set aside; add the class to use them."
        for label, people in by_label.items()
    ]


def about_samples(unshown: Sequence[str], unreadable: Mapping[str, str]) -> list[str]:
    """What no page could show, and what the last fit could not read, each with the first reason."""
    told = [f"{many(len(unshown))} could not be shown: {unshown[0]}"] if unshown else []
    if unreadable:
        told.append(f"the last fit passed over {many(len(unreadable))}: {next(iter(unreadable.values()))}")
    return told
