"""A person who labels while the server is killed again and again, and remembers what must be in the journal."""

from __future__ import annotations

import itertools
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from iale.labeling.items._ids import id_of
from iale.labeling.project import Project
from iale.labeling.reader import ProjectReader
from iale.labeling.record.config import ProjectConfig
from tests.integrations.label_page import LabelServer

_FEWEST = 30  # acts after which a session with kills may end

Send = Callable[[str, dict[str, Any]], Any]
"""Sends a request until the server has answered it; returns the answer."""


@dataclass(frozen=True)
class Tally:
    """The outcome of a session with kills.

    Attributes:
        kills: how often the server was killed.
        acknowledged: labels, skips, and undos that the server said were saved.
        lost: how many of these are not in the journal as they were sent.
        doubled: keys that are in the journal more than once.
        wrong: samples whose label is not what the person said last.
    """

    kills: int
    acknowledged: int
    lost: int
    doubled: int
    wrong: int


class Person:
    """Ann, who labels, corrects, skips, and undoes, and remembers it.

    Now and then bo answers first, so that ann's answer is a second opinion, which does not decide.

    Args:
        send: asks the server.
        classes: at least 2 classes.
        seed: determines what she says.
        before: labels that the project holds already, by id.

    Attributes:
        acknowledged: number, kind, sample, and label of every acknowledged act, by its key.
        said: the answers to each sample that decide and were not undone, None for a skip.
        added: classes, in order.
    """

    def __init__(self, send: Send, classes: list[str], seed: int = 0, before: Mapping[str, str] | None = None) -> None:
        self.acknowledged: dict[str, dict[str, Any]] = {}
        self.said: dict[str, list[str | None]] = {sample: [label] for sample, label in (before or {}).items()}
        self.added: list[str] = []
        self._send, self._classes, self._seed, self._rng = send, classes, seed, random.Random(seed)
        self._numbers = itertools.count()
        self._asked_twice: set[str] = set()  # samples that she holds for a second opinion
        self._opinions: set[str] = set()  # keys of her second opinions

    def work(self, done: threading.Event) -> None:
        """Answers what she is given, as fast as the server answers, until she is ``done``."""
        while not done.is_set():
            for ticket in self._send("/api/next", {"person": "ann", "tab": "1", "count": 20})["tickets"]:
                if self._rng.random() < 0.03:
                    self._send("/api/pass-over", {"sample": ticket["sample"], "why": "it cannot be decoded."})
                else:
                    late, correct, undo, skip = (self._rng.random() < share for share in (0.1, 0.1, 0.1, 0.05))
                    self.answer(ticket["sample"], ticket["reason"], late=late, correct=correct, undo=undo, skip=skip)
                if self._rng.random() < 0.02:
                    name = f"new {len(self.added)}"
                    self._send("/api/class", {"person": "ann", "label": name, "key": f"{self._seed} {name}"})
                    self.added.append(name)
                if done.is_set():
                    break

    def answer(self, sample: str, reason: str, *, late: bool, correct: bool, undo: bool, skip: bool) -> None:
        """Answers one sample that she was given for a ``reason``.

        Args:
            sample: its id.
            reason: a second opinion ("second") is told apart.
            late: bo answers first, unless somebody has.
            correct: she changes her mind.
            undo: she takes back what she said last.
            skip: then she says that she cannot tell.
        """
        label, late = self._rng.choice(self._classes), late and reason != "second"
        if reason == "second":
            self._asked_twice.add(sample)
        if late:
            self._act("/api/label", sample, self._rng.choice(self._classes), person="bo", tab="2", asked=True)
        last = self._act("/api/label", sample, label, late=late, asked=True)
        if correct:
            last = self._act("/api/label", sample, self._rng.choice([c for c in self._classes if c != label]))
        if undo:
            self._undo(sample, last)
        if skip:
            self._act("/api/skip", sample)

    def _act(self, path: str, sample: str, label: str | None = None, *, late: bool = False, **more: Any) -> str:
        """Answers a sample; returns the key.

        What comes late, or is asked for as a second opinion, is recorded, and decides nothing. What she says about the
        sample after that is a correction, and decides.
        """
        key = self._sent(path, sample, label, **more)
        if late or (sample in self._asked_twice and "person" not in more):
            self._opinions.add(key)
            self._asked_twice.discard(sample)
        else:
            self.said.setdefault(sample, []).append(label)
        return key

    def _undo(self, sample: str, last: str) -> None:
        """Takes back the act with the key ``last``. A second opinion that is taken back is asked for again at once."""
        self._sent("/api/undo", sample, None, act=last)
        if last in self._opinions:
            self._asked_twice.add(sample)
        else:
            self.said[sample].pop()

    def _sent(self, path: str, sample: str, label: str | None, **more: Any) -> str:
        key = f"{self._seed}-{next(self._numbers)}"
        body = {"person": "ann", "tab": "1", "sample": sample, "key": key, **more}
        number = self._send(path, body if label is None else {**body, "label": label})["number"]
        kind = path.rsplit("/", 1)[1]
        self.acknowledged[key] = {"number": number, "kind": kind, "sample": sample, "label": label}
        return key

    doubled: int
    wrong: int


