"""Attacks on the page: from other pages, other names, other paths, and through what people and files are called."""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import stat
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

pytest.importorskip("starlette", reason="the extra 'label' is not installed")
pytest.importorskip("uvicorn", reason="the extra 'label' is not installed")

from iale.integrations.label._app import create_app
from iale.integrations.label._page import MOST_HELD
from iale.integrations.label._security import COOKIE, MOST_BODY, Guard, is_loopback, project_token
from iale.labeling.items._ids import id_of
from iale.labeling.project import Project
from iale.labeling.record.config import ProjectConfig
from tests.integrations.asgi import Answer, request
from tests.integrations.label_fork import QuickServer
from tests.integrations.label_page import MODULES, hostile_images

ORIGIN = "http://127.0.0.1:8414"
TOKEN = "t" * 43
EVIL = "<img src=x onerror=alert(1)>"


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    hostile_images(tmp_path / "data")
    config = ProjectConfig(tmp_path / "data", classes=("cat", EVIL), classifier="mlp", resize=(8, 8))
    project = Project.create(tmp_path / "project", config)
    yield project
    project.close()


class Browser:
    """Sends what a browser would, unless it is told otherwise; a header that is None is left out."""

    def __init__(self, project: Project, host: str = "127.0.0.1", token: str | None = TOKEN) -> None:
        self.app = Guard(create_app(project), TOKEN, host, 8414)
        self.token = token

    def request(self, method: str, address: str, body: bytes | Iterator[bytes] = b"", **headers: str | None) -> Answer:
        cookie = None if self.token is None else f"other=1; {COOKIE}-8414={self.token}"
        usual = {"host": "127.0.0.1:8414", "cookie": cookie}
        given = {name.replace("_", "-"): value for name, value in {**usual, **headers}.items() if value is not None}
        return request(self.app, method, address, given, body)

    def get(self, address: str, **headers: str | None) -> Answer:
        return self.request("GET", address, b"", **headers)

    def post(self, address: str, body: Any, **headers: str | None) -> Answer:
        usual: dict[str, Any] = {"origin": ORIGIN, "content_type": "application/json"}
        data = body if isinstance(body, bytes | Iterator) else json.dumps(body).encode()
        given: dict[str, Any] = {**usual, **headers}
        return self.request("POST", address, data, **given)


def events(project: Project) -> int:
    return (
        len((project.folder / "journal.jsonl").read_bytes().splitlines())
        if (project.folder / "journal.jsonl").exists()
        else 0
    )


@pytest.fixture
def client(project: Project) -> Browser:
    return Browser(project)


LABEL = {"person": "eve", "label": "cat", "key": "1"}


@pytest.mark.parametrize("path", ["/", "/app.js", "/api/project", "/api/status", "/samples/0", "/export/labels.csv"])
@pytest.mark.parametrize("token", [None, "", "t" * 42, "T" * 43, "t" * 44])
def test_nothing_is_told_without_the_token(project: Project, path: str, token: str | None) -> None:
    assert Browser(project, token=token).get(path).status == 401


def test_the_printed_address_sets_a_cookie_that_scripts_and_other_sites_do_not_get(project: Project) -> None:
    client = Browser(project, token=None)
    answer = client.get(f"/?token={TOKEN}")
    assert answer.status == 303
    cookie, place = answer.headers["set-cookie"], answer.headers["location"]
    assert re.fullmatch(r"/[0-9a-f]{16}/", place)  # a browser sends cookies to every port of a machine
    assert cookie == f"{COOKIE}-8414={TOKEN}; Path={place}; HttpOnly; SameSite=Strict"
    assert Guard(create_app(project), "u" * 43, "127.0.0.1", 8414)._place != place.rstrip("/")
    for address in (place, f"{place}app.js", f"{place}api/project"):
        assert client.get(address).status == 401
    client.token = cookie.split(";")[0].split("=", 1)[1]
    for address in (place, f"{place}app.js", f"{place}api/project", "/api/project"):
        assert client.get(address).status == 200
    assert client.get(f"{place}{place.lstrip('/')}api/project").status == 404
    assert "set-cookie" not in client.get("/api/project").headers
    for address in ("/?token=wrong", "/?token=", f"/api/project?token={TOKEN}"):
        assert Browser(project, token=None).get(address).status == 401


