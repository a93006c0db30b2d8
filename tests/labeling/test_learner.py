from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from tests.labeling.conftest import QUICK, Make, label_some, write_images
from torch import nn

import iale
from iale.errors import ConfigError, DataError, IaleError, IaleWarning, ModelError
from iale.labeling.learner import ProjectLearner
from iale.labeling.project import Project
from iale.labeling.record.config import ProjectConfig


def test_people_and_python_label_one_project(make: Make) -> None:
    project = make(count=80, test_share=0.1)
    label_some(project, 10)
    learner = iale.ProjectLearner(project.folder)
    index = project.items.ids.index
    assert set(learner.labeled) == {index(sample) for sample in project.labels_to_learn_from()}
    chosen = learner.ask(6)
    held = {project.items.ids[row] for row in chosen}
    assert not held & {t.sample for t in project.next("ann", 40)}  # kept for Python
    learner.tell(chosen, [row % 2 for row in chosen])
    assert held <= set(project.labels())
    assert {project.decision(s).person for s in held} == {"python"}  # type: ignore[union-attr]
    more = label_some(project, 3, "bo")
    learner.ask(1)
    learned = {index(sample) for sample in more} & {index(s) for s in project.labels_to_learn_from()}
    assert learned <= set(learner.labeled)
    project.label("ann", project.items.ids[chosen[0]], "even")
    project.undo("bo")
    learner.fit()
    assert dict(zip(learner.labeled, learner._learner.pool.labels.tolist(), strict=True))[chosen[0]] == 0
    assert len(learner.labeled) == len(project.labels_to_learn_from())


def test_the_test_share_is_never_asked_for(make: Make) -> None:
    project = make(count=60, test_share=0.5, subset_size=None)
    label_some(project, 6)
    learner = ProjectLearner(project, nn.Linear(2, 2), "random")
    left = [row for row in range(60) if not project.shares.reserved[row] and row not in learner.labeled]
    assert sorted(learner.ask(len(left))) == left
    with pytest.raises(ConfigError, match="ask for 1 to"):
        learner.ask(len(left) + 1)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"strategy": "magin"}, "did you mean 'margin'"),
        ({"classes": "cat"}, r"not the text 'cat': \('cat',\)"),
        ({"classes": (0, 1)}, "the name of a class is a text, not 0: give it in quotes"),
        ({"data": [[1.0, 2.0]]}, "data is the path of a file or a folder, not list"),
    ],
)
def test_a_project_is_not_begun_with_what_cannot_work(tmp_path: Path, wrong: dict[str, Any], said: str) -> None:
    np.savez(tmp_path / "x.npz", x=np.random.default_rng(0).normal(size=(20, 3)))
    with pytest.raises(IaleError, match=said):
        Project.create(
            tmp_path / "project", ProjectConfig(**{"data": tmp_path / "x.npz", "classes": ("a", "b"), **wrong})
        )
    assert not (tmp_path / "project").exists()


def test_embeddings_are_named_as_data_are(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", x=np.random.default_rng(0).normal(size=(20, 3)))
    config = ProjectConfig(str(tmp_path / "x.npz"), ("a", "b"), embeddings=str(tmp_path / "x.npz"))  # type: ignore[arg-type]
    assert len(ProjectLearner(Project.create(tmp_path / "project", config)).ask(3)) == 3


def test_a_correction_is_told_and_mistakes_change_nothing(make: Make) -> None:
    project = make()
    learner = ProjectLearner(project)
    learner.tell([0, 1], [0, 1])
    learner.tell([0], [1])
    assert [e.label for e in project.history(project.items.ids[0])] == ["even", "odd"]
    before = project.changes()
    for indices, labels in (
        ([1, 60], [0, 0]),
        ([2], [2]),
        ([2, 2], [0, 0]),
        ([2], [0, 1]),
        ([2, 3], pd.Series([0, 1], index=[3, 2])),
        ([True], [0]),
        (["a"], [0]),
    ):
        with pytest.raises(DataError):
            learner.tell(indices, labels)  # type: ignore[arg-type]
    assert project.changes() == before
    project.add_class("ann", "third")
    with pytest.raises(ModelError, match="now has 3 classes"):
        learner.ask(1)


def test_images_that_cannot_be_read_are_never_asked_for(tmp_path: Path) -> None:
    write_images(tmp_path / "data", 12)
    for number in range(4):
        (tmp_path / "data" / f"broken-{number}.png").write_bytes(b"no image")
    config = ProjectConfig(tmp_path / "data", ("even", "odd"), test_share=0.0, training=QUICK)
    project = Project.create(tmp_path / "p", config)
    learner = ProjectLearner(project)
    first = learner.ask(6)
    assert all("broken" not in project.items.name(row) for row in first)
    learner.tell(first, [place % 2 for place in range(6)])
    project.label("ann", project.items.ids[0], "odd")
    assert "broken" in project.items.name(0)
    assert all("broken" not in project.items.name(row) for row in learner.ask(6))
    assert 0 not in learner.labeled


def test_a_project_needs_classes(make: Make) -> None:
    with pytest.raises(ConfigError, match="at least 2 classes"):
        ProjectLearner(make(classes=("one",)))


def test_margin_asks_where_the_samples_cannot_be_compared(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise DataError("no sample can be compared.")

    project = make(strategy="eherding")
    label_some(project, 6)
    monkeypatch.setattr("iale.labeling._views.built_in", fails)
    with pytest.warns(IaleWarning, match="margin asks instead of eherding, which compares all samples: no sample can"):
        learner = ProjectLearner(project.folder)
    assert getattr(learner.strategy, "name", "") == "margin"
    assert len(learner.ask(3)) == 3
    with pytest.raises(DataError, match="no sample can be compared"):
        ProjectLearner(project.folder, strategy="eherding")  # what the user names is not replaced
