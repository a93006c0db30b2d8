"""The loop against a stand-in of Label Studio, and against a real one where LABEL_STUDIO_URL says where it is."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.request import Request

import numpy as np
import pytest
from PIL import Image

from iale.active_learner import ActiveLearner
from iale.classifiers.base import TrainingConfig
from iale.classifiers.build import build_classifier
from iale.cli.main import main
from iale.data.arrays import ArraySamples
from iale.errors import ConfigError, DataError, IaleError
from iale.integrations.label_studio import project as project_module
from iale.integrations.label_studio.client import Client
from iale.integrations.label_studio.files import FolderFiles
from iale.integrations.label_studio.loop import LoopConfig, run
from iale.integrations.label_studio.project import Labeling, Project, read_label, read_labeling
from iale.testing.label_studio import LEGACY, PERSONAL, LabelStudio, serve

CLASSES = ("dark", "grey", "bright")
CHOICES = "".join(f'<Choice value="{name}"/>' for name in CLASSES)
IMAGES = f'<View><Image name="image" value="$picture"/><Choices name="class" toName="image">{CHOICES}</Choices></View>'
TEXTS = (
    '<View><Text name="text" value="$text"/><Choices name="about" toName="text" choice="single">'
    '<Choice value="Fruit" alias="fruit"/><Choice value="Tools" alias="tools"/></Choices></View>'
)
TRAINING = TrainingConfig(epochs=3, device="cpu")
COUNT = 30


class Studio:
    """A server, real or not, and what a person does there."""

    def __init__(self, url: str, token: str) -> None:
        self.url, self.token = url, token
        self.client = Client(url, token)

    def config(self, project: int, **changes: Any) -> LoopConfig:
        base = {"classifier": "mlp", "resize": (8, 8), "once": True, "training": TRAINING}
        return LoopConfig(self.url, project, **{**base, **changes})

    def run(self, project: int, sleep: Callable[[float], None] = time.sleep, **changes: Any) -> list[str]:
        """One round by default; what the loop said."""
        said: list[str] = []
        run(self.config(project, **changes), self.token, said.append, sleep)
        return said

    def create(self, config: str) -> int:
        number: int = self.client.send("POST", "/api/projects/", {"title": "iale", "label_config": config})["id"]
        return number

    def upload(self, project: int, pictures: np.ndarray[Any, Any]) -> list[int]:
        """Puts images [N, H, W] into the project; the ids of their tasks in the same order."""
        body = b""
        for number, picture in enumerate(pictures):
            head = f'Content-Disposition: form-data; name="{number}"; filename="an image {number:02d}.png"\r\n'
            body += b"--limit\r\n" + head.encode() + b"Content-Type: image/png\r\n\r\n" + png(picture) + b"\r\n"
        request: Request = self.client._authorized(
            "POST", f"{self.url}/api/projects/{project}/import", body + b"--limit--\r\n"
        )
        request.add_header("Content-Type", "multipart/form-data; boundary=limit")
        self.client._open(request)
        return [task["id"] for task in self.tasks(project)]

    def tasks(self, project: int) -> list[Any]:
        answer = self.client.get("/api/tasks/", project=project, page=1, page_size=1000, fields="all")
        return sorted(answer["tasks"], key=lambda task: int(task["id"]))

    def scores(self, project: int) -> dict[int, float]:
        return {task["id"]: one["score"] for task in self.tasks(project) for one in task["predictions"]}

    def next(self, project: int) -> int:
        number: int = self.client.get(f"/api/projects/{project}/next")["id"]
        return number

    def label(self, task: int, name: str, control: tuple[str, str] = ("class", "image")) -> None:
        result = Labeling(*control, "Image", "", ()).result(name)
        self.client.send("POST", f"/api/tasks/{task}/annotations/", {"result": result})

    def served(self, project: int, count: int, name: str = "grey") -> list[int]:
        """The next tasks, each labelled when it is served."""
        found = []
        for _ in range(count):
            found.append(self.next(project))
            self.label(found[-1], name)
        return found


@pytest.fixture
def stand_in() -> Iterator[LabelStudio]:
    with serve() as studio:
        yield studio


@pytest.fixture(params=["stand-in", pytest.param("real", marks=pytest.mark.label_studio)])
def studio(request: pytest.FixtureRequest) -> Studio:
    if request.param == "stand-in":
        return Studio(request.getfixturevalue("stand_in").url, LEGACY)
    if not (url := os.environ.get("LABEL_STUDIO_URL")):
        pytest.skip("LABEL_STUDIO_URL is not set: docs/label-studio.md says how to start a server for this test")
    return Studio(url, os.environ["LABEL_STUDIO_API_KEY"])


@pytest.fixture
def fake(stand_in: LabelStudio) -> Studio:
    return Studio(stand_in.url, LEGACY)


def pictures(count: int = COUNT) -> tuple[np.ndarray[Any, Any], list[int]]:
    """uint8 [N, 8, 8] of three brightnesses with noise, and their classes."""
    rng = np.random.default_rng(0)
    classes = [number % 3 for number in range(count)]
    noise = rng.integers(0, 120, (count, 8, 8))
    return (noise + 60 * np.array(classes)[:, None, None]).astype(np.uint8), classes


def png(picture: np.ndarray[Any, Any]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    return file.getvalue()


def labelled(studio: Studio, count: int = 9) -> tuple[int, list[int]]:
    """A project of images of which the first are labelled, and the ids of its tasks."""
    arrays, classes = pictures()
    project = studio.create(IMAGES)
    tasks = studio.upload(project, arrays)
    for task, label in zip(tasks[:count], classes, strict=False):
        studio.label(task, CLASSES[label])
    return project, tasks


def expected(labels: int, strategy: str, k: int) -> list[int]:
    """What `ActiveLearner` asks for when it is given the same images as an array."""
    arrays, classes = pictures()
    samples = ArraySamples(arrays)
    learner = ActiveLearner(build_classifier("mlp", samples, 3, TRAINING), samples, strategy, subset_size=None)
    if labels:
        learner.tell(range(labels), classes[:labels])
    return learner.ask(k)


# Also against a real server


@pytest.mark.parametrize("strategy", ["margin", "badge"])
def test_the_best_task_is_served_first(studio: Studio, strategy: str) -> None:
    project, tasks = labelled(studio)
    studio.client.send("PATCH", f"/api/projects/{project}/", {"sampling": "Sequential sampling"})
    (said,) = studio.run(project, strategy=strategy, ahead=6)
    assert said.startswith(f"6 of 21 unlabelled tasks are in order (fitted to 9 labels): 'iale {strategy} 9 labels ")
    served = [tasks.index(task) for task in studio.served(project, 6)]
    assert served == expected(9, strategy, 6)
    assert set(studio.scores(project).values()) == {rank / 6 for rank in range(6)}


def test_from_no_label_on_the_order_is_random_until_two_classes_are_seen(studio: Studio) -> None:
    project, tasks = labelled(studio, 0)
    (said,) = studio.run(project)
    assert "no classifier yet" in said
    order = expected(0, "margin", COUNT)
    assert [tasks.index(task) for task in studio.served(project, 4)] == order[:4]
    (said,) = studio.run(project)
    assert "no classifier yet" in said
    assert tasks.index(studio.next(project)) == order[4]


def test_texts_and_predictions_that_name_the_class(studio: Studio) -> None:
    project = studio.create(TEXTS)
    texts = [f"{'ripe apples and pears' if n % 2 else 'a hammer and a saw'}, number {n}" for n in range(12)]
    studio.client.send("POST", f"/api/projects/{project}/import", [{"text": text} for text in texts])
    tasks = studio.tasks(project)
    for number in range(6):
        studio.label(tasks[number]["id"], "fruit" if number % 2 else "tools", ("about", "text"))
    studio.run(project, classifier=None, prelabel=True, training=TrainingConfig(epochs=20, device="cpu"))
    predictions = [task["predictions"] for task in studio.tasks(project)]
    assert [len(found) for found in predictions] == [0] * 6 + [1] * 6
    assert sorted(found[0]["score"] for found in predictions[6:]) == pytest.approx([n / 6 for n in range(6)])
    named = [found[0]["result"][0]["value"]["choices"] for found in predictions[6:]]
    assert named == [["fruit"] if number % 2 else ["tools"] for number in range(6, 12)]


def test_a_new_version_replaces_ours_and_leaves_those_of_others(studio: Studio) -> None:
    project, tasks = labelled(studio)
    theirs = {"task": tasks[0], "score": 0.5, "model_version": "another model", "result": []}
    studio.client.send("POST", f"/api/projects/{project}/import/predictions", [theirs])
    versions = []
    for _ in range(2):
        studio.run(project)
        versions.append(studio.client.get(f"/api/projects/{project}/")["model_version"])
        kept = studio.client.get(f"/api/projects/{project}/model-versions/")
        assert kept == {"another model": 1, versions[-1]: 21}
    assert versions[0] != versions[1]


def test_many_pages_and_batches_are_as_good_as_one(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(project_module, "_PAGE", 7)
    monkeypatch.setattr(project_module, "_BATCH", 4)
    project, tasks = labelled(studio)
    studio.run(project)
    assert [tasks.index(task) for task in studio.served(project, 3)] == expected(9, "margin", 3)


def test_the_loop_goes_round_after_every_so_many_labels(studio: Studio) -> None:
    project, tasks = labelled(studio)
    rounds: list[list[int]] = []

    def person(_: float) -> None:  # labels while the loop sleeps
        if len(rounds) == 2:
            raise KeyboardInterrupt
        rounds.append([tasks.index(task) for task in studio.served(project, 3, CLASSES[len(rounds)])])

    said: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        run(studio.config(project, once=False, every=6), studio.token, said.append, person)
    assert [line.partition("fitted to ")[2][:2] for line in said] == ["9 ", "15"]
    assert len({number for served in rounds for number in served}) == 6
    # Nothing is kept but on the server: another process goes on, to the same order.
    before = studio.scores(project)
    assert "fitted to 15 labels" in studio.run(project)[0]
    assert studio.scores(project) == before


def test_what_is_wrong_is_said_in_one_sentence(studio: Studio) -> None:
    project = studio.create(IMAGES)
    with pytest.raises(DataError, match="none of the 0 tasks could be loaded"):
        studio.run(project)
    with pytest.raises(ConfigError, match="No Project matches"):
        studio.run(10**6)
    with pytest.raises(ConfigError, match="does not take the token"):
        run(studio.config(project), LEGACY[::-1], print)
    with pytest.raises(ConfigError, match="does not take the token"):
        run(studio.config(project), "not.a.jwt", print)
    studio.upload(project, pictures(2)[0])
    studio.client.send("POST", f"/api/projects/{project}/import", [{"picture": "/data/upload/0/nothing.png"}])
    said = studio.run(project)
    assert said[0].endswith(
        f" is left out: {studio.url} refuses /data/upload/0/nothing.png (500: Internal Server Error)."
    )
    assert said[1].startswith("2 of 2 unlabelled tasks are in order")


# What only a stand-in can do


@pytest.mark.parametrize("failures", [[503, 502, 200], [0, 200], [429], [200] * 4 + [503, 0, 504]])
def test_failures_are_said_and_tried_again(fake: Studio, stand_in: LabelStudio, failures: list[int]) -> None:
    project, tasks = labelled(fake)
    slept: list[float] = []
    stand_in.failures = [200, *failures]
    said = fake.run(project, slept.append)
    bad = len([status for status in failures if status != 200])
    assert slept == [1.0, 2.0, 4.0][:bad]
    assert len(said) == bad + 1
    assert all("trying again in " in line and line.startswith(stand_in.url) for line in said[:-1])
    assert [tasks.index(task) for task in fake.served(project, 3)] == expected(9, "margin", 3)


def test_patience_ends(fake: Studio, stand_in: LabelStudio) -> None:
    project, _ = labelled(fake)
    stand_in.failures = [200] + [500] * 99
    with pytest.raises(IaleError, match="was tried again for 0 s: start the same command again later"):
        fake.run(project, patience=0)
    stand_in.failures = [500]
    with pytest.raises(ConfigError, match="check the address and that Label Studio runs there"):
        fake.run(project)


def test_a_failure_between_two_batches_leaves_the_old_version(
    fake: Studio, stand_in: LabelStudio, monkeypatch: pytest.MonkeyPatch
) -> None:
    project, _ = labelled(fake)
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
    project, _ = labelled(fake)
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
    assert said.startswith("3 of 3 unlabelled tasks are in order")
    assert other.requests == [f"GET /{number}.png" for number in range(3)]
    assert other.authorizations == [""] * 3
    assert set(stand_in.authorizations) == {f"Token {LEGACY}"}
    assert LEGACY not in "".join(capsys.readouterr())


@pytest.mark.parametrize(
    "address", ["file:///etc/hostname", "ftp://127.0.0.1/a.png", "s3://bucket/a.png", "data:,a", "http://a:x/"]
)
def test_only_the_web_is_read(fake: Studio, address: str) -> None:
    with pytest.raises(DataError, match="is no address of the web"):
        fake.client.fetch(address)


def test_addresses_with_spaces_and_umlauts_are_quoted(fake: Studio, stand_in: LabelStudio) -> None:
    stand_in._files["/%C3%BC%20%2F.png"] = b"here"
    assert fake.client.fetch("/ü %2F.png") == b"here"


def test_another_server_is_told_from_a_label_studio(stand_in: LabelStudio) -> None:
    stand_in._files = {"/api/projects/1/": b"<html>", "/api/projects/2/": b"[]"}
    for number in stand_in._files:
        with pytest.raises(ConfigError, match="does not answer as a Label Studio does"):
            Project(Client(stand_in.url, LEGACY), int(number[14])).state()
    stand_in.failures = [200]
    stand_in._refresh = lambda body: None  # type: ignore[method-assign, assignment, return-value]
    with pytest.raises(ConfigError, match="does not take the token"):
        Project(Client(stand_in.url, PERSONAL), 1).state()


def test_images_of_a_folder_are_found_by_path_or_name(tmp_path: Path) -> None:
    for name in ("a/x.png", "b/x.png", "b/the one (1).png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    files = FolderFiles(tmp_path)
    assert files.read("/data/local-files/?d=some/where/a/x.png") == b"a/x.png"
    assert files.read("http://elsewhere/b/x.png?size=3") == b"b/x.png"
    assert files.read("/data/upload/7/0123abcd-the_one_1.png") == b"b/the one (1).png"
    for address in ("/data/upload/7/0123abcd-x.png", "/data/upload/7/y.png", f"/../{tmp_path.name}/../secret.png"):
        with pytest.raises(DataError, match=r"(2|no) files in .* are called "):
            files.read(address)


def test_the_folder_spares_the_server(fake: Studio, stand_in: LabelStudio, tmp_path: Path) -> None:
    for number, picture in enumerate(pictures()[0]):
        (tmp_path / f"an image {number:02d}.png").write_bytes(png(picture))
    project, tasks = labelled(fake)
    fake.run(project, data=tmp_path)
    assert not any("/data/" in request for request in stand_in.requests)
    assert [tasks.index(task) for task in fake.served(project, 3)] == expected(9, "margin", 3)


LABELING = Labeling("class", "image", "Image", "picture", CLASSES)


@pytest.mark.parametrize(
    ("choices", "label"),
    [
        ([], None),
        (["dark"], 0),
        (["dark", "bright", "bright"], 2),
        (["dark", "bright"], 2),  # the later one
        (["-dark", "grey"], 1),  # skipped
        (["-dark"], None),
        (["mauve", "grey"], 1),  # no more in the configuration
        (["", "dark"], 0),  # submitted without a choice
    ],
)
def test_the_label_of_a_task(choices: list[str], label: int | None) -> None:
    annotations = [
        {
            "result": LABELING.result(choice.strip("-")) if choice else [],
            "was_cancelled": choice.startswith("-"),
            "updated_at": f"2026-01-01T00:00:{second:02d}Z",
        }
        for second, choice in enumerate(choices)
    ]
    assert read_label(annotations, LABELING) == label
    assert read_label(annotations[::-1], LABELING) == label


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ("<View/>", "has 0 Choices tags"),
        (
            IMAGES.replace("</View>", f'<Choices name="b" toName="image">{CHOICES}</Choices></View>'),
            "has 2 Choices tags",
        ),
        (IMAGES.replace("Image", "Audio"), "is about Audio"),
        (TEXTS.replace("<Text ", '<Text valueType="url" '), "is about Text"),
        (IMAGES.replace(CHOICES, '<Choice value="dark"/>'), "has 1 classes"),
        (TEXTS.replace("single", "multiple"), "allows several choices"),
        (IMAGES.replace("<Choices ", '<Choices perRegion="true" '), "or one per region"),
    ],
)
def test_other_labeling_configurations_are_refused(fake: Studio, config: str, sentence: str) -> None:
    with pytest.raises(DataError, match=f"{sentence}.*: a Choices tag with at least two choices"):
        Project(fake.client, fake.create(config)).labeling()


def test_the_labeling_configuration() -> None:
    with serve() as studio:
        fake = Studio(studio.url, LEGACY)
        assert Project(fake.client, fake.create(IMAGES)).labeling() == LABELING
        texts = Project(fake.client, fake.create(TEXTS)).labeling()
        assert texts == Labeling("about", "text", "Text", "text", ("fruit", "tools"))
    with pytest.raises(DataError, match="is no XML"):
        read_labeling(studio.projects[1]["parsed_label_config"], "<View>")


# The command


def test_ctrl_c_stops_the_command(fake: Studio, stand_in: LabelStudio) -> None:
    project, _ = labelled(fake)
    options = f"--project {project} --classifier mlp --epochs 1 --device cpu --poll 0.1"
    command = [sys.executable, "-m", "iale", "label-studio", "--url", fake.url, *options.split()]
    environment = {**os.environ, "LABEL_STUDIO_API_KEY": LEGACY}
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        deadline = time.monotonic() + 60
        while not any(request.startswith("PATCH") for request in stand_in.requests) and time.monotonic() < deadline:
            time.sleep(0.02)
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert out == ""
    assert "tasks are in order" in err
    assert err.endswith("stopped; run the same command to go on\n")
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ("--url localhost:8080 --project 1", "--url takes the address of a Label Studio"),
        ("--url http://me:secret@localhost --project 1", "--url takes the address of a Label Studio"),
        ("--url http://localhost --project 0", "--project takes the number of a project, not 0"),
        ("--url http://localhost --project 1 --every 0", "--every and --ahead take a number of at least 1"),
        ("--url http://localhost --project 1 --resize 3", "--resize takes a height and a width"),
        ("--url http://localhost --project 1 --poll 0", "--poll takes a number of seconds above 0"),
        ("--url http://localhost --project 1 --classifier deep", "unknown classifier 'deep'"),
        ("--url http://localhost --project 1 --token secret", "does not know '--token'"),
        ("--url http://localhost --project 1", "the environment variable LABEL_STUDIO_API_KEY is empty"),
    ],
)
def test_bad_options(
    options: str, sentence: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("LABEL_STUDIO_API_KEY", raising=False)
    assert main(["label-studio", *options.split()]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert sentence in err
    assert "secret" not in err
    assert len(err.splitlines()) == 1


def test_a_token_that_cannot_be_one_is_not_repeated() -> None:
    for token in ("", "two words", "a\nb", "ü"):
        with pytest.raises(ConfigError, match="copy it again") as caught:
            Client("http://localhost", token)
        assert not token or token not in str(caught.value)
