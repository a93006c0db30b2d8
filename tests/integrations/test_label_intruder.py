"""The routes of reviews, notes, classes, sheets and reasons as an intruder, or a curious colleague, would use them."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette", reason="the extra 'label' is not installed")
pytest.importorskip("uvicorn", reason="the extra 'label' is not installed")

from iale.integrations.label._security import MOST_BODY
from iale.labeling.project import Project
from iale.labeling.record.config import ProjectConfig
from iale.labeling.reviewing._deciding import note
from tests.integrations.test_label_security import EVIL, ORIGIN, Browser, events
from tests.integrations.test_label_tokens import Site, opened

POSTS = ("/api/class/take-back", "/api/pass-over", "/api/grid", "/api/ungrid")
GETS = ("/api/told", "/api/left", "/api/why?sample=0", "/api/people", "/api/notes/0", "/export/card.md")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    yield from opened(tmp_path)


@pytest.fixture
def rows(tmp_path: Path) -> Iterator[Project]:
    (tmp_path / "t.csv").write_text("text\n" + "\n".join(f"row {n} {EVIL}" for n in range(30)))
    project = Project.create(tmp_path / "rows", ProjectConfig(tmp_path / "t.csv", ("cat", EVIL), test_share=0.0))
    yield project
    project.close()


def body_of(project: Project) -> dict[str, Any]:
    sample = project.items.ids[0]
    body = {"person": "eve", "key": "1", "tab": "t", "sample": sample, "samples": [sample], "count": 6, "why": "x"}
    return {**body, "act": "0"}


@pytest.mark.parametrize("path", GETS)
def test_nothing_is_told_to_another_page_or_without_the_token(rows: Project, path: str) -> None:
    assert Browser(rows, token=None).get(path).status == 401
    assert Browser(rows).get(path, host="evil.example").status == 421
    assert Browser(rows).get(path, origin="http://evil.example").status == 403


@pytest.mark.parametrize("path", POSTS)
def test_nothing_is_changed_by_another_page_or_by_too_much(rows: Project, path: str) -> None:
    before, body, client = events(rows), body_of(rows), Browser(rows)
    for origin in (None, "null", "http://evil.example", "http://localhost:8414"):
        assert client.post(path, body, origin=origin).status == 403
    for kind in ("text/plain", "application/x-www-form-urlencoded", ""):
        assert client.post(path, body, content_type=kind).status == 415
    assert client.post(path, b'{"a":"' + b"x" * MOST_BODY).status == 413
    assert client.request("DELETE", path, origin=ORIGIN).status == 405
    assert events(rows) == before
    assert rows.reader.unshown() == []


WRONG: list[Any] = ["", "a\0", "\ud800", -1, 10**40, None, True, ["\ud800"], [[]], {"a": 1}, "x" * 9000]


@pytest.mark.parametrize("path", POSTS)
def test_a_wrong_field_is_refused_in_a_sentence(rows: Project, path: str) -> None:
    client, good = Browser(rows), body_of(rows)
    for number, (field, value) in enumerate(itertools.product(good, WRONG)):
        answer = client.post(path, {**good, "key": str(number), field: value})
        assert answer.status in (200, 404, 409, 422), (path, field, value)
        assert isinstance(json.loads(answer.body), dict)
    assert Project.open(rows.folder).classes == rows.classes


@pytest.mark.parametrize(
    "path",
    [
        "/api/told?since=-1&person=%ff",
        "/api/told?since=99999999999999999999",
        "/api/why?sample=%ed%a0%80",
        "/api/why?sample=../../x",
        "/api/why",
        "/api/notes/%ff",
        "/api/notes/..%2f..%2fx",
        "/api/labeled?offset=-5&label=%00",
        "/api/notes/{}?person=" + "x" * 5000,
    ],
)
def test_odd_addresses_are_answered(rows: Project, path: str) -> None:
    answer = Browser(rows).get(path.format(rows.items.ids[0]))
    assert answer.status in (200, 404, 422)


def test_an_id_of_another_project_means_nothing(rows: Project, site: Site) -> None:
    other, client = rows.items.ids[0], Browser(site.project)
    before = events(site.project)
    assert client.get(f"/api/notes/{other}").status == 404
    assert client.get(f"/api/why?sample={other}").status in (404, 422)
    for path in ("/api/pass-over", "/api/grid", "/api/note", "/api/review"):
        body = {**body_of(site.project), "sample": other, "note": "x", "flag": "", "label": "cat", "seen": 1}
        assert client.post(path, body).status in (404, 422), path
    assert client.post("/api/ungrid", {**body_of(site.project), "samples": [other]}).status == 200
    assert events(site.project) == before


def test_an_annotator_hears_of_her_own_answers_alone(site: Site) -> None:
    sample, token = site.project.items.ids[0], site.tokens.invite("bo", "annotator")
    site.project.label("ann", sample, "cat")
    site.project.label("cy", sample, "dog", asked=True)  # late
    owner = "t" * 43
    assert len(site.ask("/api/told?person=ann", token=owner).json()["told"]) == 1
    assert site.ask("/api/told?person=ann", token=token).json()["told"] == []


def test_a_name_in_the_address_opens_no_notes(site: Site) -> None:
    """Whoever is asked for a second opinion could otherwise say that somebody else asks."""
    sample, token = site.project.items.ids[0], site.tokens.invite("bo", "annotator")
    site.project.label("ann", sample, "cat")
    note(site.project, "ann", sample, EVIL)
    site.project.hold("bo", [sample], "second")
    for person in ("", "?person=ann", "?person=", "?person=bo&person=ann"):
        assert site.ask(f"/api/notes/{sample}{person}", token=token).json()["notes"] == []
    site.project.label("bo", sample, "cat", asked=True)
    (told,) = site.ask(f"/api/notes/{sample}", token=token).json()["notes"]
    assert told["note"] == EVIL  # as text, in JSON


def test_an_annotator_passes_over_only_what_was_handed_to_her(site: Site) -> None:
    token = site.tokens.invite("bo", "annotator")
    for sample in site.project.items.ids:
        assert site.ask("/api/pass-over", {"sample": sample, "why": "x"}, token=token).status == 409
    assert site.project.reader.unshown() == []
    (ticket,) = site.project.next("bo", 1)
    assert site.ask("/api/pass-over", {"sample": ticket.sample, "why": EVIL}, token=token).status == 200


def test_a_class_is_taken_back_by_whoever_added_it(site: Site) -> None:
    reviewer, other = site.tokens.invite("bo", "reviewer"), site.tokens.invite("cy", "reviewer")
    annotator = site.tokens.invite("di", "annotator")
    assert site.ask("/api/class", {"label": EVIL, "key": "1"}, token=reviewer).json()["classes"][-1] == EVIL
    back = {"act": "1", "key": "2"}
    assert site.ask("/api/class/take-back", back, token=annotator).status == 403
    assert site.ask("/api/class/take-back", {**back, "person": "bo"}, token=other).status == 403
    assert site.ask("/api/class/take-back", back, token=other).json()["number"] is None
    told = site.ask("/api/class/take-back", back, token=reviewer).json()
    assert [each["name"] for each in told["classes"]] == ["cat", "dog"]
    assert told["acts"] == []


def test_a_key_that_was_used_for_something_else_is_refused(site: Site) -> None:
    """Otherwise the second act would be answered as if it had been recorded, and be lost."""
    owner, one, two = "t" * 43, site.project.items.ids[0], site.project.items.ids[1]
    acts: dict[str, dict[str, Any]] = {
        "/api/label": {"sample": one, "label": "cat"},
        "/api/note": {"sample": two, "note": "x", "flag": ""},
        "/api/class": {"label": "third"},
        "/api/class/rename": {"label": "dog", "into": "hound"},
        "/api/undo": {"sample": one},
    }
    for number, (path, body) in enumerate(acts.items()):
        sent = {"person": "ann", "key": f"k{number}", "tab": "t", **body}
        first = site.ask(path, sent, token=owner)
        assert first.status == 200
        acted = site.acts
        assert site.ask(path, sent, token=owner).body == first.body or path == "/api/class"
        assert site.acts == acted
        for other, another in {**acts, "/api/label ": {"sample": two, "label": "cat"}}.items():
            if other != path:
                refused = site.ask(other.strip(), {**sent, **another}, token=owner)
                assert refused.status == 422, (path, other)
                assert "this key was used for something else" in refused.json()["error"]


def test_markup_in_names_and_notes_stays_text_in_every_answer(rows: Project) -> None:
    client, sample = Browser(rows), rows.items.ids[0]
    rows.label("ann", sample, EVIL)
    note(rows, EVIL, sample, EVIL)
    for path in ("/api/classes", "/api/review", f"/api/notes/{sample}", "/api/agreement", "/api/told?person=ann"):
        answer = client.get(path)
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["x-content-type-options"] == "nosniff"
    card = client.get("/export/card.md")
    assert "<img" not in card.text
    assert card.headers["content-disposition"].startswith("attachment")
