"""What the page gets and sends about reviews, classes and notes; and the same attacks as on the other routes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("starlette", reason="the extra 'label' is not installed")
pytest.importorskip("uvicorn", reason="the extra 'label' is not installed")

from iale.integrations.label._security import MOST_BODY
from iale.labeling.project import Project
from iale.labeling.record.config import ProjectConfig
from tests.integrations.test_label_security import EVIL, ORIGIN, Browser, events
from tests.integrations.test_label_server import Page

POSTS = (
    "/api/review",
    "/api/note",
    "/api/class/rename",
    "/api/class/merge",
    "/api/class/remove",
    "/api/class/describe",
    "/api/class/undo",
)
GETS = ("/api/review", "/api/agreement", "/api/classes", "/api/notes/0", "/review.css", "/review.js")


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """Twelve rows of one number each, with the classes "cat" and one whose name is markup."""
    np.savez(tmp_path / "x.npz", x=np.arange(24, dtype=np.float32).reshape(12, 2))
    project = Project.create(tmp_path / "p", ProjectConfig(tmp_path / "x.npz", ("cat", EVIL), test_share=0.0))
    yield project
    project.close()


@pytest.fixture
def page(project: Project) -> Page:
    return Page(project)


def body_of(project: Project) -> dict[str, Any]:
    """What every one of the new routes would accept."""
    return {
        "person": "eve",
        "key": "1",
        "sample": project.items.ids[0],
        "label": "cat",
        "into": EVIL,
        "seen": 1,
        "of": 1,
        "note": "x",
        "text": "x",
    }


def test_a_review_over_http(page: Page, project: Project) -> None:
    one, two = project.items.ids[:2]
    project.label("ann", one, "cat")
    project.hold("bob", [one], "second")
    project.label("bob", one, EVIL)
    project.label("ann", two, "cat")
    assert page.post("/api/note", sample=two, note="blurred", flag="look").json()["number"] is not None
    found = page.get("/api/review").json()
    assert [row["sample"] for row in found["rows"]] == [two, one]
    assert found["rows"][0]["notes"][0]["note"] == "blurred"
    assert found["rows"][0]["text"].startswith("0 ")
    assert page.get(f"/api/notes/{two}").json()["notes"][0]["flag"] == "look"
    (row,) = page.get("/api/review?order=people").json()["rows"]
    assert {answer["person"]: answer["label"] for answer in row["answers"]} == {"ann": "cat", "bob": EVIL}
    assert page.get("/api/review?label=cat&person=bob").json()["total"] == 1
    assert page.get("/api/review?words=BLURRED").json()["total"] == 1
    assert page.get("/api/review?until=1").json()["total"] == 0
    assert page.get("/api/review?flag=look&label=").json()["total"] == 0
    answer = page.post("/api/review", sample=one, label=EVIL, seen=row["seen"]).json()
    assert (answer["kind"], answer["reason"]) == ("label", "adjudicated")
    assert page.post("/api/review", sample=two, label="cat", seen=found["rows"][0]["seen"]).json()["kind"] == "confirm"
    late = page.post("/api/review", sample=one, label="cat", seen=row["seen"])
    assert late.status == 422
    assert "ann has said" in late.json()["error"]
    assert page.post("/api/review", sample=two, seen=found["rows"][0]["seen"]).json()["kind"] == "skip"
    assert page.get("/api/agreement").json()["all"]["count"] == 1
    assert "10 or more" in page.get("/api/review?order=model").json()["why_not"]


def test_classes_over_http(page: Page, project: Project) -> None:
    project.label("ann", project.items.ids[0], "cat")
    page.post("/api/note", sample=project.items.ids[0], note="", flag="example")
    told = page.post("/api/class/rename", label="cat", into="Tom").json()
    assert [each["name"] for each in told["classes"]] == ["Tom", EVIL]
    assert told["classes"][0]["count"] == 1
    assert told["classes"][0]["examples"][0]["sample"] == project.items.ids[0]
    told = page.post("/api/class/describe", label="tom", text="# A\n<b>b</b>", color="#AABBCC", shortcut="T").json()
    assert {name: told["classes"][0][name] for name in ("text", "color", "shortcut")} == {
        "text": "# A\n<b>b</b>",
        "color": "#aabbcc",
        "shortcut": "t",
    }
    assert page.post("/api/class/describe", label="", text="the project").json()["text"] == "the project"
    removed = page.post("/api/class/remove", label=EVIL).json()
    assert [each["name"] for each in removed["classes"]] == ["Tom"]
    status = page.get("/api/status").json()
    assert (status["classes"], status["class_changes"]) == (["Tom"], removed["changes"])
    again = page.post("/api/class/undo", of=removed["number"]).json()
    assert [each["name"] for each in again["classes"]] == ["Tom", EVIL]
    assert [each["kind"] for each in again["acts"]] == ["describe", "describe", "rename"]
    assert page.get("/export/labels.csv").text.splitlines()[1].split(",")[1] == "Tom"
    refused = page.post("/api/class/rename", label="Tom", into=EVIL)
    assert refused.status == 422
    assert page.post("/api/class/merge", label="Tom", into="Tom").status == 422


@pytest.mark.parametrize("path", GETS)
def test_nothing_is_told_without_the_token(project: Project, path: str) -> None:
    assert Browser(project, token="t" * 42).get(path).status == 401
    assert Browser(project).get(path, host="evil.example").status == 421


@pytest.mark.parametrize("path", POSTS)
def test_nothing_is_changed_but_by_the_page(project: Project, path: str) -> None:
    project.label("ann", project.items.ids[0], "cat")
    before, body = events(project), body_of(project)
    client = Browser(project)
    for origin in (None, "null", "http://evil.example", "http://localhost:8414"):
        assert client.post(path, body, origin=origin).status == 403
    for kind in ("text/plain", "application/x-www-form-urlencoded", ""):
        assert client.post(path, body, content_type=kind).status == 415
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"):
        assert client.request(method, path, origin=ORIGIN).status == 405
    assert Browser(project, token=None).post(path, body).status == 401
    assert client.post(path, b" " * (MOST_BODY + 1)).status == 413
    assert client.post(path, body, host="evil.example", origin="http://evil.example").status == 421
    assert events(project) == before
    if path != "/api/review":  # a GET of that address lists
        assert client.get(f"{path}?person=eve&label=cat&key=1").status == 405


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"{", b"\xff", b"[" * 60_000])
def test_what_is_no_object_is_refused_in_a_sentence(project: Project, path: str, body: bytes) -> None:
    answer = Browser(project).post(path, body)
    assert answer.status == 400
    assert "JSON object" in answer.json()["error"]


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize("value", ["", "a\nb\0", "\ud800", 7, None, ["cat"], {"a": 1}, "x" * 20_000, True, -1, 10**30])
def test_fields_that_are_wrong_are_refused_in_a_sentence(project: Project, path: str, value: Any) -> None:
    project.label("ann", project.items.ids[0], "cat")
    client, good = Browser(project), body_of(project)
    for number, field in enumerate(good):
        answer = client.post(path, {**good, "key": f"{field} {number}", field: value})
        assert answer.status in (200, 404, 422), (path, field)
        if answer.status != 200:
            assert answer.json()["error"]
    again = Project.open(project.folder)  # whatever was taken can be read
    assert again.classes == project.classes


@pytest.mark.parametrize(
    "query",
    [
        "order=best",
        "order=",
        "flag=red",
        "since=-1&until=x",
        "offset=-5",
        "offset=99999999999999999999",
        "since=1e400",
        "label=%00",
        "words=" + "x" * 5000,
        "person=%ff",
    ],
)
def test_odd_wishes_are_answered(project: Project, query: str) -> None:
    project.label("ann", project.items.ids[0], "cat")
    answer = Browser(project).get(f"/api/review?{query}")
    assert answer.status in (200, 422)
    assert json.loads(answer.body)


def test_what_is_written_comes_back_as_text(project: Project) -> None:
    client = Browser(project)
    text = f"{EVIL}\n[x](javascript:alert(1))"
    answer = client.post("/api/class/describe", {"person": "eve", "key": "1", "label": "cat", "text": text})
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["classes"][0]["text"] == text
    assert "script-src 'self'" in answer.headers["content-security-policy"]
