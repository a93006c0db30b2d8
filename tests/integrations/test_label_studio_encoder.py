"""``iale label-studio --with ENCODER``: each task is encoded once, and the next start reads its vector."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from iale.active_learner import ActiveLearner
from iale.classifiers.base import TrainingConfig
from iale.classifiers.heads import LinearHead
from iale.errors import ConfigError
from iale.geometry import PointSamples, as_geometry
from iale.integrations.label_studio import _encoded
from iale.integrations.label_studio.loop import run
from tests.integrations.label_studio import LabelStudio
from tests.integrations.studio import TEXTS, Studio, labeled, pictures, png

ENCODER = """
import pathlib
def count(batch):
    with pathlib.Path("calls").open("a") as file:
        file.write(f"{len(batch)} ")
def encode(batch):
    count(batch)
    if isinstance(batch, list):
        return [[float(len(text)), float(text.count("e")), 1.0] for text in batch]
    assert batch.shape[1:] == (3, 8, 8), batch.shape
    return batch[:, 1].flatten(1)[:, ::7].float() + 1
def sized(batch):
    assert batch.shape[1:] == (3, 5, 4), batch.shape
    return batch.float().flatten(1)
sized.size = (5, 4)
"""
CPU = TrainingConfig(device="cpu")
WITH: dict[str, Any] = {"with_": "encoders_:encode", "classifier": "auto", "training": CPU}
LABELED = 9


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "encoders_", raising=False)
    Path("encoders_.py").write_text(ENCODER)


def encoded() -> int:
    """How many tasks the encoder has seen since this was asked last."""
    calls = Path("calls")
    found = sum(map(int, calls.read_text().split())) if calls.exists() else 0
    calls.unlink(missing_ok=True)
    return found


def asked(rows: NDArray[np.float32], labels: Sequence[int], classes: int, k: int) -> list[int]:
    """What `ActiveLearner` asks for with the same vectors."""
    points = as_geometry(rows, len(rows))
    inputs = PointSamples(points)
    learner = ActiveLearner(LinearHead(inputs, classes, CPU), inputs, subset_size=None, geometry=points)
    learner.tell(range(len(labels)), labels)
    return learner.ask(k)


def served(studio: Studio, project: int, tasks: list[int], k: int) -> list[int]:
    scores = studio.scores(project)
    return [tasks.index(task) for task in sorted(scores, key=scores.__getitem__)][:k]


def vectors() -> NDArray[np.float32]:
    """What the encoder makes of `pictures`."""
    return (pictures()[0].reshape(-1, 64)[:, ::7] + 1.0).astype(np.float32)


def downloads(stand_in: LabelStudio) -> int:
    return sum("/data/" in request for request in stand_in.requests)


def test_images_are_downloaded_and_encoded_once(studio: Studio) -> None:
    project, tasks = labeled(studio)
    said = studio.run(project, **WITH)
    assert said[0] == "looking at all samples with encoders_:encode"
    told = "ranked 21 of 21 unlabeled tasks (a linear head on the vectors of encoders_:encode, fitted to 9 labels)"
    assert said[1].startswith(told)
    assert served(studio, project, tasks, 4) == asked(vectors(), pictures()[1][:LABELED], 3, 4)
    assert encoded() == len(tasks)
    again = studio.run(project, **WITH)
    assert again[0].startswith("the vectors of encoders_:encode are read from the cache")
    assert served(studio, project, tasks, 4) == asked(vectors(), pictures()[1][:LABELED], 3, 4)
    assert encoded() == 0


def test_only_tasks_that_come_later_are_encoded_later(
    fake: Studio, stand_in: LabelStudio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_encoded, "_TOGETHER", 8)
    project, tasks = labeled(fake)
    said: list[str] = []
    seen: list[int] = []

    def person(_: float) -> None:
        seen.append(encoded())
        if len(seen) > 1:
            raise KeyboardInterrupt
        fake.upload(project, pictures()[0][:2])

    with pytest.raises(KeyboardInterrupt):
        run(fake.config(project, **WITH, once=False), fake.token, said.append, person)
    assert seen == [len(tasks), 2]
    assert said[-1].startswith("ranked 23 of 23 unlabeled tasks")
    before = downloads(stand_in)
    fake.run(project, **WITH)
    assert encoded() == downloads(stand_in) - before <= 8  # those that share a file with the new ones


def test_a_task_that_cannot_be_loaded_is_left_out(
    fake: Studio, stand_in: LabelStudio, monkeypatch: pytest.MonkeyPatch
) -> None:
    project, tasks = labeled(fake)
    path, whole = next((path, data) for path, data in stand_in._files.items() if "_12" in path)
    stand_in._files[path] = b"no image"
    missing = [{"picture": "/data/upload/0/nothing.png"}, {"other": 1}]
    fake.client.send("POST", f"/api/projects/{project}/import", missing)
    for together in (256, 1):  # alone in its file, too
        monkeypatch.setattr(_encoded, "_TOGETHER", together)
        for _ in range(2):
            said = fake.run(project, **WITH)
            left_out = [line for line in said if " is left out: " in line]
            assert [line.split(" is left out: ")[0] for line in left_out] == [
                f"task {tasks[12]}",
                f"task {len(tasks) + 1}",
                f"task {len(tasks) + 2}",
            ]
            assert "is not a readable image" in left_out[0]
            assert "refuses /data/upload/0/nothing.png (500" in left_out[1]
            assert said[-1].startswith("ranked 20 of 20 unlabeled tasks")
    stand_in._files[path] = whole
    assert fake.run(project, **WITH)[-1].startswith("ranked 21 of 21 unlabeled tasks")
    assert served(fake, project, tasks, 4) == asked(vectors(), pictures()[1][:LABELED], 3, 4)


def test_texts_reach_an_encoder_as_texts(fake: Studio) -> None:
    project = fake.create(TEXTS)
    texts = [("pear " if number % 2 else "hammer ") * (number + 1) for number in range(14)]
    fake.client.send("POST", f"/api/projects/{project}/import", [{"text": text} for text in texts])
    tasks = [task["id"] for task in fake.tasks(project)]
    for number in range(6):
        fake.label(tasks[number], "fruit" if number % 2 else "tools", ("about", "text"))
    rows = np.array([[len(text), text.count("e"), 1] for text in texts], np.float32)
    for seen in (14, 0):
        said = fake.run(project, **WITH)
        assert said[-1].startswith("ranked 8 of 8 unlabeled tasks (a linear head on the vectors of encoders_:encode")
        assert served(fake, project, tasks, 4) == asked(rows, [1 - number % 2 for number in range(6)], 2, 4)
        assert encoded() == seen


def test_images_in_a_folder_are_read_there(fake: Studio, stand_in: LabelStudio) -> None:
    project, tasks = labeled(fake)
    Path("photos").mkdir()
    for number, picture in enumerate(pictures()[0]):
        Path(f"photos/an image {number:02d}.png").write_bytes(png(picture))
    options = {**WITH, "data": Path("photos")}
    fake.run(project, **options)
    assert served(fake, project, tasks, 4) == asked(vectors(), pictures()[1][:LABELED], 3, 4)
    assert encoded() == len(tasks)
    fake.run(project, **options)
    assert encoded() == 0
    other = np.full((8, 8), 250, np.uint8)
    Path("photos/an image 20.png").write_bytes(png(other))
    fake.run(project, **options)
    assert encoded() == len(tasks)
    changed = vectors()
    changed[20] = 251
    assert served(fake, project, tasks, 4) == asked(changed, pictures()[1][:LABELED], 3, 4)
    assert not downloads(stand_in)


def test_an_encoder_gets_images_in_the_size_that_it_wants(fake: Studio) -> None:
    project, _ = labeled(fake)
    assert fake.run(project, **{**WITH, "with_": "encoders_:sized"})[-1].startswith("ranked 21 of 21")


def test_mistakes_are_said_before_anything_is_fetched(fake: Studio, stand_in: LabelStudio) -> None:
    for options in ({"embeddings": Path("e.npz")}, {"model": "encoders_:encode"}):
        with pytest.raises(ConfigError, match="--with makes vectors for the model: leave out --embeddings and --model"):
            fake.config(1, **{**WITH, **options})
    with pytest.raises(ConfigError, match=r"is not one of timm:MODEL"):
        fake.run(1, **{**WITH, "with_": "encoders_"})
    with pytest.raises(ConfigError, match="cannot be imported"):
        fake.run(1, **{**WITH, "with_": "encoders_:absent"})
    assert not stand_in.requests
