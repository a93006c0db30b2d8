"""People who label through the server, as the page does, and remember what must be in the journal."""

from __future__ import annotations

import itertools
import random
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from tests.integrations.label_page import Refused

Send = Callable[[str, dict[str, Any] | None], Any]
"""Sends a request (without a body, a GET) until the server has answered it; returns the answer, or raises Refused."""

Said = dict[str, dict[str, str | None]]
"""What decides: labels by sample and by the key of the act, in order; None for a skip."""

HOW = {"late": 0.1, "correct": 0.1, "judge": 0.5, "undo": 0.1, "skip": 0.05, "unjudge": 0.3}
"""What may happen to an answer (`Person.answer`), and how often."""

SHEET = {"late": 0.2, "judge": 0.5, "all": 0.2, "one": 0.2, "again": 0.5}
"""What may happen to a sheet (`Person.sheet`), and how often."""

_TILES = 6  # samples of a sheet


class Person:
    """Ann, who labels, corrects, skips, and undoes, one by one and in sheets, and remembers it.

    Now and then bo answers first, so that ann's answer is a second opinion, which does not decide. If it differs, cat,
    a reviewer, may decide between them.

    Args:
        send: asks the server.
        classes: at least 2 classes.
        seed: determines what she says.
        before: labels that the project holds already, by id.
        looks: what she takes samples for, by id; others look like anything.

    Attributes:
        acknowledged: what must be in the journal of every acknowledged act, by its key.
        said: the answers to each sample that decide and were not undone, by key, in order; None for a skip.
        added: classes, in order.
    """

    def __init__(
        self,
        send: Send,
        classes: list[str],
        seed: int = 0,
        before: Mapping[str, str] | None = None,
        looks: Mapping[str, str] | None = None,
    ) -> None:
        self.acknowledged: dict[str, dict[str, Any]] = {}
        self.said: Said = {s: {"before": label} for s, label in (before or {}).items()}
        self.added: list[str] = []
        self._send, self._classes, self._seed, self._rng = send, classes, seed, random.Random(seed)
        self._looks = looks or {}
        self._numbers = itertools.count()
        self._reasons: dict[str, str] = {}  # for which she was given samples
        self._asked_twice: set[str] = set()  # samples that she holds for a second opinion
        self._opinions: set[str] = set()  # keys of her second opinions

    def work(self, done: threading.Event) -> None:
        """Answers what she is given, as fast as the server answers, until she is ``done``."""
        while not done.is_set():
            for sample, reason in self.given(20).items():
                if self._go_on(sample, reason) or done.is_set():
                    break  # of a sheet, she may have answered what comes next

    def given(self, count: int) -> dict[str, str]:
        """Samples to answer, with the reasons; what she holds comes first."""
        tickets = self._send("/api/next", {"person": "ann", "tab": "1", "count": count})["tickets"]
        given = {ticket["sample"]: ticket["reason"] for ticket in tickets}
        self._reasons.update(given)
        return given

    def _go_on(self, sample: str, reason: str) -> bool:
        """Passes over, answers, or lays a sheet of a sample; returns whether she had a sheet."""
        if self._rng.random() < 0.02:
            name = f"new {len(self.added)}"
            self._send("/api/class", {"person": "ann", "label": name, "key": f"{self._seed} {name}"})
            self.added.append(name)
        what = self._rng.random()
        if what < 0.03:
            self._send("/api/pass-over", {"sample": sample, "why": "it cannot be decoded."})
            return False
        if what < 0.1 and self.sheet(sample, self._some(SHEET)):
            return True
        self.answer(sample, reason, self._some(HOW))
        return what > 0.94 and self.sheet(sample, self._some(SHEET))  # of those like the one that she has just labeled

    def answer(self, sample: str, reason: str, how: Collection[str]) -> None:
        """Answers one sample that she was given for a ``reason``.

        Args:
            sample: its id.
            reason: a second opinion ("second") is told apart.
            how: of `HOW`, in this order: bo is first unless somebody has answered ("late"), she takes it for something
                else and corrects that ("correct"), before which cat decides if they disagree ("judge"), she takes back
                what she said last ("undo"), she cannot tell ("skip"), and cat takes back the decision ("unjudge").
        """
        if reason == "second":
            self._asked_twice.add(sample)
        late, label = "late" in how and reason != "second", self._look(sample)
        if late:
            self._overtake(sample)
        first = self._rng.choice([name for name in self._classes if name != label]) if "correct" in how else label
        last = self._act("/api/label", sample, first, late=late, asked=True)
        judged = self._judge(sample, first) if "judge" in how else None
        if "correct" in how:
            last = self._act("/api/label", sample, label)
        if "undo" in how:
            self._undo(sample, last)
        if "skip" in how:
            self._act("/api/skip", sample)
        if judged and "unjudge" in how:
            self._undo(sample, judged, person="cat")

    def sheet(self, sample: str, how: Collection[str]) -> bool:
        """Labels most of a sheet of look-alikes, each with an act of its own; returns whether there was one.

        Args:
            sample: one that she holds, or has just labeled.
            how: of `SHEET`: bo was first at one of them ("late"), and cat decides if they disagree ("judge"); she takes
                back the whole sheet ("all") or the last one ("one"), and labels it "again"; otherwise she leaves it.
        """
        body = {"person": "ann", "tab": "1", "sample": sample, "count": _TILES}
        try:
            found = self._send("/api/grid", body)
        except Refused:  # none is sure to be like it: the page says so, and she goes on one by one
            return False
        label, tiles = found["label"], [each["sample"] for each in found["samples"]]
        for tile in tiles:
            self._reasons.setdefault(tile, "alike")
        late, taken, rest = "late" in how, tiles[:-2], tiles[-2:]
        if late:
            self._overtake(taken[0])
        keys = self._take(taken, label, late)
        self._give_back(rest[1:])  # the other one was deselected: she is asked about it alone
        if late and "judge" in how:
            self._judge(taken[0], label)
        back = taken if "all" in how else taken[-1:] if "one" in how else []
        for tile in back:
            self._undo(tile, keys[tile])
        if "again" in how:
            self._take(back, label)
        else:
            self._give_back(back)
        return True

    def decided(self, sample: str) -> str | None:
        """The label that holds; None for a skip, and if there is none."""
        return next(reversed(self.said.get(sample, {}).values()), None)

    def _some(self, shares: Mapping[str, float]) -> set[str]:
        return {name for name, share in shares.items() if self._rng.random() < share}

    def _look(self, sample: str) -> str:
        return self._looks.get(sample) or self._rng.choice(self._classes)

    def _overtake(self, sample: str) -> None:
        """Bo, who guesses half of the time, answers a sample that was handed to ann."""
        label = self._rng.choice([self._look(sample), self._rng.choice(self._classes)])
        self._act("/api/label", sample, label, person="bo", tab="2", asked=True)

    def _take(self, tiles: Sequence[str], label: str, late: bool = False) -> dict[str, str]:
        """Labels tiles of a sheet, ``late`` for the first; returns the keys."""
        given = {tile: (late and tile == tiles[0], self._reasons[tile]) for tile in tiles}
        return {
            tile: self._act("/api/label", tile, label, late=came, reason=reason, asked=True)
            for tile, (came, reason) in given.items()
        }

    def _give_back(self, tiles: Sequence[str]) -> None:
        if tiles:
            self._send("/api/ungrid", {"person": "ann", "tab": "1", "samples": tiles})
        self._asked_twice.difference_update(tiles)
        for tile in tiles:
            self._reasons.pop(tile, None)

    def _judge(self, sample: str, opinion: str) -> str | None:
        """Cat decides if what ann has just said differs from what holds; returns the key."""
        rows = self._send("/api/review?order=people", None)["rows"]
        seen = next(((row["label"], row["seen"]) for row in rows if row["sample"] == sample), None)
        holds = self.decided(sample)
        assert (seen and seen[0]) == (None if holds == opinion else holds), f"{seen} is told, but {holds} holds"
        if seen is None:
            return None
        label = self._rng.choice([*self._classes, None])
        return self._act("/api/review", sample, label, person="cat", reason="adjudicated", seen=seen[1])

    def _act(
        self,
        path: str,
        sample: str,
        label: str | None = None,
        *,
        person: str = "ann",
        late: bool = False,
        reason: str | None = None,
        **more: Any,
    ) -> str:
        """Answers a sample; returns the key.

        What comes late, or is asked for as a second opinion, is recorded, and decides nothing. What she says about the
        sample after that is a correction, and decides.
        """
        opinion = late or (person == "ann" and sample in self._asked_twice)
        key = self._sent(path, sample, label, person, reason="second" if opinion else reason, **more)
        if opinion:
            self._opinions.add(key)
            self._asked_twice.discard(sample)
        else:
            self.said.setdefault(sample, {})[key] = label
        return key

    def _undo(self, sample: str, last: str, person: str = "ann") -> None:
        """Takes back the act with the key ``last``. A second opinion that is taken back is asked for again at once."""
        self._sent("/api/undo", sample, None, person, act=last)
        if last in self._opinions:
            self._asked_twice.add(sample)
        else:
            del self.said[sample][last]

    def _sent(
        self, path: str, sample: str, label: str | None, person: str, reason: str | None = None, **more: Any
    ) -> str:
        key = f"{self._seed}-{next(self._numbers)}"
        body = {"person": person, "tab": "1", "sample": sample, "key": key, **more}
        number = self._send(path, body if label is None else {**body, "label": label})["number"]
        kind = "undo" if path == "/api/undo" else "skip" if label is None else "label"
        act = {"number": number, "kind": kind, "person": person, "sample": sample, "label": label}
        self.acknowledged[key] = act if reason is None else {**act, "reason": reason}
        return key
