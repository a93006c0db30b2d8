"""Averages of neighbors are used where they help, and the labels tell where they harm."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from iale.classifiers._folds import stratified_folds
from iale.classifiers.base import Classifier, FitJob, TrainingConfig
from iale.classifiers.heads import LinearHead
from iale.data.arrays import ArraySamples
from iale.data.samples import Samples
from iale.geometry import PointSamples, as_geometry
from iale.labeling import export_classifier, load_classifier
from iale.labeling.fitting import _gate
from iale.labeling.fitting._background import make_geometry
from iale.labeling.fitting._fit import Refitter
from iale.labeling.items._reading import Reading
from iale.labeling.project import Project
from iale.labeling.record.config import ProjectConfig
from iale.seeding import Stream

TOPICS, EACH = 30, 16


def sayings() -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Each topic is said in two languages: the nearest neighbors of a sample are of its topic, whatever it is in."""
    rng = np.random.default_rng(5)
    topics, voices = rng.normal(size=(TOPICS, 40)), rng.normal(size=(2, 40))
    labels = np.arange(TOPICS * EACH) % 2
    noise = 0.05 * rng.normal(size=(TOPICS * EACH, 40))
    rows = np.repeat(topics, EACH, axis=0) + 0.25 * voices[labels] + noise
    return rows.astype(np.float32), labels


def make(tmp_path: Path, rows: NDArray[np.float32], classifier: str = "auto") -> Project:
    np.savez(tmp_path / "x.npz", x=np.arange(len(rows), dtype=np.float32)[:, None])
    np.save(tmp_path / "e.npy", rows)
    config = ProjectConfig(
        tmp_path / "x.npz",
        ("a", "b"),
        embeddings=tmp_path / "e.npy",
        classifier=classifier,
        neighbors=10,
        training=TrainingConfig(device="cpu"),
        test_share=0.0,
        twice_share=0.0,
    )
    return Project.create(tmp_path / "p", config)


def about(project: Project, rows: NDArray[np.int64], labels: NDArray[np.int64]) -> str:
    """Labels these rows and fits, as the fitting process does; what it says about the model."""
    project.add_labels("ann", {project.items.ids[row]: "ab"[labels[row]] for row in rows.tolist()}, "chosen")
    reader = project.reader
    Refitter(reader, Reading(reader.items, reader.views.inputs)).fit()
    assert reader.fits.latest is not None
    return str(reader.fits.latest.model)


def test_averages_that_harm_are_not_used(tmp_path: Path) -> None:
    rows, labels = sayings()
    project = make(tmp_path, rows)
    make_geometry(str(project.folder))
    order = np.random.default_rng(1).permutation(len(rows))
    assert about(project, order[:19], labels) == "a linear head on your embeddings, averaged with neighbors"
    said = about(project, order[:60], labels)
    assert said == "a linear head on your embeddings; averages of neighbors did worse in cross-validation at 60 labels"
    said = about(project, order[:70], labels)  # it is asked again when there are a quarter more labels
    assert said.endswith("at 60 labels")
    said = about(project, order[:75], labels)
    assert said.endswith("at 75 labels")
    export_classifier(project, tmp_path / "out")
    kept = load_classifier(tmp_path / "out")
    predicted = kept.predict(ArraySamples(rows / np.linalg.norm(rows, axis=1, keepdims=True)))
    assert np.mean(np.array(predicted) == np.array(list("ab"))[labels]) > 0.9
    project.close()


