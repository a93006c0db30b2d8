"""Embeddings of the tasks of a Label Studio project, by the paths of their images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from iale.errors import DataError
from iale.integrations.label_studio._embedded import EmbeddedTasks
from iale.integrations.label_studio._project import Task
from iale.integrations.label_studio._samples import FolderFiles


def test_each_task_gets_the_embedding_of_its_file(tmp_path: Path) -> None:
    for name in ("a/one.png", "a/two.png", "three.png"):
        (tmp_path / "photos" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (4, 4)).save(tmp_path / "photos" / name)
    rows = np.arange(6, dtype=np.float32).reshape(3, 2)
    np.savez(tmp_path / "e.npz", embeddings=rows, ids=np.array(["three.png", "a/two.png", "a/one.png"]))
    said: list[str] = []
    samples = EmbeddedTasks(tmp_path / "e.npz", FolderFiles(tmp_path / "photos"), said.append)
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
        EmbeddedTasks(tmp_path / "e.npz", FolderFiles(tmp_path / "photos"), said.append)
