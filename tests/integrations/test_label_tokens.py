"""Tokens of invited people, attacked as the page is: wrong, revoked, foreign, in another name, beyond a role."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette", reason="the extra 'label' is not installed")

from starlette.responses import Response
from starlette.routing import Route

from iale.cli import main
from iale.errors import ConfigError, DataError, StorageError
from iale.integrations.label._app import create_app
from iale.integrations.label._roles import NEEDS, OWNER, WHO, Who, limited, role_for
from iale.integrations.label._security import COOKIE, Guard
from iale.labeling.project import Project
from iale.labeling.record._tokens import ROLES, Role, Tokens
from iale.labeling.record.config import ProjectConfig
from tests.integrations.asgi import Answer, request
from tests.integrations.label_page import hostile_images

PROJECT_TOKEN = "t" * 43
HOST, ORIGIN = "127.0.0.1:8414", "http://127.0.0.1:8414"


class Site:
    """A project with its guard, and requests to it."""

    def __init__(self, folder: Path, data: Path) -> None:
        config = ProjectConfig(data, classes=("cat", "dog"), classifier="mlp", resize=(8, 8), twice_share=0)
        self.project = Project.create(folder, config)
        self.tokens = Tokens(folder)
        self.app = Guard(create_app(self.project), PROJECT_TOKEN, "127.0.0.1", 8414, Tokens(folder))

    def ask(self, path: str, body: Any = None, *, token: str | None = None, **more: str) -> Answer:
        headers = {"host": HOST, **{name.replace("_", "-"): value for name, value in more.items()}}
        if token is not None:
            headers["authorization"] = f"Bearer {token}"
        if body is None:
            return request(self.app, "GET", path, headers)
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return request(self.app, "POST", path, {"content-type": "application/json", **headers}, data)

    @property
    def acts(self) -> int:
        return self.project.changes()


def opened(folder: Path) -> Iterator[Site]:
    """A site with images, until it is closed."""
    hostile_images(folder / "data")
    made = Site(folder / "p", folder / "data")
    yield made
    made.project.close()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    yield from opened(tmp_path)


def label(site: Site, place: int = 0, **more: Any) -> dict[str, Any]:
    return {"sample": site.project.items.ids[place], "label": "cat", "key": f"k{place}", **more}


def test_a_token_lets_a_person_label_under_her_name(site: Site) -> None:
    token = site.tokens.invite("bo", "annotator")
    assert site.ask("/api/project", token=token).json()["person"] == "bo"
    assert site.ask("/api/label", label(site), token=token).status == 200
    assert site.ask("/api/label", label(site, 1, person="bo"), token=token).status == 200
    assert site.project.people() == {"bo": 2}
    assert site.ask("/api/undo", {"key": "u", "tab": "1"}, token=token).json()["sample"] == site.project.items.ids[1]


def test_what_is_stored_lets_nobody_in(site: Site) -> None:
    token = site.tokens.invite("bo", "owner")
    path = site.project.folder / "people.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert token not in path.read_text()
    (digest,) = [one.digest for one in site.tokens.people()]
    assert digest in path.read_text()
    assert site.ask("/api/project", token=digest).status == 401
    assert len(token) >= 43
    site.tokens.invite("al", "annotator")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


WRONG = (
    "Bearer ",
    "Bearer wrong",
    "Bearer " + "x" * 43,
    "Basic YTpi",
    "",
    "Token %s",
    "Bearer %s %s",
    "Bearer %s,Bearer %s",
    "Bearer\t%s",
    "%s",
    "Bearer %s.",
    "Bearer é",
)


def test_a_wrong_header_is_refused_even_beside_a_good_cookie(site: Site) -> None:
    token = site.tokens.invite("bo", "owner")
    for path in ("/api/project", "/api/status", "/samples/0", "/export/labels.csv", "/api/people", "/"):
        for header in WRONG:
            given = header.replace("%s", token)
            answer = site.ask(path, authorization=given, cookie=f"{COOKIE}-8414={PROJECT_TOKEN}")
            assert answer.status == 401, (path, header)
            assert "set-cookie" not in answer.headers


def test_a_token_of_another_project_a_revoked_and_a_replaced_one_are_refused(site: Site, tmp_path: Path) -> None:
    other = Site(tmp_path / "q", tmp_path / "data")
    foreign = other.tokens.invite("bo", "owner")
    assert other.ask("/api/project", token=foreign).status == 200
    first = site.tokens.invite("bo", "owner")
    second = site.tokens.invite("bo", "annotator")
    third = site.tokens.invite("al", "annotator")
    site.tokens.revoke("al")
    for token in (foreign, first, third):
        assert site.ask("/api/project", token=token).status == 401
        assert site.ask(f"/?token={token}").status == 401
        assert site.ask("/api/project", cookie=f"{COOKIE}-8414={token}").status == 401
        assert site.ask("/api/label", label(site), token=token).status == 401
    assert site.ask("/api/project", token=second).json()["role"] == "annotator"
    assert site.acts == 0
    other.project.close()


@pytest.mark.parametrize("role", ROLES)
def test_nobody_acts_in_another_name(site: Site, role: str) -> None:
    token = site.tokens.invite("bo", role)
    for path in (path for path in NEEDS if "{" not in path):
        for said in ("eve", "BO", "bo\0", "", 7, None, ["bo"], {"name": "bo"}, "b\u200bo"):
            answer = site.ask(path, label(site, tab="1", count=3, person=said), token=token)
            assert answer.status in (403, 405), (path, said)
    assert site.acts == 0
    assert not site.project.people()


def test_a_name_that_is_said_twice_is_the_one_that_counts_nowhere_else(site: Site) -> None:
    """Parsers differ in which of two equal keys they take, so the body is written anew."""
    token = site.tokens.invite("bo", "annotator")
    sample = site.project.items.ids[0]
    for first, second in (("eve", "bo"), ("bo", "eve")):
        body = f'{{"person":"{first}","person":"{second}","sample":"{sample}","label":"cat","key":"1"}}'
        site.ask("/api/label", body.encode(), token=token)
    assert set(site.project.people()) <= {"bo"}


PATHS = {
    **{path: path for path in NEEDS if "{" not in path},
    "/samples/0": "/samples/{sample}",
    "/api/notes/0": "/api/notes/{sample}",
    "/export/labels.csv": "/export/{name}",
    "/export/card.md": "/export/{name}",
}


@pytest.mark.parametrize("role", ROLES)
def test_a_role_opens_its_routes_and_no_others(site: Site, role: Role) -> None:
    token = site.tokens.invite("bo", role)
    given: dict[str, dict[str, str]] = {"header": {"token": token}, "cookie": {"cookie": f"{COOKIE}-8414={token}"}}
    for path, pattern in PATHS.items():
        allowed = ROLES.index(role) >= ROLES.index(NEEDS[pattern])
        for how, headers in given.items():
            post = {"origin": ORIGIN} if how == "cookie" else {}
            body = label(site, tab="1", count=1, person="bo")
            for answer in (site.ask(path, **headers), site.ask(path, body, **headers, **post)):
                expected = not allowed and answer.status != 405
                assert (answer.status == 403) == expected, (path, how, answer.text)


def test_a_route_that_nobody_thought_of_is_the_owners() -> None:
    routes = limited([Route("/api/new", lambda request: Response("in"), methods=["GET"])])
    assert role_for("/api/new") == "owner"
    assert role_for("/app.js") == "annotator"

    async def as_reviewer(scope: Any, receive: Any, send: Any) -> None:
        await routes[0].app({**scope, WHO: Who("bo", "reviewer")}, receive, send)

    assert request(as_reviewer, "GET", "/api/new", {}).status == 403
    assert OWNER.role == "owner"


def test_an_annotator_never_changes_what_somebody_else_has_answered(site: Site) -> None:
    site.project.label("ann", site.project.items.ids[0], "dog")
    token = site.tokens.invite("bo", "annotator")
    for path in ("/api/label", "/api/skip"):
        answer = site.ask(path, label(site), token=token)
        assert answer.status == 409
        assert "only a reviewer" in answer.json()["error"]
    assert site.project.labels() == {site.project.items.ids[0]: "dog"}
    assert (
        site.ask("/api/undo", {"key": "u", "tab": "1", "sample": site.project.items.ids[0]}, token=token).status == 200
    )
    assert site.project.labels() == {site.project.items.ids[0]: "dog"}
    reviewer = site.tokens.invite("al", "reviewer")
    assert site.ask("/api/label", label(site), token=reviewer).status == 200
    assert site.project.labels() == {site.project.items.ids[0]: "cat"}


def test_a_late_answer_of_an_annotator_is_a_second_opinion(site: Site) -> None:
    """Also if her program says that it is a correction."""
    token = site.tokens.invite("bo", "annotator")
    (ticket,) = site.ask("/api/next", {"tab": "1", "count": 1}, token=token).json()["tickets"]
    site.project.label("ann", ticket["sample"], "dog")
    late = {"sample": ticket["sample"], "label": "cat", "key": "1", "asked": False}
    assert site.ask("/api/label", late, token=token).status == 200
    assert site.project.labels() == {ticket["sample"]: "dog"}
    assert [event.person for pair in site.project.answered_twice() for event in pair] == ["ann", "bo"]


def test_an_annotator_corrects_her_own_answer(site: Site) -> None:
    token = site.tokens.invite("bo", "annotator")
    assert site.ask("/api/label", label(site), token=token).status == 200
    assert site.ask("/api/label", label(site, key="2") | {"label": "dog"}, token=token).status == 200
    assert list(site.project.labels().values()) == ["dog"]


def test_another_page_is_refused_with_a_good_token_too(site: Site) -> None:
    token = site.tokens.invite("bo", "owner")
    for origin in ("null", "http://evil.example", "http://127.0.0.1:9", "http://localhost:8414"):
        assert site.ask("/api/label", label(site), token=token, origin=origin).status == 403
    assert (
        site.ask("/api/label", label(site), cookie=f"{COOKIE}-8414={token}").status == 403
    )  # a cookie needs an Origin
    assert site.ask("/api/label", label(site), token=token, host="evil.example").status == 421
    assert site.ask("/api/label", label(site), token=token, content_type="text/plain").status == 415
    assert site.ask("/api/label", b"[" * 60_000, token=token).status == 400
    assert site.ask("/api/label", b'{"person": 1' + b" " * 70_000, token=token).status == 413
    assert site.acts == 0


def test_the_page_opens_with_a_persons_token_and_keeps_it(site: Site) -> None:
    token = site.tokens.invite("bo", "reviewer")
    answer = site.ask(f"/?token={token}")
    assert answer.status == 303
    place = answer.headers["location"]
    assert answer.headers["set-cookie"] == f"{COOKIE}-8414={token}; Path={place}; HttpOnly; SameSite=Strict"
    assert site.ask(place, cookie=f"{COOKIE}-8414={token}").status == 200
    about = site.ask("/api/project", cookie=f"{COOKIE}-8414={token}").json()
    assert (about["person"], about["role"], about["invited"]) == ("bo", "reviewer", True)
    owner = site.ask("/api/project", cookie=f"{COOKIE}-8414={PROJECT_TOKEN}").json()
    assert (owner["role"], owner["invited"]) == ("owner", False)
    assert "set-cookie" not in site.ask(f"/?token={token}", host="evil.example").headers


def test_the_owner_sees_who_was_invited_and_no_secrets(site: Site) -> None:
    site.tokens.invite("bo", "reviewer")
    answer = site.ask("/api/people", cookie=f"{COOKIE}-8414={PROJECT_TOKEN}")
    assert [(one["name"], one["role"]) for one in answer.json()["people"]] == [("bo", "reviewer")]
    assert site.tokens.people()[0].digest not in answer.text


KING = '{"schema": 1, "people": [{"name": "bo", "role": "king", "digest": "", "since": 0}]}'


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"schema": 1}', KING])
def test_a_damaged_list_lets_nobody_in_and_says_so(site: Site, text: str) -> None:
    token = site.tokens.invite("bo", "owner")
    (site.project.folder / "people.json").write_text(text)
    answer = site.ask("/api/project", token=token)
    assert answer.status == 507
    assert "people.json" in answer.json()["error"]
    assert site.ask("/api/project", cookie=f"{COOKIE}-8414={PROJECT_TOKEN}").status == 200  # the owner's page goes on
    with pytest.raises(StorageError):
        site.tokens.invite("al", "annotator")


def test_the_command_invites_lists_and_revokes(site: Site, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    folder = str(site.project.folder)
    assert main(["label", folder, "--invite", " bo ", "--role", "reviewer"]) == 0
    told = capsys.readouterr()
    token = told.out.strip()
    assert "the token of bo, reviewer" in told.err
    assert token not in told.err
    assert site.ask("/api/project", token=token).json()["role"] == "reviewer"
    assert main(["label", folder, "--invited", "yes"]) == 0
    assert "bo    reviewer" in capsys.readouterr().out
    assert main(["label", folder, "--invite=bo"]) == 0
    assert "instead of the earlier one" in capsys.readouterr().err
    assert site.ask("/api/project", token=token).status == 401
    assert main(["label", folder, "--revoke", "bo"]) == 0
    assert site.tokens.people() == ()
    for wrong, message in (
        ([folder, "--revoke", "bo"], "was not invited"),
        ([folder, "--invite", "a\nb"], "printable characters"),
        ([folder, "--invite", "bo", "--role", "king"], "annotator, reviewer, owner"),
        ([folder, "--invite", "bo", "--revoke", "bo"], "choose one of"),
        ([str(tmp_path / "nowhere"), "--invite", "bo"], "there is no project in"),
        (["--invite", "bo"], "there is no project"),
    ):
        assert main(["label", *wrong]) == 2
        said = capsys.readouterr().err
        assert message in said
        assert "Traceback" not in said
    assert not os.path.exists(tmp_path / "nowhere")


def test_names_and_roles_are_checked(site: Site) -> None:
    with pytest.raises(ConfigError, match="is no role"):
        site.tokens.invite("bo", "king")
    for name in ("", " ", "x" * 101, "a\0"):
        with pytest.raises(DataError, match="the name of a person"):
            site.tokens.invite(name, "owner")


@pytest.mark.parametrize("name", ["import", " Import", "command line", "repair"])
def test_nobody_is_invited_under_a_name_of_the_project_itself(site: Site, name: str) -> None:
    with pytest.raises(DataError, match="by another name"):
        site.tokens.invite(name, "annotator")
    assert site.tokens.people() == ()