def test_a_token_is_random_private_and_stays(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    token = project_token(tmp_path / "a")
    assert len(token) >= 43
    assert token == project_token(tmp_path / "a") != project_token(tmp_path / "b")
    assert stat.S_IMODE((tmp_path / "a" / "token").stat().st_mode) == 0o600
    (tmp_path / "a" / "token").write_text("")  # as a full disk leaves it
    assert len(project_token(tmp_path / "a")) >= 43


def test_servers_that_start_at_once_have_one_token(tmp_path: Path) -> None:
    for number in range(30):
        (folder := tmp_path / str(number)).mkdir()
        together = threading.Barrier(6)

        def start(folder: Path = folder, together: threading.Barrier = together) -> str:
            together.wait()
            return project_token(folder)

        with ThreadPoolExecutor(6) as servers:
            tokens = {future.result() for future in [servers.submit(start) for _ in range(6)]}
        assert len(tokens) == 1


@pytest.mark.parametrize(
    "origin", [None, "null", "http://evil.example", "http://127.0.0.1:9", "http://localhost:8414", "file://"]
)
@pytest.mark.parametrize("path", ["/api/label", "/api/skip", "/api/undo", "/api/class", "/api/next", "/api/release"])
def test_no_other_page_can_change_anything(project: Project, client: Browser, path: str, origin: str | None) -> None:
    before = events(project)
    body = {**LABEL, "tab": "1", "count": 3, "sample": project.items.ids[0]}
    assert client.post(path, body, origin=origin).status == 403
    assert events(project) == before


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_a_form_cannot_change_anything(project: Project, client: Browser, kind: str) -> None:
    body = {**LABEL, "sample": project.items.ids[0]}
    assert client.post("/api/label", body, content_type=kind).status == 415
    assert not events(project)


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_changes_are_made_by_post_alone(project: Project, client: Browser, method: str) -> None:
    for path in ("/api/label", "/api/skip", "/api/undo", "/api/class", "/api/next", "/api/release"):
        address = f"{path}?person=eve&label=cat&key=1&sample={project.items.ids[0]}"
        assert client.request(method, address, origin=ORIGIN).status == 405
    assert not events(project)


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8414",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "169.254.1.1",
        "",
        "[",
        "a@localhost:x",
    ],
)
def test_a_name_that_was_turned_to_this_machine_is_refused(project: Project, host: str) -> None:
    """DNS rebinding: the browser takes the page for evil.example, and would send along what that may see."""
    client = Browser(project)
    for answer in (
        client.get("/api/project", host=host),
        client.get(f"/?token={TOKEN}", host=host),
        client.post("/api/class", LABEL, host=host, origin=f"http://{host}"),
    ):
        assert answer.status == 421
    assert not events(project)


@pytest.mark.parametrize("host", ["127.0.0.1:8414", "localhost:9000", "[::1]:8414", "127.0.0.1"])
def test_this_machine_has_several_names(project: Project, host: str) -> None:
    assert Browser(project).get("/api/project", host=host).status == 200


def test_a_server_for_others_answers_to_addresses_but_not_to_any_name(project: Project) -> None:
    client = Browser(project, host="0.0.0.0")
    assert client.get("/api/project", host="192.168.1.7:8414").status == 200
    assert client.get("/api/project", host="evil.example").status == 421
    assert Browser(project).get("/api/project", host="192.168.1.7:8414").status == 421


def test_loopback_is_the_default() -> None:
    from iale.cli._label import LabelOptions

    assert is_loopback(LabelOptions(Path("x"), ProjectConfig(Path("y"))).host)
    assert not any(map(is_loopback, ("0.0.0.0", "::", "192.168.1.7", "evil.example", "")))


