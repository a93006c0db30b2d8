"""What the page gets to help a person decide, and what it never gets; attacks on these routes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("starlette", reason="the extra 'label' is not installed")

from iale.integrations.label._app import create_app
from iale.integrations.label._security import COOKIE, Guard
from iale.labeling.fitting._fit import Refitter
from iale.labeling.items._reading import Reading
from iale.labeling.project import Project
from iale.labeling.record.config import ProjectConfig
from iale.labeling.suggesting._predictions import import_suggestions
from tests.integrations.asgi import Answer, request

TOKEN, EVIL = "t" * 43, "<img src=x onerror=alert(1)>"


class Client:
    """Sends what the page would, through the guard, unless it is told otherwise."""

    def __init__(self, project: Project) -> None:
        self.project, self.app = project, Guard(create_app(project), TOKEN, "127.0.0.1", 8414)
        self.number = 0

    def get(self, address: str, token: str = TOKEN) -> Answer:
        headers = {"host": "127.0.0.1:8414", "cookie": f"{COOKIE}-8414={token}"}
        return request(self.app, "GET", address, headers)

    def post(self, address: str, *, origin: str = "http://127.0.0.1:8414", **body: Any) -> Answer:
        self.number += 1
        headers = {"host": "127.0.0.1:8414", "cookie": f"{COOKIE}-8414={TOKEN}", "origin": origin}
        values = {"person": "ann", "tab": "1", "key": f"key {self.number}", **body}
        data = json.dumps(values).encode()
        return request(self.app, "POST", address, {**headers, "content-type": "application/json"}, data)

    def tickets(self, count: int, **body: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.post("/api/next", count=count, **body).json()["tickets"]
        return found

    def leases(self) -> bytes:
        return (self.project.folder / "journal.jsonl").read_bytes()


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of 150 rows of two kinds, 40 of them labeled by ann; somebody has imported predictions."""
    folder = tmp_path_factory.mktemp("suggesting")
    x = np.random.default_rng(0).normal(size=(150, 3)).astype(np.float32)
    x[:, 0] += np.where(np.arange(150) % 2, 2, -2)
    np.savez(folder / "data.npz", x=x)
    (folder / "llm.csv").write_text("sample,label,probability\n" + "".join(f"{row},{EVIL},0.5\n" for row in range(150)))
    config = ProjectConfig(
        folder / "data.npz", ("even", "odd", EVIL), classifier="linear", test_share=0.2, twice_share=0.3
    )
    project = Project.create(folder / "project", config)
    for _ in range(40):
        for ticket in project.next("ann", 1):
            row = int(project.name(ticket.sample))
            project.label("ann", ticket.sample, "odd" if row % 2 else "even")
    project.reader.views.make_geometry()
    Refitter(project, Reading(project.items)).fit()
    import_suggestions(project, folder / "llm.csv")
    project.close()
    return folder


@pytest.fixture
def client(fitted: Path, tmp_path: Path) -> Iterator[Client]:
    shutil.copytree(fitted, tmp_path / "copy")
    project = Project.open(tmp_path / "copy" / "project", data=tmp_path / "copy" / "data.npz")
    yield Client(project)
    project.close()


def test_suggestions_come_with_tickets_but_not_for_tests_and_second_opinions(client: Client) -> None:
    tickets = client.tickets(32, person="bo")
    by_reason = {ticket["reason"]: ticket for ticket in tickets}
    assert {"query", "test", "second"} <= set(by_reason)
    for ticket in tickets:
        if ticket["reason"] in ("test", "second"):
            assert (ticket["suggestions"], ticket["guess"]) == ([], [])
            assert client.get(f"/api/why?sample={ticket['sample']}").json()["examples"] == []
            answer = client.post("/api/grid", person="bo", sample=ticket["sample"], count=12)
            assert answer.status == 422
        else:
            model, imported = ticket["suggestions"]
            assert (model["source"], imported["source"]) == ("model", "llm")  # the one that was right comes first
            assert model["label"] == ticket["guess"][0][0]
            assert imported == {"label": EVIL, "probability": 0.5, "source": "llm"}
    sources = client.get("/api/status").json()["sources"]
    assert [(each["name"], each["right"]) for each in sources if each["name"] == "llm"] == [("llm", 0)]


