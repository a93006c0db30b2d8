"""Embeddings of the tasks of a Label Studio project: by the paths of images, by texts, or by the numbers of tasks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from iale.active_learner import ActiveLearner
from iale.classifiers.base import TrainingConfig
from iale.classifiers.heads import LinearHead
from iale.errors import DataError
from iale.geometry import Averages, PointSamples, as_geometry
from iale.integrations.label_studio._embedded import by_file
from iale.integrations.label_studio._project import Task
from iale.integrations.label_studio._samples import FolderFiles
from iale.integrations.label_studio.loop import run
from tests.integrations.label_studio import LabelStudio
from tests.integrations.studio import TEXTS, Studio, labeled

LABELED = 6
CPU = TrainingConfig(device="cpu")


def test_each_task_gets_the_embedding_of_its_file(tmp_path: Path) -> None:
    for name in ("a/one.png", "a/two.png", "three.png"):
        (tmp_path / "photos" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (4, 4)).save(tmp_path / "photos" / name)
    rows = np.arange(6, dtype=np.float32).reshape(3, 2)
    np.savez(tmp_path / "e.npz", embeddings=rows, ids=np.array(["three.png", "a/two.png", "a/one.png"]))
    said: list[str] = []
    samples = by_file(tmp_path / "e.npz", FolderFiles(tmp_path / "photos"), said.append)
    tasks = [
        Task(7, "/data/upload/1/0a1b2c3d-three.png", None),
        Task(8, "/data/local-files/?d=photos/a/one.png", 1),
        Task(9, "/data/upload/1/none.png", None),
        Task(10, None, None),
    ]
    for _ in range(2):  # said once
        found = samples.rows(tasks)
        assert list(found) == [7, 8]
    inputs = samples.batch(torch.tensor(list(found.values())))
    torch.testing.assert_close(inputs, torch.nn.functional.normalize(torch.from_numpy(rows[[0, 2]])))
    assert [line.split(":")[0] for line in said] == ["task 9 is left out", "task 10 is left out"]
    Image.new("L", (4, 4)).save(tmp_path / "photos" / "four.png")
    with pytest.raises(DataError, match=r"has no embedding of 'four\.png'"):
        by_file(tmp_path / "e.npz", FolderFiles(tmp_path / "photos"), said.append)


def texts(studio: Studio, count: int = 14) -> tuple[int, list[int], NDArray[np.float32]]:
    """A project of texts of which the first six are labeled, its tasks, and their embeddings."""
    project = studio.create(TEXTS)
    add(studio, project, [f"text  number {number}" for number in range(count)])
    tasks = [task["id"] for task in studio.tasks(project)]
    for number in range(LABELED):
        studio.label(tasks[number], "fruit" if number % 2 else "tools", ("about", "text"))
    rows = np.random.default_rng(0).normal(size=(count, 5)).astype(np.float32)
    return project, tasks, rows + 3 * (np.arange(count)[:, None] % 2).astype(np.float32)


def add(studio: Studio, project: int, found: list[str]) -> None:
    studio.client.send("POST", f"/api/projects/{project}/import", [{"text": text} for text in found])


def asked(rows: NDArray[np.float32]) -> list[int]:
    """What `ActiveLearner` asks for with the same embeddings."""
    points = as_geometry(rows, len(rows))
    inputs = PointSamples(points)
    learner = ActiveLearner(LinearHead(inputs, 2, CPU), inputs, subset_size=None, geometry=points)
    learner.tell(range(LABELED), [1 - number % 2 for number in range(LABELED)])  # fruit comes first in TEXTS
    return learner.ask(4)


def served(studio: Studio, project: int, tasks: list[int], **options: Any) -> tuple[list[str], list[int]]:
    """What the loop said, and the best four tasks."""
    said = studio.run(project, classifier="auto", training=CPU, **options)
    scores = studio.scores(project)
    return said, [tasks.index(task) for task in sorted(scores, key=scores.__getitem__)][:4]


def test_embeddings_of_texts_are_found_by_the_numbers_of_tasks(studio: Studio, tmp_path: Path) -> None:
    project, tasks, rows = texts(studio)
    mixed = np.random.default_rng(1).permutation(len(rows))
    np.savez(tmp_path / "e.npz", embeddings=rows[mixed], ids=np.array(tasks)[mixed])
    np.save(tmp_path / "e.npy", rows)  # in the order of the tasks
    for name in ("e.npz", "e.npy"):
        said, first = served(studio, project, tasks, embeddings=tmp_path / name)
        assert said[0].startswith(
            "ranked 8 of 8 unlabeled tasks (a linear head on your embeddings, fitted to 6 labels)"
        )
        assert first == asked(rows)
    add(studio, project, ["one more"])
    with pytest.raises(DataError, match=r"e\.npz has no embedding of '\d+': add it.*an id is a number of a task"):
        studio.run(project, embeddings=tmp_path / "e.npz")
    with pytest.raises(DataError, match=r"14 rows for 15 samples: give a row for each number of a task"):
        studio.run(project, embeddings=tmp_path / "e.npy")


def test_embeddings_are_averaged_with_their_neighbors(studio: Studio, tmp_path: Path) -> None:
    """Among those of all tasks, as `Averages` does; the strategy and the head both see the averages."""
    project, tasks, rows = texts(studio, 60)
    np.savez(tmp_path / "e.npz", embeddings=rows, ids=np.array(tasks))
    points = as_geometry(rows, len(rows))
    averages = Averages(points, 3).of(points).read().numpy()
    for neighbors, seen in ((0, rows), (3, averages)):
        _, first = served(studio, project, tasks, embeddings=tmp_path / "e.npz", neighbors=neighbors)
        assert first == asked(seen)
    assert asked(rows) != asked(averages)
    said, first = served(studio, project, tasks, neighbors=3)  # their built-in geometry can be averaged, too
    assert len(first) == 4
    assert "a linear head on the built-in geometry, fitted to 6 labels" in said[0]


def test_a_task_that_comes_later_waits_for_its_embedding(studio: Studio, tmp_path: Path) -> None:
    project, tasks, rows = texts(studio)
    np.savez(tmp_path / "e.npz", embeddings=rows, ids=np.array(tasks))
    said: list[str] = []
    options = {"classifier": "auto", "training": CPU, "embeddings": tmp_path / "e.npz", "once": False}

    def person(_: float) -> None:
        if len(said) > 1:
            raise KeyboardInterrupt
        add(studio, project, ["one more"])

    with pytest.raises(KeyboardInterrupt):
        run(studio.config(project, **options), studio.token, said.append, person)
    late = max(task["id"] for task in studio.tasks(project))
    assert said[1] == (
        f"task {late} is left out: {tmp_path}/e.npz has no embedding of it: add it and start the same command again."
    )
    assert said[2].startswith("ranked 8 of 8 unlabeled tasks")


def test_embeddings_of_texts_are_found_by_the_names_of_a_table(studio: Studio, tmp_path: Path) -> None:
    """The names are those that `iale data` prints; of two rows with one text, the first counts."""
    project, tasks, rows = texts(studio)
    add(studio, project, ["not in the table"])
    mixed = np.random.default_rng(1).permutation(len(rows)).tolist()
    lines = [f"t{number},text number {number}" for number in mixed]
    (tmp_path / "texts.csv").write_text("\n".join(["id,text", *lines, "again,text number 3"]))
    ids = [f"t{number}" for number in range(len(rows))] + ["again"]
    np.savez(tmp_path / "e.npz", embeddings=np.concatenate([rows, rows[:1]]), ids=np.array(ids))
    said, first = served(studio, project, tasks, embeddings=tmp_path / "e.npz", data=tmp_path / "texts.csv")
    assert said[1].endswith(f"is left out: its text is not in {tmp_path}/texts.csv: add it there, and its embedding.")
    assert said[2].startswith("ranked 8 of 8 unlabeled tasks (a linear head on your embeddings, fitted to 6 labels)")
    assert first == asked(rows)
    (tmp_path / "rows.csv").write_text("id,a,b\nx,1,2\ny,3,4\n")
    with pytest.raises(DataError, match=r"rows\.csv holds no texts, and the tasks show texts"):
        studio.run(project, embeddings=tmp_path / "e.npz", data=tmp_path / "rows.csv")


def test_numbers_of_tasks_spare_the_images(fake: Studio, stand_in: LabelStudio, tmp_path: Path) -> None:
    project, tasks = labeled(fake)
    np.savez(tmp_path / "e.npz", embeddings=np.random.default_rng(0).normal(size=(len(tasks), 3)), ids=np.array(tasks))
    (said,) = fake.run(project, classifier="auto", embeddings=tmp_path / "e.npz", training=CPU)
    assert said.startswith("ranked 21 of 21 unlabeled tasks (a linear head on your embeddings")
    assert not any("/data/" in request for request in stand_in.requests)
