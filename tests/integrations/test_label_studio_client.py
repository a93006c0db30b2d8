"""What a server, a task, or a redirect can do to the loop; only the stand-in does it on demand."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from iale.errors import ConfigError, DataError, IaleError
from iale.integrations.label_studio import _project as project_module
from iale.integrations.label_studio._client import Client
from iale.integrations.label_studio._project import Project
from tests.integrations.label_studio import LEGACY, PERSONAL, LabelStudio, serve
from tests.integrations.studio import IMAGES, Studio, expected, labeled, pictures, png


@pytest.mark.parametrize("failures", [[503, 502, 200], [0, 200], [429], [200] * 4 + [503, 0, 504]])
def test_failures_are_said_and_tried_again(fake: Studio, stand_in: LabelStudio, failures: list[int]) -> None:
    project, tasks = labeled(fake)
    slept: list[float] = []
    stand_in.failures = [200, *failures]
    said = fake.run(project, slept.append)
    bad = len([status for status in failures if status != 200])
    assert slept == [1.0, 2.0, 4.0][:bad]
    assert len(said) == bad + 1
    assert all("trying again in " in line and line.startswith(stand_in.url) for line in said[:-1])
    assert [tasks.index(task) for task in fake.served(project, 3)] == expected(9, "eherding", 3)


def test_patience_ends(fake: Studio, stand_in: LabelStudio) -> None:
    project, _ = labeled(fake)
    stand_in.failures = [200] + [500] * 99
    with pytest.raises(IaleError, match="kept failing for 0 s: start the same command again later"):
        fake.run(project, patience=0)
    stand_in.failures = [500]
    with pytest.raises(ConfigError, match="check the address and that Label Studio runs there"):
        fake.run(project)


def test_a_failure_between_two_batches_leaves_the_old_version(
    fake: Studio, stand_in: LabelStudio, monkeypatch: pytest.MonkeyPatch
) -> None:
    project, _ = labeled(fake)
    fake.run(project)
    before, version = fake.next(project), stand_in.projects[project]["model_version"]
    answer = stand_in.answer
    batches: list[bytes] = []

    def failing(method: str, target: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
        if target.endswith("import/predictions"):
            batches.append(body)
            if len(batches) == 2:
                return 400, b"[]"
        return answer(method, target, headers, body)

    monkeypatch.setattr(stand_in, "answer", failing)
    monkeypatch.setattr(project_module, "_BATCH", 15)
    with pytest.raises(ConfigError, match="400: Bad Request"):
        fake.run(project)
    assert stand_in.projects[project]["model_version"] == version
    assert fake.next(project) == before
    fake.run(project)
    (kept,) = fake.client.get(f"/api/projects/{project}/model-versions/")
    assert kept != version


def test_legacy_tokens_may_be_switched_off_and_access_tokens_expire(fake: Studio, stand_in: LabelStudio) -> None:
    project, _ = labeled(fake)
    stand_in.legacy_enabled = False
    with pytest.raises(ConfigError, match="legacy token authentication has been disabled"):
        fake.run(project)
    personal = Client(stand_in.url, PERSONAL)
    state = Project(personal, project).state()
    stand_in.access.clear()
    assert Project(personal, project).state() == state
    assert [request for request in stand_in.requests if "refresh" in request] == ["POST /api/token/refresh/"] * 2


def test_the_token_goes_to_its_own_server_alone(
    fake: Studio, stand_in: LabelStudio, capsys: pytest.CaptureFixture[str]
) -> None:
    arrays, _ = pictures(3)
    with serve() as other:
        other._files = {f"/{number}.png": png(picture) for number, picture in enumerate(arrays)}
        other._check = lambda given: None  # type: ignore[method-assign]
        stand_in.redirections = {"/moved.png": f"{other.url}/2.png"}
        project = fake.create(IMAGES)
        addresses = [f"{other.url}/0.png", f"{other.url}/1.png", "/moved.png"]
        fake.client.send("POST", f"/api/projects/{project}/import", [{"picture": one} for one in addresses])
        (said,) = fake.run(project)
    assert said.startswith("ranked 3 of 3 unlabeled tasks")
    assert other.requests == [f"GET /{number}.png" for number in range(3)]
    assert other.authorizations == [""] * 3
    assert set(stand_in.authorizations) == {f"Token {LEGACY}"}
    assert LEGACY not in "".join(capsys.readouterr())


@pytest.mark.parametrize(
    "address", ["file:///etc/hostname", "ftp://127.0.0.1/a.png", "s3://bucket/a.png", "data:,a", "http://a:x/"]
)
def test_only_the_web_is_read(fake: Studio, address: str) -> None:
    with pytest.raises(DataError, match="is not a web address"):
        fake.client.fetch(address)


def test_addresses_with_spaces_and_umlauts_are_quoted(fake: Studio, stand_in: LabelStudio) -> None:
    stand_in._files["/%C3%BC%20%2F.png"] = b"here"
    assert fake.client.fetch("/ü %2F.png") == b"here"


def test_another_server_is_told_from_a_label_studio(stand_in: LabelStudio) -> None:
    stand_in._files = {"/api/projects/1/": b"<html>", "/api/projects/2/": b"[]"}
    for number in stand_in._files:
        with pytest.raises(ConfigError, match="does not answer like a Label Studio"):
            Project(Client(stand_in.url, LEGACY), int(number[14])).state()
    stand_in.failures = [200]
    stand_in._refresh = lambda body: None  # type: ignore[method-assign, assignment, return-value]
    with pytest.raises(ConfigError, match="does not accept the token"):
        Project(Client(stand_in.url, PERSONAL), 1).state()


def test_another_server_that_is_gone_is_waited_for_once(fake: Studio, stand_in: LabelStudio) -> None:
    with serve() as other:
        gone = other.url
    project = fake.create(IMAGES)
    addresses = [f"{gone}/{number}.png" for number in range(40)]
    fake.client.send("POST", f"/api/projects/{project}/import", [{"picture": one} for one in addresses])
    fake.upload(project, pictures(2)[0])
    slept: list[float] = []
    said = fake.run(project, slept.append, patience=3)
    assert slept == [1.0, 2.0]
    assert [line.split()[0] for line in said] == [gone] * 2 + ["task"] * 20 + ["left", "ranked"]
    assert said[-2] == "left out for similar reasons: 20 tasks more"


@pytest.mark.parametrize(
    ("status", "detail", "advice"),
    [
        (403, "no", ": use the token of a user who may change the project"),
        (404, "No Project matches", ": --project takes the number in the address of the project's page"),
        (404, "", ": --url takes only the address of its home page"),
    ],
)
def test_a_refusal_says_what_to_do(
    fake: Studio, stand_in: LabelStudio, status: int, detail: str, advice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = json.dumps({"detail": detail}).encode() if detail else b"<html>"
    monkeypatch.setattr(stand_in, "answer", lambda *_: (status, body))
    with pytest.raises(ConfigError, match=advice):
        fake.run(1)


def test_a_token_that_cannot_be_one_is_not_repeated() -> None:
    for token in ("", "two words", "a\nb", "ü"):
        with pytest.raises(ConfigError, match="copy it again") as caught:
            Client("http://localhost", token)
        assert not token or token not in str(caught.value)
