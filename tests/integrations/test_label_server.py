"""What the page gets from the server: samples, answers that count once, and a sentence for all that goes wrong."""

from __future__ import annotations

import asyncio
import errno
import gc
import json
import os
import resource
import socket
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest

pytest.importorskip("starlette", reason="the extra 'label' is not installed")
pytest.importorskip("uvicorn", reason="the extra 'label' is not installed")

from PIL import Image

from iale.cli._label import PAGES
from iale.cli._main import main
from iale.errors import ConfigError
from iale.integrations.label._app import create_app
from iale.integrations.label._pictures import EDGE, THUMB, picture
from iale.integrations.label._server import listening
from iale.labeling.classes._editing import remove_class
from iale.labeling.project import Project
from iale.labeling.reader import ProjectReader
from iale.labeling.record.config import ProjectConfig
from tests.integrations.asgi import Answer, request
from tests.integrations.label_page import LabelServer, hostile_images

Get, Post = Callable[..., Answer], Callable[..., Any]


class Page:
    """The application of a project, without its guard."""

    def __init__(self, project: Project) -> None:
        self.project, self.app = project, create_app(project, person="ann")
        self.number = 0

    def get(self, address: str, **headers: str) -> Answer:
        return request(self.app, "GET", address, {name.replace("_", "-"): text for name, text in headers.items()})

    def post(self, address: str, **body: Any) -> Answer:
        self.number += 1
        body = {"person": "ann", "tab": "1", "key": f"key {self.number}", **body}
        return request(self.app, "POST", address, {"content-type": "application/json"}, json.dumps(body).encode())

    def ids(self) -> dict[str, str]:
        return {self.project.items.name(index): sample for index, sample in enumerate(self.project.items.ids)}


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Page]:
    hostile_images(tmp_path / "data")
    config = ProjectConfig(tmp_path / "data", classes=("cat", "dog"), classifier="mlp", resize=(8, 8), test_share=0.0)
    project = Project.create(tmp_path / "project", config)
    yield Page(project)
    project.close()


def lines(project: Project, kind: str) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in (project.folder / "journal.jsonl").read_text().splitlines()]
    return [line for line in found if line["kind"] == kind]


def test_a_session(page: Page) -> None:
    about = page.get("/api/project").json()
    assert about == {
        "name": "project",
        "kind": "image",
        "count": 8,
        "classes": ["cat", "dog"],
        "person": "ann",
        "invited": False,
        "role": "owner",
        "mark": "",
    }
    tickets = page.post("/api/next", count=3).json()["tickets"]
    assert len({ticket["sample"] for ticket in tickets}) == 3
    first, second, third = (ticket["sample"] for ticket in tickets)
    assert page.post("/api/label", sample=first, label="cat").json()["sample"] == first
    assert page.post("/api/skip", sample=second).status == 200
    assert page.post("/api/label", sample=third, label="cat").status == 200
    assert page.post("/api/label", sample=third, label="dog").status == 200  # corrected
    assert [row["sample"] for row in page.get("/api/labeled?label=dog").json()["rows"]] == [third]
    assert [row["sample"] for row in page.get("/api/labeled").json()["rows"]] == [second]
    assert page.post("/api/undo").json()["sample"] == third
    assert page.project.labels() == {first: "cat", third: "cat"}
    assert page.post("/api/undo", sample=first).json()["name"] == tickets[0]["name"]
    assert page.post("/api/class", label="bird").json()["classes"] == ["cat", "dog", "bird"]
    assert page.post("/api/label", sample=first, label="bird").status == 200
    status = page.get("/api/status").json()
    assert (status["labeled"], status["skipped"], status["samples"]) == (2, 1, 8)
    assert status["by_class"] == {"cat": 1, "dog": 0, "bird": 1}
    assert page.get("/export/labels.csv").text.count("\n") == 3
    assert len(page.get("/export/labels.jsonl").text.splitlines()) == 3


def test_what_is_sent_again_counts_once(page: Page) -> None:
    (ticket,) = page.post("/api/next", count=1).json()["tickets"]
    answers = [page.post("/api/label", sample=ticket["sample"], label="cat", key="same").json() for _ in range(3)]
    assert answers[0] == answers[1] == answers[2]
    assert len(lines(page.project, "label")) == 1
    undone = [page.post("/api/undo", sample=ticket["sample"], key="undo").json() for _ in range(2)]
    assert undone[0] == undone[1]
    assert len(lines(page.project, "undo")) == 1