@pytest.mark.parametrize(
    "name",
    [
        "..%2f..%2fsecret.png", "../secret.png", "%2e%2e/secret.png", "....//secret.png", "..%5c..%5csecret.png",
        "/etc/passwd", "%2fetc%2fpasswd", "..", ".", "0", "g" * 16, "0" * 16, "0" * 15 + "%00", "%00",
        "good-0.png", "link.png", "secret.png", "../project/token", "journal.jsonl",
    ],
)  # fmt: skip
def test_samples_are_found_by_id_and_by_nothing_else(client: Browser, name: str) -> None:
    for path in (f"/samples/{name}", f"/export/{name}", f"/{name}", f"/static/{name}"):
        answer = client.get(path)
        assert answer.status in (404, 401), path
        assert b"PNG" not in answer.body
        assert TOKEN.encode() not in answer.body


def test_links_that_lead_out_are_neither_listed_nor_read(project: Project, client: Browser, tmp_path: Path) -> None:
    names = [project.items.name(index) for index in range(len(project.items))]
    assert "link.png" not in names
    sample = project.items.ids[names.index("good-0.png")]
    assert client.get(f"/samples/{sample}").status == 200
    good, secret = tmp_path / "data" / "good-0.png", tmp_path / "secret.png"
    status = good.stat()
    secret.write_bytes(good.read_bytes())  # even where size and time fit
    os.utime(secret, ns=(status.st_atime_ns, status.st_mtime_ns))
    good.unlink()
    good.symlink_to(secret)
    answer = client.get(f"/samples/{sample}")
    assert answer.status == 422
    assert "out of the folder" in answer.json()["error"]


def test_a_folder_that_became_a_link_is_not_followed_out(tmp_path: Path) -> None:
    data, other = tmp_path / "data", tmp_path / "other"
    hostile_images(data / "inside")
    project = Project.create(tmp_path / "p", ProjectConfig(data, classes=("cat", "dog")))
    sample = next(project.items.ids[i] for i in range(project.count) if project.items.name(i).endswith("good-1.png"))
    (data / "inside").rename(other)
    (data / "inside").symlink_to(other)
    assert Browser(project).get(f"/samples/{sample}").status == 422


@pytest.mark.parametrize(
    "path", ["/", "/app.js", "/app.css", "/icon.svg", "/api/status", "/nothing", "/export/labels.csv"]
)
def test_every_answer_forbids_what_a_page_does_not_need(client: Browser, path: str) -> None:
    headers = client.get(path).headers
    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == "'none'"
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"
    assert "access-control-allow-origin" not in headers


def test_refusals_carry_the_headers_too(project: Project) -> None:
    for answer in (Browser(project, token=None).get("/"), Browser(project).get("/", host="evil.example")):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "'none'" in answer.headers["content-security-policy"]


