"""The loop against a stand-in for Label Studio, and against the real one at LABEL_STUDIO_URL if that is set."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from iale.active_learner import ActiveLearner
from iale.classifiers._own import OwnConfig, own_classifier
from iale.classifiers.base import TrainingConfig
from iale.classifiers.heads import LinearHead
from iale.data.arrays import ArraySamples
from iale.errors import ConfigError, DataError
from iale.geometry import PointSamples, built_in
from iale.integrations.label_studio import _project as project_module
from iale.integrations.label_studio.loop import run
from tests.integrations.label_studio import LEGACY
from tests.integrations.studio import CLASSES, COUNT, IMAGES, TEXTS, TRAINING, Studio, expected, labeled, pictures


@pytest.mark.parametrize("strategy", ["margin", "badge"])
def test_the_best_task_is_served_first(studio: Studio, strategy: str) -> None:
    project, tasks = labeled(studio)
    studio.client.send("PATCH", f"/api/projects/{project}/", {"sampling": "Sequential sampling"})
    (said,) = studio.run(project, strategy=strategy, ahead=6)
    assert said.startswith(
        f"ranked 6 of 21 unlabeled tasks (the classifier mlp, fitted to 9 labels): 'iale {strategy} 9 labels "
    )
    served = [tasks.index(task) for task in studio.served(project, 6)]
    assert served == expected(9, strategy, 6)
    assert set(studio.scores(project).values()) == {rank / 6 for rank in range(6)}


def test_from_no_label_on_the_strategy_orders_what_it_sees(studio: Studio) -> None:
    project, tasks = labeled(studio, 0)
    (said,) = studio.run(project)
    assert "no classifier yet" in said
    order = expected(0, "eherding", COUNT)
    assert [tasks.index(task) for task in studio.served(project, 4)] == order[:4]
    (said,) = studio.run(project)
    assert "no classifier yet" in said
    assert tasks.index(studio.next(project)) == order[4]


def test_a_head_on_the_geometry_asks_where_nobody_names_a_classifier(studio: Studio) -> None:
    project, tasks = labeled(studio)
    cpu = TrainingConfig(device="cpu")
    (said,) = studio.run(project, classifier="auto", training=cpu)
    assert "(a linear head on the built-in geometry, fitted to 9 labels): 'iale eherding 9 labels" in said
    arrays, classes = pictures()
    points = built_in(ArraySamples(arrays))
    inputs = PointSamples(points)
    learner = ActiveLearner(LinearHead(inputs, 3, cpu), inputs, subset_size=None, geometry=points)
    learner.tell(range(9), classes[:9])
    assert [tasks.index(task) for task in studio.served(project, 4)] == learner.ask(4)


@pytest.mark.parametrize("epochs", [20, TrainingConfig().epochs])
def test_texts_and_predictions_that_name_the_class(studio: Studio, epochs: int) -> None:
    project = studio.create(TEXTS)
    texts = [f"{'ripe apples and pears' if n % 2 else 'a hammer and a saw'}, number {n}" for n in range(12)]
    studio.client.send("POST", f"/api/projects/{project}/import", [{"text": text} for text in texts])
    tasks = studio.tasks(project)
    for number in range(6):
        studio.label(tasks[number]["id"], "fruit" if number % 2 else "tools", ("about", "text"))
    (said,) = studio.run(
        project, classifier="auto", prelabel=True, training=TrainingConfig(epochs=epochs, device="cpu")
    )
    assert ("the classifier mlp" if epochs == 20 else "a linear head on the built-in geometry") in said
    predictions = [task["predictions"] for task in studio.tasks(project)]
    assert [len(found) for found in predictions] == [0] * 6 + [1] * 6
    assert sorted(found[0]["score"] for found in predictions[6:]) == pytest.approx([n / 6 for n in range(6)])
    named = [found[0]["result"][0]["value"]["choices"] for found in predictions[6:]]
    assert named == [["fruit"] if number % 2 else ["tools"] for number in range(6, 12)]


OWN = """
from torch import nn

def net(classes):
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.ReLU(), nn.Linear(8, classes))
"""


def test_a_model_of_ones_own_asks(studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own_studio_model.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    project, tasks = labeled(studio)
    studio.run(project, classifier="auto", model="own_studio_model:net")
    arrays, classes = pictures()
    model = own_classifier(OwnConfig(model="own_studio_model:net"), (1, 8, 8), 3, TRAINING)
    learner = ActiveLearner(model, arrays, subset_size=None)
    learner.tell(range(9), classes[:9])
    assert [tasks.index(task) for task in studio.served(project, 4)] == learner.ask(4)


def test_a_new_version_replaces_ours_and_leaves_those_of_others(studio: Studio) -> None:
    project, tasks = labeled(studio)
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
    project, tasks = labeled(studio)
    studio.run(project)
    assert [tasks.index(task) for task in studio.served(project, 3)] == expected(9, "eherding", 3)


def test_the_loop_goes_round_after_every_so_many_labels(studio: Studio) -> None:
    project, tasks = labeled(studio)
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
    with pytest.raises(DataError, match="has no tasks yet: import some"):
        studio.run(project)
    with pytest.raises(ConfigError, match="No Project matches"):
        studio.run(10**6)
    with pytest.raises(ConfigError, match="does not accept the token"):
        run(studio.config(project), LEGACY[::-1], print)
    with pytest.raises(ConfigError, match="does not accept the token"):
        run(studio.config(project), "not.a.jwt", print)
    studio.upload(project, pictures(2)[0])
    studio.client.send("POST", f"/api/projects/{project}/import", [{"picture": "/data/upload/0/nothing.png"}])
    said = studio.run(project)
    assert said[0].endswith(
        f" is left out: {studio.url} refuses /data/upload/0/nothing.png (500: Internal Server Error)."
    )
    assert said[1].startswith("ranked 2 of 2 unlabeled tasks")