def test_why_shows_labeled_samples_in_words(client: Client) -> None:
    ticket = next(t for t in client.tickets(20) if t["reason"] == "query")
    found = client.get(f"/api/why?sample={ticket['sample']}").json()
    assert isinstance(found["words"], list)
    assert [each["label"] for each in found["examples"]][:1] == [ticket["guess"][0][0]]
    shown = found["examples"][0]["samples"][0]
    assert set(shown) == {"sample", "name", "text"}
    assert shown["sample"] in client.project.labels_to_learn_from()


def test_a_sheet_is_labeled_act_by_act_and_the_rest_given_back(client: Client) -> None:
    ticket = next(t for t in client.tickets(5) if t["reason"] == "query")
    sheet = client.post("/api/grid", sample=ticket["sample"], count=8).json()
    samples = [each["sample"] for each in sheet["samples"]]
    assert (samples[0], len(samples)) == (ticket["sample"], 8)
    for sample in samples[:6]:
        assert client.post("/api/label", sample=sample, label=sheet["label"]).json()["sample"] == sample
    lines = [json.loads(line) for line in client.leases().splitlines()]
    acts = [line for line in lines if line["kind"] == "label" and line["sample"] in samples]
    assert len({line["key"] for line in acts}) == len(acts) == 6
    assert {line["reason"] for line in acts[1:]} <= {"alike", "query"}
    assert client.post("/api/ungrid", samples=samples[6:]).status == 200
    assert not client.project.reader.ledger.answers.leases_of("ann", "1").keys() & set(samples)
    for sample in samples[:6]:
        assert client.post("/api/undo", sample=sample).json()["sample"] == sample
    assert not set(samples) & set(client.project.labels())


def test_a_sheet_has_6_to_24_samples_whatever_is_asked_for(client: Client) -> None:
    ticket = next(t for t in client.tickets(5) if t["reason"] == "query")
    for count, least, most in ((-5, 6, 6), (1, 6, 6), (10**9, 7, 24)):
        answer = client.post("/api/grid", sample=ticket["sample"], count=count).json()
        assert least <= len(answer["samples"]) <= most


@pytest.mark.parametrize("path", ["/api/grid", "/api/ungrid"])
@pytest.mark.parametrize("origin", ["null", "http://evil.example", "http://127.0.0.1:9"])
def test_no_other_page_can_take_samples_or_give_them_back(client: Client, path: str, origin: str) -> None:
    sample = client.tickets(1)[0]["sample"]
    before = client.leases()
    assert client.post(path, sample=sample, samples=[sample], count=6, origin=origin).status == 403
    assert client.leases() == before


def test_nothing_is_told_without_the_token(client: Client) -> None:
    sample = client.project.items.ids[0]
    assert client.get(f"/api/why?sample={sample}", token="T" * 43).status == 401
    assert client.get("/api/grid").status == 405


@pytest.mark.parametrize(
    "body",
    [
        {"sample": "0" * 16, "count": 6},
        {"sample": "../../etc/passwd", "count": 6},
        {"sample": 5, "count": 6},
        {"sample": "", "count": 6},
        {"count": 6},
        {"count": "many"},
        {"count": 6, "person": ""},
        {"count": 6, "person": "a" * 300},
        {"count": 6, "tab": "\u0000"},
    ],
)
def test_a_wrong_request_is_refused_in_a_sentence_and_changes_nothing(client: Client, body: dict[str, Any]) -> None:
    ticket = next(t for t in client.tickets(5) if t["reason"] == "query")
    before = client.leases()
    usual = {} if body == {"count": 6} else {"sample": ticket["sample"]}
    answer = client.post("/api/grid", **{**usual, **body})
    assert answer.status == 422
    assert answer.json()["error"].endswith((".", "wrong."))
    assert client.leases() == before


def test_nobody_can_give_back_or_take_what_another_holds(client: Client) -> None:
    ticket = next(t for t in client.tickets(5) if t["reason"] == "query")
    before = client.leases()
    assert client.post("/api/ungrid", person="eve", samples=[ticket["sample"]]).status == 200
    assert client.post("/api/ungrid", tab="2", samples=[ticket["sample"], "0" * 16, "../x"]).status == 200
    assert client.post("/api/ungrid", samples=["x"] * 25).status == 422
    assert client.post("/api/ungrid", samples="x").status == 422
    assert client.post("/api/grid", person="eve", sample=ticket["sample"], count=6).status == 422
    assert client.leases() == before
    for query in ("", "?sample=", "?sample=../../etc/passwd", "?sample=" + "0" * 16):
        assert client.get(f"/api/why{query}").status == 422
