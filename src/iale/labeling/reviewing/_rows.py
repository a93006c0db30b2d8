"""Labeled samples in an order in which to look at them again."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from iale.errors import DataError
from iale.labeling.reader import ProjectReader
from iale.labeling.record._answers import Answers
from iale.labeling.record._fits import Guess
from iale.labeling.record._journal import Event
from iale.labeling.reviewing._doubts import Doubts

Order = Literal["newest", "model", "people", "confidence"]
"""The latest first; where a model that has not seen the label disagrees, the least likely first; where two people
disagree and nobody has decided; where that model is least sure."""

EXCERPT = 200
"""Characters of a text that stands in a list."""

FLAGS = ("look", "example")
"""Marks on a sample: somebody should look at it again; it is a good example of its class."""


@dataclass(frozen=True)
class Wish:
    """What somebody wants to look at; everything but the order only leaves rows out.

    Attributes:
        order: one of `Order`.
        label: the name of a class; "" for samples that were skipped, None for all.
        person: who decided, or gave another answer; empty for everybody.
        since: decided at this time or later, in seconds since 1970.
        until: decided before this time.
        words: all of them stand in the sample's name, text or notes, whatever their case.
        flag: one of `FLAGS`; empty for all.
    """

    order: Order = "newest"
    label: str | None = None
    person: str = ""
    since: float = 0.0
    until: float = float("inf")
    words: str = ""
    flag: str = ""

    def __post_init__(self) -> None:
        if self.order not in get_args(Order):
            raise DataError(f"the order must be one of {', '.join(get_args(Order))}, not {self.order[:20]!r}.")
        if self.flag and self.flag not in FLAGS:
            raise DataError(f"the flag must be one of {', '.join(FLAGS)}, not {self.flag[:20]!r}.")


@dataclass(frozen=True)
class Row:
    """One labeled sample.

    Attributes:
        decision: the answer that holds.
        answers: what each person said last, in order.
        notes: what people noted, and their marks.
        guess: what a model says that has not seen the label; empty in the test share.
        given: the probability of the label by that model; None if it says nothing.
        disputed: whether two people disagree, and nobody has decided.
        confirmed: who looked at the label and left it; empty if nobody did.
    """

    decision: Event
    answers: tuple[Event, ...]
    notes: tuple[Event, ...]
    guess: Guess = ()
    given: float | None = None
    disputed: bool = False
    confirmed: str = ""


def rows(project: ProjectReader, wish: Wish, doubts: Doubts) -> list[Row]:
    """All labeled samples that fit a wish, first the one to look at first."""
    with project.ledger.reading() as answers:
        found = [_row(answers, event, doubts) for event in reversed(project.decisions().values())]
    fits = _fits(project, wish)
    found = [row for row in found if fits(row)]
    if wish.order == "people":
        return [row for row in found if row.disputed]
    if wish.order == "model":
        doubted = [row for row in found if row.guess and row.guess[0][0] != row.decision.label and not row.confirmed]
        return sorted(doubted, key=lambda row: 1.0 if row.given is None else row.given)
    if wish.order == "confidence":
        unsure = [row for row in found if row.guess and not row.confirmed]
        return sorted(unsure, key=lambda row: row.guess[0][1])
    return found


def text_of(project: ProjectReader, sample: str) -> str:
    """The text of a sample, or the cells of a row; empty for an image and for what cannot be read."""
    if project.kind == "image":
        return ""
    try:
        shown = project.show(sample)
    except DataError:
        return ""
    if isinstance(shown, np.ndarray):
        return ""
    return shown if isinstance(shown, str) else ", ".join(f"{name} {cell}" for name, cell in shown.items())


def _row(answers: Answers, event: Event, doubts: Doubts) -> Row:
    sample = event.sample or ""
    said = {answer.person: answer for answer in answers.answers(sample)}
    confirmed = answers.confirmed(sample)
    return Row(
        decision=event,
        answers=tuple(said.values()),
        notes=tuple(answers.notes.get(sample, {}).values()),
        guess=() if event.label is None else doubts.guesses.get(sample, ()),
        given=doubts.given.get(sample),
        disputed=answers.disputed(sample),
        confirmed="" if confirmed is None else confirmed.person,
    )


def _fits(project: ProjectReader, wish: Wish) -> Callable[[Row], bool]:
    words = _plain(wish.words).split()

    def fits(row: Row) -> bool:
        event = row.decision
        if wish.label is not None and (event.label or "") != wish.label:
            return False
        if wish.person and all(answer.person != wish.person for answer in row.answers):
            return False
        if not wish.since <= event.answered < wish.until:
            return False
        if wish.flag and all(note.flag != wish.flag for note in row.notes):
            return False
        if not words:
            return True
        sample = event.sample or ""
        noted = (note.note or "" for note in row.notes)
        text = _plain(" ".join([project.name(sample), text_of(project, sample), event.note or "", *noted]))
        return all(word in text for word in words)

    return fits


def _plain(text: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())
