"""Kills the server again and again while a person labels, and compares the journal with what she remembers."""

from __future__ import annotations

import csv
import itertools
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from iale.labeling.items._ids import id_of
from iale.labeling.project import Project
from iale.labeling.reader import ProjectReader
from iale.labeling.record.config import ProjectConfig
from iale.labeling.suggesting._predictions import import_suggestions
from tests.integrations.label_page import LabelServer
from tests.integrations.label_person import Person, Said

_FEWEST = 30  # acts after which a session with kills may end
_MOST, _LONGEST = 60, 20.0  # acts, and seconds, between two kills
_SUGGESTED = 5000  # samples for which something is suggested


@dataclass(frozen=True)
class Tally:
    """The outcome of a session with kills.

    Attributes:
        kills: how often the server was killed.
        acknowledged: labels, skips, and undos that the server said were saved.
        lost: how many of these are not in the journal as they were sent.
        doubled: keys that are in the journal more than once.
        wrong: samples whose label is not what the person said last.
        alike: acknowledged labels of sheets that were given for being alike.
        adjudicated: acknowledged decisions between two people.
    """

    kills: int
    acknowledged: int
    lost: int
    doubled: int
    wrong: int
    alike: int = 0
    adjudicated: int = 0


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


def suggest(out: Path) -> dict[str, str]:
    """Imports suggestions into a project and compares its samples, so that there can be sheets from the start.

    Returns:
        What is suggested, by the id of the sample; not for all of many, because a sheet looks through all suggestions,
        which must not take as long as a server lives.
    """
    reader = ProjectReader.open(out)
    some = itertools.islice(reader.items.ids, _SUGGESTED)
    looks = {sample: reader.classes[row % len(reader.classes)] for row, sample in enumerate(some)}
    table = out.with_name("looks.csv")
    with open(table, "w", newline="") as file:
        csv.writer(file).writerows([("sample", "label"), *looks.items()])
    import_suggestions(reader, table)
    reader.views.make_geometry()
    return looks


def label_under_kills(
    server: LabelServer,
    out: Path,
    classes: list[str],
    kills: int,
    *,
    seed: int = 0,
    before: Mapping[str, str] | None = None,
    looks: Mapping[str, str] | None = None,
) -> Tally:
    """A person labels, corrects, skips, and undoes as fast as the server answers; it is killed at random moments.

    She labels sheets, too, and somebody decides where two people disagree. Now and then a sample cannot be shown, or a
    class is added. Whatever was not acknowledged is sent again with the same key, as the page does.

    Args:
        server: a server that is not running yet.
        out: its project.
        classes: at least 2 classes.
        kills: the number of kills.
        seed: determines the moments and the labels.
        before: labels that the project holds already, by id.
        looks: what she takes samples for, by id.
    """

    def send(path: str, body: dict[str, Any] | None) -> Any:
        while True:
            try:
                return server.ask(path, body)
            except ConnectionError:
                time.sleep(0.005)

    moments, done, ann = random.Random(seed + 1), threading.Event(), Person(send, classes, seed, before, looks)
    thread = threading.Thread(target=ann.work, args=(done,), daemon=True)  # it may wait for a server that never comes
    server.start()
    thread.start()
    try:
        for _ in range(kills):
            assert thread.is_alive(), "the person's thread failed; the traceback is above"
            acts, latest = len(ann.acknowledged) + moments.randrange(_MOST), time.monotonic() + _LONGEST
            while len(ann.acknowledged) < acts and time.monotonic() < latest:
                time.sleep(0.001)
            time.sleep(moments.uniform(0.0, 0.03))  # amid the next ones
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


def tally(out: Path, kills: int, acknowledged: dict[str, dict[str, Any]], said: Said) -> Tally:
    """Compares a project with what its only person remembers.

    Args:
        out: the project.
        kills: the number of kills, for the record.
        acknowledged: what must be in the journal of every acknowledged event, by its key.
        said: the answers to each sample that decide and were not undone, by key, in order; None for a skip.
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
    wrong = [sample for sample, answers in said.items() if labels.get(sample) != next(reversed(answers.values()), None)]
    unknown = set(labels) - set(said)
    doubled = sum(count > 1 for count in keys.values())
    reasons = Counter(event.get("reason") for event in acknowledged.values())
    found = Tally(kills, len(acknowledged), len(lost), doubled, len(wrong) + len(unknown))
    return replace(found, alike=reasons["alike"], adjudicated=reasons["adjudicated"])
