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
from iale.labeling.classes._editing import describe_class, merge_class, rename_class
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
                assert refused.status == 409, (path, other)
                assert "this key was used for something else" in refused.json()["error"]


OTHERS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("/api/label", {"sample": 0, "label": "cat"}, {"label": "dog"}),
    ("/api/label", {"sample": 0, "label": "cat"}, {"sample": 1}),
    ("/api/skip", {"sample": 0}, {"sample": 1}),
    ("/api/undo", {"act": "a"}, {"act": "b"}),
    ("/api/undo", {"sample": 3}, {"sample": 2}),
    ("/api/note", {"sample": 0, "note": "x", "flag": ""}, {"note": "y"}),
    ("/api/note", {"sample": 0, "note": "x", "flag": ""}, {"flag": "look"}),
    ("/api/review", {"sample": 2, "label": "cat", "seen": 1}, {"label": "dog"}),
    ("/api/class", {"label": "third"}, {"label": "fourth"}),
    ("/api/class/rename", {"label": "dog", "into": "hound"}, {"into": "wolf"}),
    ("/api/class/rename", {"label": "dog", "into": "hound"}, {"label": "cat"}),
    ("/api/class/merge", {"label": "dog", "into": "cat"}, {"label": "fox"}),
    ("/api/class/merge", {"label": "dog", "into": "cat"}, {"into": "fox"}),
    ("/api/class/remove", {"label": "dog"}, {"label": "cat"}),
    ("/api/class/describe", {"label": "dog", "text": "x"}, {"text": "y"}),
    ("/api/class/describe", {"label": "dog", "text": "x"}, {"label": "cat"}),
    ("/api/class/describe", {"label": "dog", "text": "x"}, {"color": "#123456"}),
    ("/api/class/undo", {"of": 4}, {"of": 5}),
    ("/api/class/take-back", {"act": "c"}, {"act": "d"}),
]


@pytest.mark.parametrize(("path", "body", "change"), OTHERS)
def test_a_key_that_was_used_for_another_act_of_the_kind_is_refused(
    site: Site, path: str, body: dict[str, Any], change: dict[str, Any]
) -> None:
    """Also after the classes were renamed, the same request is the same act, and another one is not."""
    ids, project = site.project.items.ids, site.project

    def send(**values: Any) -> Any:
        if "sample" in values:
            values["sample"] = ids[values["sample"]]
        return site.ask(path, {"person": "ann", "key": "k", "tab": "t", **values}, token="t" * 43)

    project.label("ann", ids[2], "cat", key="a")
    project.label("ann", ids[3], "cat", key="b")
    project.add_class("ann", "fox")
    rename_class(project, "ann", "fox", "red fox")
    rename_class(project, "ann", "red fox", "fox")
    project.add_class("ann", "owl", key="c")
    project.add_class("ann", "elk", key="d")
    first = send(**body)
    assert first.status == 200
    acted = site.acts
    for again in range(2):
        same, other = send(**body), send(**{**body, **change})
        assert (same.status, other.status) == (200, 409), (same.text, other.text)
        assert "this key was used for something else" in other.json()["error"]
        assert site.acts == acted
        if again == 0 and not path.startswith("/api/class"):
            rename_class(project, "bo", "cat", "kitten")
            acted = site.acts


def test_the_same_request_counts_as_the_same_however_classes_are_called_by_now(site: Site) -> None:
    """A page that was offline sends the names that it knew."""
    project, sample = site.project, site.project.items.ids[0]
    rename_class(project, "bo", "dog", "hound")
    merge_class(project, "bo", "cat", "hound")
    first = project.label("ann", sample, "cat", key="1")
    assert first.label == "hound"
    assert project.label("ann", sample, "cat", key="1") == project.label("ann", sample, "dog", key="1") == first
    described = describe_class(project, "ann", "hound", {"text": "x"}, key="2")
    again = {"text": "x", "color": ""}  # the color was asked for, too, and there was none before
    assert describe_class(project, "ann", "dog", again, key="2") == described


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