def test_two_windows_never_get_the_same_sample(page: Page) -> None:
    one = page.post("/api/next", count=3, tab="1").json()["tickets"]
    two = page.post("/api/next", count=20, tab="2").json()["tickets"]
    samples = [ticket["sample"] for ticket in (*one, *two)]
    assert len(set(samples)) == len(samples) == 8
    held = [ticket["sample"] for ticket in one]
    assert page.post("/api/next", count=3, tab="1", have=held).json()["tickets"] == []
    assert page.post("/api/next", count=3, tab="3").json()["tickets"] == []
    assert page.post("/api/release", tab="2").status == 200
    assert len(page.post("/api/next", count=20, tab="3").json()["tickets"]) == 5


def test_small_images_are_sent_as_they_are_and_not_twice(page: Page, tmp_path: Path) -> None:
    sample = page.ids()["good-0.png"]
    answer = page.get(f"/samples/{sample}")
    assert answer.body == (tmp_path / "data" / "good-0.png").read_bytes()
    again = page.get(f"/samples/{sample}", if_none_match=answer.headers["etag"])
    assert (again.status, again.body) == (304, b"")
    assert page.get(f"/samples/{sample}?edge=160", if_none_match=answer.headers["etag"]).status == 200


def test_large_images_are_made_smaller(tmp_path: Path) -> None:
    hostile_images(tmp_path / "data", large=True)
    rotated = Image.new("RGB", (3000, 1000), "red")
    exif = rotated.getexif()
    exif[0x0112] = 6
    rotated.save(tmp_path / "data" / "photo.jpg", exif=exif)
    Image.new("RGBA", (2000, 10), (0, 0, 0, 0)).save(tmp_path / "data" / "glass.png")
    Image.new("I;16", (9, 9), 300).save(tmp_path / "data" / "deep.png")
    page = Page(Project.create(tmp_path / "p", ProjectConfig(tmp_path / "data", classes=("cat", "dog"))))

    def size(name: str, query: str = "") -> tuple[int, int]:
        path = tmp_path / "shown"
        path.write_bytes(page.get(f"/samples/{page.ids()[name]}{query}").body)
        with Image.open(path) as image:
            image.load()
            return image.size

    assert size("huge.jpg") == (EDGE, EDGE)  # 100 megapixels
    assert size("photo.jpg") == (round(EDGE / 3), EDGE)  # upright
    assert size("photo.jpg", f"?edge={THUMB}") == (round(THUMB / 3), THUMB)
    assert size("glass.png") == (EDGE, 8)
    assert size("good-1.png", "?edge=99999") == (40, 30)
    for name, words in (("bomb.png", "pixels"), ("broken.png", "not a readable image"), ("deep.png", "")):
        answer = page.get(f"/samples/{page.ids()[name]}")
        assert answer.status == 422
        assert name in answer.json()["error"]
        assert words in answer.json()["error"]