def test_the_page_loads_nothing_from_elsewhere_and_has_no_inline_script(client: Browser) -> None:
    page, style = client.get("/").text, client.get("/app.css").text
    script = "\n".join(client.get(f"/{name}").text for name in MODULES)
    assert page.count("<script") == 1
    assert '<script src="app.js" type="module"></script>' in page
    assert not re.search(r"\son\w+\s*=", page)
    assert "style=" not in page
    for text in (page, script, style):
        assert "https://" not in text
        assert "http://" not in text.replace("http://www.w3.org/2000/svg", "")
    for unsafe in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function("):
        assert unsafe not in script


def test_files_are_sent_as_what_they_are(tmp_path: Path) -> None:
    hostile_images(tmp_path / "data", large=True)
    project = Project.create(tmp_path / "project", ProjectConfig(tmp_path / "data", classes=("cat", "dog")))
    client, kinds = Browser(project), {}
    for index in range(project.count):
        answer = client.get(f"/samples/{project.items.ids[index]}")
        kinds[project.items.name(index)] = answer.headers["content-type"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert b"<script>" not in answer.body
    assert kinds["good-0.png"] == "image/png"
    assert kinds["huge.jpg"] == "image/jpeg"
    for name in ("broken.png", "script.jpg", "postscript.jpg", "bomb.png"):
        assert kinds[name] == "application/json"


def test_what_people_write_is_data(project: Project, client: Browser) -> None:
    sample = project.items.ids[0]
    assert client.post("/api/label", {"person": EVIL, "label": EVIL, "sample": sample, "key": "1"}).status == 200
    answer = client.get(f"/api/labeled?label={quote(EVIL)}")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["rows"][0]["person"] == EVIL
    table = client.get("/export/labels.csv")
    assert table.headers["content-type"].startswith("text/csv")
    assert table.headers["content-disposition"] == 'attachment; filename="labels.csv"'


@pytest.mark.parametrize("text", ["", " ", "x" * 201, "a\nb", "a\0b", "\ud800", 7, None, ["cat"], {"a": 1}])
@pytest.mark.parametrize("field", ["person", "label", "sample", "key"])
def test_senseless_fields_are_refused(project: Project, client: Browser, field: str, text: Any) -> None:
    body = {"person": "eve", "label": "cat", "sample": project.items.ids[0], "key": "1", field: text}
    answer = client.post("/api/label", body)
    assert answer.status in (404, 422)
    assert answer.json()["error"]
    assert not events(project)


@pytest.mark.parametrize("body", [b"", b"[]", b"1", b"null", b"{", b"\xff", b"[" * 60_000, b'{"a":' * 9000])
def test_a_body_must_be_an_object(client: Browser, body: bytes) -> None:
    assert client.post("/api/label", body).status == 400


def test_a_body_has_a_limit(project: Project, client: Browser) -> None:
    body = {**LABEL, "sample": project.items.ids[0], "more": "x" * MOST_BODY}
    assert client.post("/api/label", body).status == 413

    def pieces() -> Iterator[bytes]:
        for _ in range(1000):
            yield b" " * MOST_BODY

    assert client.post("/api/label", pieces()).status == 413
    assert not events(project)


@pytest.mark.parametrize("count", [-1, 10**9, "3", None, 2.5, True])
def test_nobody_is_handed_the_whole_pool(project: Project, client: Browser, count: Any) -> None:
    answer = client.post("/api/next", {"person": "eve", "tab": "1", "count": count})
    assert answer.status in (200, 422)
    assert len(answer.json().get("tickets", [])) <= MOST_HELD


def test_ids_say_nothing_of_paths(project: Project) -> None:
    assert all(len(sample) == 16 and int(sample, 16) >= 0 for sample in project.items.ids)
    assert f"{id_of(b'good-0.png'):016x}" in project.items.ids


def test_doubtful_requests_through_a_real_socket(tmp_path: Path) -> None:
    """What no browser sends: the server's own parser stands before the guard, and must see the same."""
    hostile_images(tmp_path / "data")
    with QuickServer(tmp_path / "data", tmp_path / "p", "--classes", "cat,dog") as server:
        host, token = f"Host: 127.0.0.1:{server.port}\r\n", server.address.split("token=")[1]
        cookie = f"Cookie: {COOKIE}-{server.port}={token}\r\n"
        post = f"{host}{cookie}Origin: http://127.0.0.1:{server.port}\r\nContent-Type: application/json\r\n"

        def answer(first: str, headers: str, body: str = "") -> bytes:
            with socket.create_connection(("127.0.0.1", server.port), timeout=10) as line:
                line.sendall(f"{first}\r\n{headers}Connection: close\r\n\r\n{body}".encode("latin-1"))
                found = b""
                with contextlib.suppress(OSError):
                    while b"\r\n\r\n" not in found:
                        found += line.recv(4096)
                return found.split(b"\r\n")[0].split(b" ")[1]

        assert answer("GET /api/project HTTP/1.1", host + cookie) == b"200"
        evil = "Host: evil.example\r\n"
        for headers in (cookie, host + evil + cookie, evil + host + cookie):
            assert answer("GET /api/project HTTP/1.1", headers) == b"400"
        assert answer("GET /api/project HTTP/1.0", cookie) == b"421"
        assert answer("GET /api/project HTTP/1.1", evil + f"X-Forwarded-Host: localhost\r\n{cookie}") == b"421"
        for path in (
            "/samples/../../secret.png",
            "/../project.json",
            "//etc/passwd",
            "http://evil.example/api/project",
        ):
            assert answer(f"GET {path} HTTP/1.1", host + cookie) == b"404"
        assert (
            answer("POST /api/class HTTP/1.1", post + f"Content-Length: {10 * MOST_BODY}\r\n", "x" * 2 * MOST_BODY)
            == b"413"
        )
        assert (
            answer(
                "POST /api/class HTTP/1.1", post + "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"
            )
            == b"400"
        )
    assert not (tmp_path / "p" / "journal.jsonl").exists()
