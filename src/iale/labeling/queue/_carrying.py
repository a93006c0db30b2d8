"""Answers that go on: under the names and ids that their samples have now."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

from iale.labeling.items._items import Items
from iale.labeling.record._answers import Answers
from iale.labeling.record._journal import Act, Event, continued

By = Literal["name", "content"]
"""What tells which sample a set-aside answer may belong to."""

Holds = Callable[[Event], bool]
"""Whether the sample of an answer is there unchanged."""


def named(answers: Answers, items: Items, holds: Holds) -> list[Act]:
    """The answers that hold and have no name, once more, with names, stamps, and the ids that the samples have now.

    Earlier versions wrote nothing but digests. From then on the answers are found by name, too, whatever happens to the
    data.
    """
    acts = []
    for sample, decision in answers.decisions.items():
        if decision.name is not None or not holds(decision):
            continue
        index = items.ids.index(sample)
        stamp = None if decision.stamp else items.stamp(index) or None
        acts += [continued(each, sample, items.words(index), each.stamp or stamp) for each in answers.answers(sample)]
    return sorted(acts, key=_number)


def carried(answers: Answers, items: Items, holds: Holds, taken: Mapping[str, str]) -> list[Act]:
    """The answers to each id (a key of ``taken``), once more, for the sample that has the other id.

    Samples with an answer of their own that holds are passed over.
    """
    acts = []
    for before, sample in taken.items():
        index, there = items.ids.index(sample), answers.decisions.get(sample)
        if there is None or not holds(there):
            name, stamp = items.words(index), items.stamp(index) or None
            acts += [continued(event, sample, name, stamp) for event in answers.answers(before)]
    return sorted(acts, key=_number)


def _number(act: Act) -> int:
    """The number of the answer that goes on: in this order the last one decides, as before."""
    return act.of or 0
