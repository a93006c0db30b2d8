"""Names for the samples of answers that earlier versions recorded with nothing but digests."""

from __future__ import annotations

from collections.abc import Callable

from iale.labeling.items._items import Items
from iale.labeling.record._answers import Answers
from iale.labeling.record._journal import Act, Event, continued


def named(answers: Answers, items: Items, holds: Callable[[Event], bool]) -> list[Act]:
    """The answers without a name that hold now, once more, with names, stamps, and the ids that the samples have now.

    From then on they are found by name, too, whatever happens to the data.
    """
    acts = []
    for sample, decision in answers.decisions.items():
        if decision.name is not None or not holds(decision):
            continue
        index = items.ids.index(sample)
        stamp = None if decision.stamp else items.stamp(index) or None
        acts += [continued(each, sample, items.words(index), each.stamp or stamp) for each in answers.answers(sample)]
    return sorted(acts, key=lambda act: act.of or 0)
