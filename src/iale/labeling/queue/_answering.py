"""How an answer of a person is recorded or taken back: for what reason, and whether that was asked for before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from iale.labeling.items._items import Items
from iale.labeling.queue._late import came_after, overtaken
from iale.labeling.record._answers import Answers
from iale.labeling.record._journal import Act, Event
from iale.labeling.record._ledger import Ledger
from iale.labeling.record._names import brief, clean
from iale.labeling.record._same_act import ANY_SAMPLE


def record(ledger: Ledger, items: Items, holds: Callable[[Event], bool], act: Act, *, asked: bool) -> Event:
    """Records a label or a skip, unless the same was said before; inside `Ledger.writing`.

    Args:
        ledger: of the project.
        items: its samples.
        holds: whether the sample of an answer is there unchanged.
        act: kind, person, sample, label, note and key.
        asked: whether the person answers what was handed out, and does not correct on purpose.
    """
    answers = ledger.answers
    person, key = clean(act.person, "a person's name"), brief(act.key or "") or None
    index = items.ids.index(act.sample or "")
    sample, name = items.ids[index], items.words(index)
    if known := answers.sent(person, key, replace(act, sample=sample)):
        return known
    reason, note = answers.reason(person, sample), act.note
    if asked and (other := overtaken(answers, person, sample, holds)):
        reason, note = "second", came_after(other)
    before = answers.opinion(person, sample)
    # A second opinion that is sent twice is one opinion; said again on purpose, with a key of its own, it decides.
    repeated = before is answers.decisions.get(sample) or (not key and reason != "second")
    same = before is not None and (before.kind, before.label) == (act.kind, act.label)
    if before is not None and repeated and same and reason != "adjudicated" and holds(before):
        return before
    stamp = items.stamp(index) or None
    whole = replace(act, person=person, key=key, reason=reason, sample=sample, name=name, stamp=stamp, note=note)
    return ledger.extend([whole])[0]


def undoing(answers: Answers, person: str, sample: str | None, key: str) -> Act:
    """What a request to undo asks for: the answer that was sent with ``key``, if it has one."""
    meant = answers.keys.get((person, key))
    of = (meant.number if meant else 0) if key else None
    return Act(kind="undo", person=person, sample=sample or ANY_SAMPLE, of=of)