def test_averages_that_help_stay(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    labels = np.arange(400) % 2
    rows = (0.35 * rng.normal(size=(2, 30))[labels] + rng.normal(size=(400, 30))).astype(np.float32)
    project = make(tmp_path, rows)
    make_geometry(str(project.folder))
    assert about(project, rng.permutation(400)[:40], labels) == (
        "a linear head on your embeddings, averaged with neighbors"
    )
    identity = project.reader.views.averages_identity
    verdict = _gate.read_verdict(project.folder, identity)
    assert verdict is not None
    assert verdict.labels == 40
    assert verdict.gain > 0
    assert _gate.read_verdict(project.folder, "others") is None
    assert [count for count in range(100) if _gate.is_due(project.folder, identity, count)] == list(range(50, 100))
    assert [count for count in range(100) if _gate.is_due(project.folder, "others", count)] == list(range(20, 100))
    project.close()


def test_a_classifier_that_is_named_sees_samples_as_they_are_and_nothing_is_compared(tmp_path: Path) -> None:
    rows, labels = sayings()
    project = make(tmp_path, rows, classifier="linear")
    make_geometry(str(project.folder))
    assert about(project, np.arange(40), labels) == "the classifier linear"
    assert _gate.read_verdict(project.folder, project.reader.views.averages_identity) is None
    assert project.reader.views.averages() is None
    project.close()


@pytest.mark.parametrize(("count", "averaged"), [(19, False), (20, True)])
def test_there_are_neighbors_from_20_samples_on(count: int, averaged: bool, tmp_path: Path) -> None:
    rows, labels = sayings()
    project = make(tmp_path, rows[:count])
    make_geometry(str(project.folder))
    said = about(project, np.arange(6), labels)
    assert said == "a linear head on your embeddings" + (", averaged with neighbors" if averaged else "")
    project.close()


@pytest.mark.parametrize("text", ["", "{", '{"schema": 1}', '{"schema": 1, "labels": "x", "averages": "", "gain": 0}'])
def test_a_comparison_that_was_altered_is_made_again(text: str, tmp_path: Path) -> None:
    (tmp_path / "averages.json").write_text(text)
    assert _gate.read_verdict(tmp_path, "") is None
    assert _gate.is_due(tmp_path, "", 20)


def test_of_many_labels_a_random_draw_is_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for minutes, and the draw holds no more of one class than all labels do."""
    rows = np.random.default_rng(3).normal(size=(3000, 8)).astype(np.float32)
    labels = np.repeat([0, 1], 1500)
    points, seen = as_geometry(rows, len(rows)), []

    def noted(
        plain: tuple[Classifier, Samples], averaged: tuple[Classifier, Samples], drawn: Tensor, told: Tensor
    ) -> Tensor:
        inputs = plain[1].batch(drawn)
        seen.append((PointSamples(points).batch(torch.arange(3000)), inputs, told))
        return torch.ones(len(told))

    monkeypatch.setattr(_gate, "gains_of", noted)
    verdict = _gate.compare(tmp_path, ProjectConfig(tmp_path), (points, points), (range(3000), labels.tolist()), "some")
    assert verdict.labels == 3000
    every, inputs, told = seen[0]
    found = torch.cdist(inputs, every).argmin(dim=1)
    assert len(found) == len(set(found.tolist())) == 1000
    assert torch.equal(told, torch.from_numpy(labels)[found])
    assert abs(float(told.double().mean()) - 0.5) < 0.08  # five standard errors


def test_gains_are_those_of_heads_that_have_not_seen_the_samples() -> None:
    rng = np.random.default_rng(4)
    labels = torch.tensor([0, 1] * 12 + [2])  # the last one is the only one of its class
    rows = torch.arange(len(labels))
    views = [ArraySamples(rng.normal(size=(25, 3)).astype(np.float32) + 0.5 * labels[:, None].numpy()) for _ in "ab"]
    heads = [LinearHead(view, 3, l2=0.3) for view in views]
    gains = _gate.gains_of((heads[0], views[0]), (heads[1], views[1]), rows, labels)
    fold = stratified_folds(rows, labels, 5, Stream(0).child("gate", 25).child("folds"))
    losses = np.zeros((2, 25))
    for view, (head, samples) in enumerate(zip(heads, views, strict=True)):
        for row in range(25):
            others = rows[fold != fold[row]]
            fitted = head.fit(samples, FitJob(others, labels[others], 0))
            logits = fitted.outputs(samples, torch.tensor([row])).logits.double().numpy()[0]
            losses[view, row] = np.log(np.exp(logits - logits.max()).sum()) + logits.max() - logits[labels[row]]
    np.testing.assert_allclose(gains.numpy(), losses[0] - losses[1], atol=1e-4)