def write_old_project(folder: Path, count: int) -> tuple[Path, dict[str, str]]:
    """A table with ids, and its project as version 1 of the journal left it: rows are known by digests of their cells.

    Args:
        folder: gets the table ``rows.csv`` and the project ``project``.
        count: the number of rows; one in ten is labeled.

    Returns:
        The table, and the labels by the ids that their samples have now.
    """
    data, out = folder / "rows.csv", folder / "project"
    rows = [(f"{number / 7:.3f}", f"{number % 5}") for number in range(count)]
    data.write_text("id,x,y\n" + "".join(f"r{number},{x},{y}\n" for number, (x, y) in enumerate(rows)))
    project = Project.create(out, ProjectConfig(data, ("a", "b", "c")))
    config = json.loads((out / "project.json").read_text())
    del config["named"]
    (out / "project.json").write_text(json.dumps(config))
    lines, labels = [], {}
    for number, row in enumerate(range(0, count, 10), start=1):
        label = "abc"[row % 3]
        labels[project.items.ids[row]] = label
        old = f"{id_of(*(cell.encode() for cell in rows[row])):016x}"
        event = {"kind": "label", "label": label, "person": "ann", "reason": "query", "sample": old}
        lines.append(json.dumps({**event, "number": number, "time": 1795745639.0 + number}) + "\n")
    (out / "journal.jsonl").write_text("".join(lines))
    return data, labels


def label_under_kills(
    server: LabelServer,
    out: Path,
    classes: list[str],
    kills: int,
    *,
    seed: int = 0,
    before: dict[str, str] | None = None,
) -> Tally:
    """A person labels, corrects, skips, and undoes as fast as the server answers; it is killed at random moments.

    Now and then a sample cannot be shown, or a class is added. Whatever was not acknowledged is sent again with the
    same key, as the page does.

    Args:
        server: a server that is not running yet.
        out: its project.
        classes: at least 2 classes.
        kills: the number of kills.
        seed: determines the moments and the labels.
        before: labels that the project holds already, by id.
    """

    def send(path: str, body: dict[str, Any]) -> Any:
        while True:
            try:
                return server.ask(path, body)
            except ConnectionError:
                time.sleep(0.005)

    moments, done, ann = random.Random(seed + 1), threading.Event(), Person(send, classes, seed, before)
    thread = threading.Thread(target=ann.work, args=(done,))
    server.start()
    thread.start()
    try:
        for _ in range(kills):
            assert thread.is_alive(), "the person's thread failed; the traceback is above"
            time.sleep(moments.uniform(0.0, 1.0))
            server.kill()
            server.start()
        deadline = time.monotonic() + 60
        while len(ann.acknowledged) < _FEWEST and thread.is_alive() and time.monotonic() < deadline:
            time.sleep(0.05)  # on a busy machine, nearly all of the time goes into starts
    finally:
        done.set()
        thread.join(60)
        server.stop()
    there = ProjectReader.open(out).classes
    assert list(there) == [*classes, *ann.added], "classes are lost, doubled, or in another order"
    return tally(out, kills, ann.acknowledged, ann.said)


def tally(out: Path, kills: int, acknowledged: dict[str, dict[str, Any]], said: dict[str, list[str | None]]) -> Tally:
    """Compares a project with what its only person remembers.

    Args:
        out: the project.
        kills: the number of kills, for the record.
        acknowledged: number, kind, sample, and label of every acknowledged event, by its key.
        said: the answers to each sample that were not undone, None for a skip.
    """
    lines = [json.loads(line) for line in (out / "journal.jsonl").read_text().splitlines()]
    keys = Counter(line["key"] for line in lines if "key" in line)
    written = {line["key"]: {"label": None, **line} for line in lines if "key" in line}
    lost = [
        key
        for key, event in acknowledged.items()
        if any(written.get(key, {}).get(name) != value for name, value in event.items())
    ]
    labels = ProjectReader.open(out).labels()
    wrong = [sample for sample, answers in said.items() if labels.get(sample) != next(reversed(answers), None)]
    unknown = set(labels) - set(said)
    doubled = sum(count > 1 for count in keys.values())
    return Tally(kills, len(acknowledged), len(lost), doubled, len(wrong) + len(unknown))