def test_many_large_images_take_the_memory_of_one(tmp_path: Path) -> None:
    Image.new("RGB", (6000, 6000), "red").save(tmp_path / "large.png")
    data, before = (tmp_path / "large.png").read_bytes(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with ThreadPoolExecutor(6) as asking:
        sizes = [len(shown) for shown, _ in asking.map(lambda _: picture(data, "large.png"), range(6))]
    assert len(set(sizes)) == 1
    megapixels, kilobytes = 36, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert kilobytes < 2.5 * 4000 * megapixels  # one is 4 bytes a pixel


def test_a_file_that_is_deleted_or_changed_is_said_and_passed_over(page: Page, tmp_path: Path) -> None:
    ids = page.ids()
    (tmp_path / "data" / "good-0.png").unlink()
    Image.new("L", (99, 99)).save(tmp_path / "data" / "good-1.png")
    for name, word, status in (("good-0.png", "deleted", 410), ("good-1.png", "changed", 422)):
        answer = page.get(f"/samples/{ids[name]}")
        assert answer.status == status  # what is away comes back
        assert word in answer.json()["error"]
        assert page.post("/api/skip", sample=ids[name], note=answer.json()["error"]).json()["number"] is None
    assert page.post("/api/label", sample=ids["good-1.png"], label="cat").status == 422
    assert page.post("/api/label", sample=ids["good-0.png"], label="cat").status == 200  # a key pressed before it went
    left = {ticket["name"] for ticket in page.post("/api/next", count=20).json()["tickets"]}
    assert not left & {"good-0.png", "good-1.png"}
    assert "good-2.png" in left


def test_a_full_disk_is_said_and_nothing_is_acknowledged(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    (ticket,) = page.post("/api/next", count=1).json()["tickets"]

    def full(file: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr("iale.labeling.record._journal.os.write", full)
        answer = page.post("/api/label", sample=ticket["sample"], label="cat", key="same")
        assert answer.status == 507  # the page keeps what gets no answer below 500
        assert "No space left" in answer.json()["error"]
        assert page.get(f"/samples/{ticket['sample']}").status == 200
    assert page.project.labels() == {}
    assert page.post("/api/label", sample=ticket["sample"], label="cat", key="same").status == 200
    assert page.project.labels() == {ticket["sample"]: "cat"}


def test_what_the_server_does_not_expect_is_said_too(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page.project, "status", lambda: 1 / 0)
    answer = page.get("/api/status")
    assert answer.status == 500
    assert "ZeroDivisionError" in answer.json()["error"]


@pytest.mark.parametrize("name", ["nothing", "samples/0000000000000000", "export/labels.exe", "api/next/more"])
def test_what_is_not_there_is_said(page: Page, name: str) -> None:
    answer = page.get(f"/{name}")
    assert answer.status == 404
    assert answer.json()["error"]


def test_names_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    try:
        Image.new("L", (8, 8)).save(os.fsencode(tmp_path / "data") + b"/\xff.png", format="PNG")
    except OSError:
        pytest.skip("this file system takes no such names")
    page = Page(Project.create(tmp_path / "p", ProjectConfig(tmp_path / "data", classes=("cat", "dog"))))
    (ticket,) = page.post("/api/next", count=1).json()["tickets"]
    assert ticket["name"] == "?.png"
    assert page.get(f"/samples/{ticket['sample']}").status == 200
    assert page.post("/api/label", sample=ticket["sample"], label="cat").json()["name"] == "?.png"
    assert "?.png,cat" in page.get("/export/labels.csv").text


def test_texts_rows_and_arrays(tmp_path: Path) -> None:
    (tmp_path / "texts.csv").write_text('id,text\na,"<b>bold</b>"\nb,مرحبا\n')
    (tmp_path / "rows.csv").write_text("width,height\n1.5,2\n3,4\n")
    np.savez(tmp_path / "images.npz", x=np.random.default_rng(0).integers(0, 255, (4, 9, 9), dtype=np.uint8))
    pages = {
        name: Page(Project.create(tmp_path / f"{name}.project", ProjectConfig(tmp_path / name, classes=("a", "b"))))
        for name in ("texts.csv", "rows.csv", "images.npz")
    }
    text = pages["texts.csv"].get(f"/samples/{pages['texts.csv'].project.items.ids[0]}")
    assert text.headers["content-type"] == "text/plain; charset=utf-8"
    assert text.text == "<b>bold</b>"
    row = pages["rows.csv"].get(f"/samples/{pages['rows.csv'].project.items.ids[1]}")
    assert row.json() == {"width": "3", "height": "4"}
    image = pages["images.npz"].get(f"/samples/{pages['images.npz'].project.items.ids[0]}")
    assert image.headers["content-type"] == "image/png"
    sample = pages["texts.csv"].project.items.ids[0]
    assert pages["texts.csv"].post("/api/label", sample=sample, label="a").status == 200
    assert pages["texts.csv"].get("/api/labeled?label=a").json()["rows"][0]["text"] == "<b>bold</b>"


def test_control_characters_are_shown(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("id,text\nn\x001,a\x00b\nn2,\x1b[0m\nn3,c\n")
    page = Page(Project.create(tmp_path / "p", ProjectConfig(tmp_path / "t.csv", ("one",))))
    for name, text in (("n\x001", "a\x00b"), ("n2", "\x1b[0m")):
        assert page.get(f"/samples/{page.ids()[name]}").text == text
        assert page.post("/api/label", sample=page.ids()[name], label="one").status == 200
    assert {row["text"] for row in page.get("/api/labeled?label=one").json()["rows"]} == {"a\x00b", "\x1b[0m"}
    assert page.get("/export/labels.csv").status == page.get("/export/labels.jsonl").status == 200


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("rows") / "rows.npz"
    np.savez(path, x=np.random.default_rng(0).normal(size=(20_000, 2)).astype(np.float32))
    return path


def test_the_command_serves_until_it_is_stopped_and_goes_on(rows: Path, tmp_path: Path) -> None:
    out = tmp_path / "project"
    server = LabelServer(rows, out, "--classes", "a,b", "--person", "ann", "--epochs", "1")
    with server:
        assert server.address.startswith(f"http://127.0.0.1:{server.port}/?token=")
        (ticket,) = server.ask("/api/next", {"person": "ann", "tab": "1", "count": 1})["tickets"]
        body = {"person": "ann", "tab": "1", "sample": ticket["sample"], "label": "a", "key": "1"}
        assert server.ask("/api/label", body)["number"]
        taken = subprocess.run(
            [
                sys.executable,
                "-m",
                "iale",
                "label",
                str(rows),
                "--out",
                str(tmp_path / "b"),
                "--port",
                str(server.port),
            ],
            capture_output=True,
            text=True,
        )
        assert taken.returncode == 2
        assert taken.stderr.startswith("iale: cannot listen at 127.0.0.1")  # before anything else is said or made
        assert not (tmp_path / "b").exists()
        address = server.address
        assert server.stop() == 130
        server.start()
        assert server.address == address  # an open page goes on
        assert ProjectReader.open(out).labels() == {ticket["sample"]: "a"}
        assert server.stop() == 130


def test_a_socket_that_cannot_listen_is_closed() -> None:
    """An unclosed one would be a ResourceWarning here, which is an error."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        with pytest.raises(ConfigError, match="another program listens there"), listening(*taken.getsockname()):
            pass
    gc.collect()


def test_labels_that_exist_are_brought_in_once(
    tmp_path: Path, rows: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(PAGES, "_entries", {"label": lambda *_: nullcontext(Mock())})
    (tmp_path / "labels.csv").write_text("sample,label\n0,a\n1,c\n")
    argv = [
        "label",
        str(rows),
        "--classes",
        "a,b",
        "--out",
        str(tmp_path / "p"),
        "--labels",
        str(tmp_path / "labels.csv"),
    ]
    assert main(argv) == 0
    project = Project.open(tmp_path / "p")
    assert list(project.labels().values()) == ["a", "c"]
    assert "labels.csv adds the class c\n" in capsys.readouterr().err
    project.label("ann", next(iter(project.labels())), "b")
    assert main(argv) == 0  # the same command goes on, and takes no correction back
    assert sorted(project.labels().values()) == ["b", "c"]
    err = capsys.readouterr().err
    assert "was not read; iale.labeling.import_csv adds its labels" in err
    assert "adds the class" not in err


def test_a_removed_class_is_told_and_stays_removed(
    tmp_path: Path, rows: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(PAGES, "_entries", {"label": lambda *_: nullcontext(Mock())})
    argv = ["label", str(rows), "--classes", "a,b,c", "--out", str(tmp_path / "p")]
    assert main(argv) == 0
    remove_class(Project.open(tmp_path / "p"), "ann", "c")
    capsys.readouterr()
    assert main(argv) == 0
    assert Project.open(tmp_path / "p").classes == ("a", "b")
    assert "the class c was removed, and stays so" in capsys.readouterr().err


def test_a_start_with_other_options_tells_them(
    tmp_path: Path, rows: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(PAGES, "_entries", {"label": lambda *_: nullcontext(Mock())})
    argv = ["label", str(rows), "--classes", "a,b", "--out", str(tmp_path / "p")]
    chosen = ["--strategy", "entropy", "--target", "0.9", "--weight-decay", "0.1"]
    for _ in range(2):
        assert main([*argv, *chosen]) == 0
    assert "other options" not in capsys.readouterr().err
    assert main(argv) == 0
    told = "--strategy eherding, not entropy, --target none, not 0.9, --weight-decay 0.0, not 0.1\n"
    assert f"other options than at the last start: {told}" in capsys.readouterr().err


def test_a_guess_of_the_encoding_is_said(
    tmp_path: Path, rows: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(PAGES, "_entries", {"label": lambda *_: nullcontext(Mock())})
    monkeypatch.chdir(tmp_path)
    for name in ("labels.csv", "said.csv"):
        Path(name).write_text("sample,label\n0,Käfer\n1,Biene\n", encoding="cp1252")
    assert main(["label", str(rows), "--out", "p", "--labels", "labels.csv", "--suggestions", "said.csv"]) == 0
    err = capsys.readouterr().err
    assert err.count("labels.csv is not in UTF-8 and was read as cp1252") == 1
    assert err.count("said.csv is not in UTF-8 and was read as cp1252") == 1


def test_the_end_does_not_wait_for_a_search_for_garbage(
    tmp_path: Path, rows: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which takes half a second with all modules of a model: they are frozen before anybody is served."""
    frozen: list[int] = []

    def serve(*_: object, **__: object) -> None:
        frozen.append(gc.get_freeze_count())

    monkeypatch.setattr(PAGES, "_entries", {"label": lambda *_: nullcontext(serve)})
    gc.unfreeze()
    try:
        assert main(["label", str(rows), "--classes", "a,b", "--out", str(tmp_path / "p")]) == 0
    finally:
        gc.unfreeze()
    assert frozen[0] > 100_000


def test_ctrl_c_before_the_first_request_leaves_nothing_behind(
    tmp_path: Path, rows: Path, monkeypatch: pytest.MonkeyPatch, recwarn: pytest.WarningsRecorder
) -> None:
    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    project = Project.create(tmp_path / "p", ProjectConfig(rows, ("a", "b")))
    monkeypatch.setattr(asyncio, "run", stopped)
    warnings.simplefilter("always")
    with pytest.raises(KeyboardInterrupt), listening("127.0.0.1", 0) as serve:
        serve(project, person="ann")
    gc.collect()
    assert [str(each.message) for each in recwarn if "never awaited" in str(each.message)] == []


def test_a_policy_asks_in_place_of_a_strategy(
    tmp_path: Path, rows: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(PAGES, "_entries", {"label": lambda *_: nullcontext(Mock())})
    assert main(["label", str(rows), "--out", str(tmp_path / "p"), "--policy", "mnist-mlp"]) == 0
    assert Project.open(tmp_path / "p").config.strategy == "mnist-mlp"


def test_bad_options_end_with_one_sentence(tmp_path: Path, rows: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for argv, words in (
        (("nothing", "--out", "p"), "nothing"),
        ((str(rows), "--out", "p", "--host", "no.such.host.invalid"), "cannot listen"),
        ((str(rows), "--out", "p", "--port", "99999"), "cannot listen"),
        ((str(rows),), "--out"),
        (("--out", "p"), "--data"),
    ):
        assert main(["label", *(str(tmp_path / "p") if word == "p" else word for word in argv)]) == 2
        err = capsys.readouterr().err.splitlines()
        assert err[-1].startswith("iale: ")
        assert words in err[-1]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--strategy", "margn"), "unknown strategy or policy 'margn'"),
        (("--policy", "no-policy"), "unknown strategy or policy 'no-policy'"),
        (("--policy", "mnist-cnn", "--strategy", "badge"), "name one of them"),
        (("--policy", "mnist-mlp", "--strategy", "eherding"), "name one of them"),  # the default, too, if it is named
        (("--policy", "mnist-mlp", "--strategy=eherding"), "--strategy eherding and --policy mnist-mlp"),
        (("--classifier", "cn"), "did you mean 'cnn'"),
        (("--model", "no.such:model"), "cannot be imported"),
        (("--person", "x" * 300), "the name of --person must have 1 to 100"),
        (("--labels", "no.csv"), "there is no no.csv"),
        (("--classes", "a,,b"), "1 to 100 printable characters"),
    ],
)
def test_what_only_the_first_fit_would_find_is_said_before_anything_is_written(
    tmp_path: Path, rows: Path, options: tuple[str, ...], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["label", str(rows), "--out", str(tmp_path / "p"), *options]) == 2
    err = capsys.readouterr().err
    assert words in err
    assert err.count("\n") == 1
    assert not (tmp_path / "p").exists()


def test_a_project_is_not_made_among_the_photos(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Image.new("L", (8, 8)).save(tmp_path / "a.png")
    assert main(["label", str(tmp_path), "--classes", "a,b", "--out", str(tmp_path / "." / "")]) == 2
    assert "--out is the folder of the samples: name one of its own" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]
