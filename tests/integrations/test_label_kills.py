"""What the test of kills rests on: the server is restarted under one address, and the person's memory is right."""

from __future__ import annotations

import itertools
import json
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("starlette", reason="the extra 'label' is not installed")
pytest.importorskip("uvicorn", reason="the extra 'label' is not installed")

from iale.integrations.label._app import create_app
from iale.labeling.project import Project
from iale.labeling.reader import ProjectReader
from iale.labeling.record.config import ProjectConfig
from tests.integrations.asgi import request
from tests.integrations.label_kills import label_under_kills, suggest, tally, write_old_project
from tests.integrations.label_page import LabelServer, Refused
from tests.integrations.label_person import HOW, SHEET, Person, Send

LATE = """
import os, sys, time
if not os.path.exists("first"):
    open("first", "w").close()
    if not os.fork():  # this child outlives its parent, which is killed, and complains
        while not os.path.exists("go"):
            time.sleep(0.01)
        print("warning", file=sys.stderr, flush=True)
        open("gone", "w").close()
        os._exit(0)
print("address:\\nhttp://127.0.0.1:1/?token=t", flush=True)
time.sleep(60)
"""


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("rows") / "rows.npz"
    np.savez(path, x=np.random.default_rng(0).normal(size=(20_000, 2)).astype(np.float32))
    return path


def test_a_child_of_a_killed_server_does_not_write_into_the_address_of_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has the file of its parent open, at the place where that had ended: within the address, if more came first."""
    monkeypatch.chdir(tmp_path)
    server = LabelServer(tmp_path / "rows.npz", tmp_path / "p")
    monkeypatch.setattr(server, "_command", [sys.executable, "-c", LATE])
    with server:
        server.kill()
        server.start()
        Path("go").touch()
        deadline = time.monotonic() + 60
        while not Path("gone").exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        assert (tmp_path / "p.log").read_text() == "address:\nhttp://127.0.0.1:1/?token=t\n"


def asking(project: Project) -> Send:
    """Sends to the application of a project, without a server."""
    app = create_app(project)

    def send(path: str, body: dict[str, Any] | None) -> Any:
        method, data = ("GET", b"") if body is None else ("POST", json.dumps(body).encode())
        answer = request(app, method, path, {"content-type": "application/json"}, data)
        if answer.status == 422:
            raise Refused(answer.status, answer.text)
        assert answer.status == 200, answer.text
        return answer.json()

    return send


def subsets(names: Iterable[str]) -> list[set[str]]:
    """All of them, in order of size."""
    names = list(names)
    return [set(some) for size in range(len(names) + 1) for some in itertools.combinations(names, size)]


def test_the_person_remembers_what_decides(tmp_path: Path, rows: Path) -> None:
    """Whatever happens to an answer, the first one or a second opinion: it may be late, corrected, judged, undone."""
    project = Project.create(tmp_path / "p", ProjectConfig(rows, classes=("a", "b"), test_share=0.0))
    hows = subsets(HOW)
    firsts = [ticket.sample for ticket in project.next("ann", len(hows), tab="1")]
    seconds = list(project.items.ids)[-len(hows) :]
    project.add_labels("bo", dict.fromkeys(seconds, "a"), "query")
    project.hold("ann", seconds, "second")
    ann = Person(asking(project), ["a", "b"], before=dict.fromkeys(seconds, "a"))
    for sample, how in zip(firsts + seconds, hows * 2, strict=True):
        ann.answer(sample, "second" if sample in seconds else "query", how)
        decision = project.decision(sample)
        assert (decision and decision.label) == ann.decided(sample), (sample in seconds, how)
    found = tally(project.folder, 0, ann.acknowledged, ann.said)
    assert (found.lost, found.doubled, found.wrong) == (0, 0, 0)
    assert found.adjudicated > 10
    assert {event["kind"] for event in ann.acknowledged.values()} == {"label", "undo", "skip"}


def test_the_person_remembers_her_sheets(tmp_path: Path) -> None:
    """Of a sample that she holds, and of one that she has just labeled; she may take back all of it or the last one."""
    np.savez(tmp_path / "rows.npz", x=np.random.default_rng(0).normal(size=(500, 2)).astype(np.float32))
    config = ProjectConfig(tmp_path / "rows.npz", classes=("a", "b"), test_share=0.0)
    project = Project.create(tmp_path / "p", config)
    looks = suggest(project.folder)
    ann = Person(asking(project), ["a", "b"], looks=looks)
    for sample, reason in ann.given(6).items():  # then what is suggested was right often enough
        ann.answer(sample, reason, set())
    for number, how in enumerate(subsets(SHEET)):
        sample, reason = next(iter(ann.given(1).items()))
        if number % 2:
            ann.answer(sample, reason, set())
        assert ann.sheet(sample, how), how
        decided = {sample: ann.decided(sample) for sample in ann.said}
        assert project.labels() == {sample: label for sample, label in decided.items() if label is not None}, how
    found = tally(project.folder, 0, ann.acknowledged, ann.said)
    assert (found.lost, found.doubled, found.wrong) == (0, 0, 0)
    assert found.alike > 60
    assert found.adjudicated > 0


@pytest.mark.slow
def test_no_acknowledged_label_is_lost_or_doubled_when_the_server_is_killed(rows: Path, tmp_path: Path) -> None:
    """`make soak` kills it a hundred times."""
    out = tmp_path / "project"
    Project.create(out, ProjectConfig(rows, ("a", "b", "c")))
    server = LabelServer(rows, out, "--epochs", "1", "--fit-every", "50")
    found = label_under_kills(server, out, ["a", "b", "c"], kills=3, looks=suggest(out))
    assert found.acknowledged > 10
    assert (found.lost, found.doubled, found.wrong) == (0, 0, 0)


@pytest.mark.slow
def test_labels_of_an_earlier_version_stay_when_the_server_is_killed(tmp_path: Path) -> None:
    data, before = write_old_project(tmp_path, 2000)
    assert ProjectReader.open(tmp_path / "project").labels() == before
    server = LabelServer(data, tmp_path / "project", "--epochs", "1", "--fit-every", "500")
    looks = suggest(tmp_path / "project")
    found = label_under_kills(server, tmp_path / "project", ["a", "b", "c"], kills=2, before=before, looks=looks)
    assert found.acknowledged > 10
    assert (found.lost, found.doubled, found.wrong) == (0, 0, 0)


def test_the_kill_test_would_notice(tmp_path: Path, rows: Path) -> None:
    project = Project.create(tmp_path / "p", ProjectConfig(rows, classes=("a", "b")))
    sample, other = project.items.ids[0], project.items.ids[1]
    event = project.label("ann", sample, "a", key="1")
    sent = {"number": event.number, "kind": "label", "sample": sample, "label": "a"}
    assert tally(tmp_path / "p", 0, {"1": sent}, {sample: {"1": "a"}}).lost == 0
    assert tally(tmp_path / "p", 0, {"1": sent, "2": sent}, {sample: {"1": "a"}}).lost == 1
    assert tally(tmp_path / "p", 0, {"1": {**sent, "label": "b"}}, {sample: {"1": "b"}}).wrong == 1
    assert tally(tmp_path / "p", 0, {}, {other: {"1": "a"}}).wrong == 2
