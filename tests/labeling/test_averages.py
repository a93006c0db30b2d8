"""Projects whose head learns from averages of neighbors: what is fitted, what is kept, and what new samples get."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from torch import nn

from iale.classifiers.base import FitJob, TrainingConfig
from iale.classifiers.heads import LinearHead
from iale.classifiers.networks import Network
from iale.cli._main import main
from iale.data.arrays import ArraySamples
from iale.errors import ConfigError
from iale.geometry import Averages, PointSamples, as_geometry
from iale.labeling import ProjectLearner, export_classifier, load_classifier
from iale.labeling.fitting._background import make_geometry
from iale.labeling.fitting._fit import Refitter
from iale.labeling.fitting._head import raw_head
from iale.labeling.fitting._student import student_of
from iale.labeling.fitting.saved import fit_now
from iale.labeling.fitting.scores import scores_csv
from iale.labeling.items._reading import Reading
from iale.labeling.project import Project
from iale.labeling.record.config import ProjectConfig

PIXELS, DIGITS = load_digits(return_X_y=True)
PIXELS = (PIXELS * 15).astype(np.uint8)
COUNT, LABELED = 600, 24
NAMES = tuple("0123456789")


def opened(tmp_path: Path, neighbors: int, kind: str, test_share: float = 0.0) -> Project:
    """The first digits as rows, with embeddings, or as image files; the first of them are labeled."""
    embeddings = None
    if kind == "embeddings":
        np.savez(tmp_path / "x.npz", x=np.arange(COUNT, dtype=np.float32)[:, None])
        embeddings = tmp_path / "e.npy"
        np.save(embeddings, PIXELS[:COUNT].astype(np.float32) + 50)
        data = tmp_path / "x.npz"
    else:
        data = tmp_path / "photos"
        data.mkdir(exist_ok=True)
        for row in range(COUNT):
            Image.fromarray(PIXELS[row].reshape(8, 8)).save(data / f"{row:04}.png")
    training = TrainingConfig(device="cpu")
    config = ProjectConfig(
        data,
        NAMES,
        embeddings=embeddings,
        neighbors=neighbors,
        training=training,
        test_share=test_share,
        twice_share=0.0,
    )
    project = Project.create(tmp_path / f"{kind}-{neighbors}", config)
    chosen = np.random.default_rng(3).permutation(COUNT)[:LABELED]
    ids = {project.items.ids[row]: str(DIGITS[row]) for row in chosen.tolist()}
    project.add_labels("ann", ids, "chosen")
    return project


def fit(project: Project) -> str:
    """Fits as the fitting process does; what it says about the model."""
    reader = project.reader
    Refitter(reader, Reading(reader.items, reader.views.inputs)).fit()
    assert reader.fits.latest is not None
    return str(reader.fits.latest.model)


@pytest.mark.parametrize("kind", ["embeddings", "images"])
def test_the_head_learns_from_averages_and_serves_new_samples_without_the_pool(kind: str, tmp_path: Path) -> None:
    new, right = PIXELS[COUNT:], DIGITS[COUNT:].astype(str)
    shares = {}
    for neighbors in (0, 10):
        project = opened(tmp_path, neighbors, kind)
        if neighbors and kind == "embeddings":  # people do not wait for the averages
            assert fit(project) == "a linear head on your embeddings until neighbors are averaged: it has just begun"
        make_geometry(str(project.reader.folder))
        assert fit(project).endswith(", averaged with neighbors") is bool(neighbors)
        out = tmp_path / f"out-{neighbors}"
        export_classifier(project, out)
        rows: object = ArraySamples(new.astype(np.float32) + 50)
        if kind == "images":
            rows = [Image.fromarray(each.reshape(8, 8)) for each in new]
        else:
            rows = PointSamples(as_geometry(new.astype(np.float32) + 50, len(new)))
        shares[neighbors] = float(np.mean(np.array(load_classifier(out).predict(rows)) == right))
        if kind == "embeddings":
            assert shares[neighbors] == pytest.approx(by_hand(out, new.astype(np.float64) + 50, right), abs=0.002)
        table = list(csv.DictReader("".join(scores_csv(project)).splitlines()))
        assert len(table) == COUNT - LABELED
        latest = project.reader.fits.latest  # what people see of these samples is what the table says of them
        assert latest is not None
        guessed = [(row["label"], latest.guesses[row["id"]][0]) for row in table if row["id"] in latest.guesses]
        assert len(guessed) > 400
        assert all(label == guess[0] for label, guess in guessed)
        project.close()
    assert shares[10] > shares[0] + 0.02


def test_what_is_exported_is_tested_as_it_will_be_used(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project = opened(tmp_path, 10, "embeddings", test_share=0.3)
    tests = [project.items.ids[int(row)] for row in project.reader.shares.order[:50]]
    project.add_labels("ann", {sample: str(DIGITS[project.items.ids.index(sample)]) for sample in tests}, "test")
    make_geometry(str(project.folder))
    fit(project)
    assert main(["export", str(project.folder), "--to", "classifier", "--out", str(tmp_path / "out")]) == 0
    tested = json.loads((tmp_path / "out" / "card.json").read_text())["tested"]
    rows = [project.items.ids.index(sample) for sample in project.reader.labels_to_test_on()]
    share = by_hand(tmp_path / "out", PIXELS[rows].astype(np.float64) + 50, DIGITS[rows].astype(str))
    assert tested["right"] == round(share * len(rows))
    said = project.fits.all[-1].tests
    on_averages = sum(said[project.items.ids[row]] == str(DIGITS[row]) for row in rows)
    assert (tested["labels"], tested["right_on_averages"]) == (len(rows), on_averages)
    told = capsys.readouterr().err
    assert f"has {tested['right']} of {len(rows)} labels of the test share right, and the head on averages" in told
    # Other averages than those of the fit: it is fitted again, or refused.
    project.close()
    other = Project.create_or_open(project.folder, replace(project.config, neighbors=5))
    with pytest.raises(ConfigError, match="fitted to other averages than now: fit again, --fit yes"):
        export_classifier(other, tmp_path / "other")
    fit_now(other)
    export_classifier(other, tmp_path / "other")
    other.close()


def by_hand(out: Path, rows: NDArray[np.float64], right: NDArray[np.str_]) -> float:
    """The accuracy of the head for scikit-learn."""
    kept = np.load(out / "head.npz")
    head = LogisticRegression()
    head.coef_, head.intercept_, head.classes_ = kept["coef"], kept["intercept"], kept["classes"]
    return float(head.score(rows / np.linalg.norm(rows, axis=1, keepdims=True), right))


def test_photos_that_are_added_have_other_neighbors(tmp_path: Path) -> None:
    """The head was fitted to averages of the old ones, in their geometry: it would be wrong on the new."""
    project = opened(tmp_path, 10, "images")
    make_geometry(str(project.folder))
    assert fit(project).endswith("averaged with neighbors")
    project.close()
    for row in range(COUNT, COUNT + 60):
        Image.fromarray(PIXELS[row].reshape(8, 8)).save(tmp_path / "photos" / f"{row:04}.png")
    more = Project.create_or_open(project.folder, project.config)
    with pytest.raises(ConfigError, match="fitted to other averages than now: fit again, --fit yes"):
        export_classifier(more, tmp_path / "out")
    fit_now(more)
    assert more.fits.latest is not None
    assert more.fits.latest.model.endswith("averaged with neighbors")
    export_classifier(more, tmp_path / "out")
    new = [Image.fromarray(each.reshape(8, 8)) for each in PIXELS[COUNT + 60 :]]
    right = DIGITS[COUNT + 60 :].astype(str)
    assert np.mean(np.array(load_classifier(tmp_path / "out").predict(new)) == right) > 0.65
    more.close()


def test_guesses_and_choices_are_those_of_the_head_on_averages(tmp_path: Path) -> None:
    project = opened(tmp_path, 10, "embeddings")
    make_geometry(str(project.reader.folder))
    fit(project)
    latest = project.reader.fits.latest
    assert latest is not None
    points = as_geometry(tmp_path / "e.npy", COUNT)
    samples = PointSamples(Averages(points, 10).of(points))
    chosen = np.sort(np.random.default_rng(3).permutation(COUNT)[:LABELED])
    head = LinearHead(samples, 10).fit(
        samples, FitJob(torch.from_numpy(chosen), torch.from_numpy(DIGITS[chosen]), seed=0)
    )
    said = head.outputs(samples, torch.arange(COUNT)).predictions
    index = project.items.ids.index
    own = {index(sample): guess[0][0] for sample, guess in latest.guesses.items()}
    assert len(own) > 400
    assert np.mean([str(int(said[row])) == label for row, label in own.items()]) > 0.99
    learner = ProjectLearner(project)
    assert len(learner.ask(5)) == 5
    project.close()


def test_a_student_minimizes_the_cross_entropy_to_its_teacher() -> None:
    """scikit-learn solves the same problem: each sample once for each class, with the probability as its weight."""
    rows = np.flatnonzero(DIGITS < 4)[:200]
    labels, count = torch.from_numpy(DIGITS[rows]), len(rows)
    points = as_geometry(PIXELS[rows].astype(np.float32), count)
    plain, averages = PointSamples(points), PointSamples(Averages(points).of(points))
    chosen = torch.arange(0, count, 10)
    teacher = LinearHead(averages, 4, l2=0.5).fit(averages, FitJob(chosen, labels[chosen], 0))
    student = student_of(teacher.fitted, averages, plain)
    probs = teacher.outputs(averages, torch.arange(count)).probs.double().numpy()
    inputs = student.outputs(plain, torch.arange(count)).embeddings.double().numpy()

    def loss(weights: NDArray[np.float64], bias: NDArray[np.float64]) -> float:
        logits = inputs @ weights.T + bias
        logs = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
        return float(-(probs * logs).sum() / count + 0.5e-4 * (weights**2).sum())

    peer = LogisticRegression(C=1e4 / count, max_iter=3000, tol=1e-5)
    peer.fit(np.repeat(inputs, 4, axis=0), np.tile(np.arange(4), count), sample_weight=probs.ravel())
    best = loss(peer.coef_, peer.intercept_)
    assert isinstance(student.module, Network)
    last = student.module.head[-1]
    assert isinstance(last, nn.Linear)
    last = last.double()
    assert loss(last.weight.detach().numpy(), last.bias.detach().numpy()) == pytest.approx(best, rel=0.02)
    assert loss(teacher.weight.double().numpy(), teacher.bias.double().numpy()) > 1.05 * best


def test_averages_that_are_there_are_read_and_nothing_is_written(tmp_path: Path) -> None:
    """An export reads them in a folder that is read-only, or in which another process notes its progress."""
    project = opened(tmp_path, 10, "embeddings")
    make_geometry(str(project.folder))
    note = project.folder / "geometry" / "progress.json"
    note.write_text("of another process")
    assert project.reader.views.make_averages() is not None
    assert note.read_text() == "of another process"
    project.close()


def test_samples_that_could_not_be_read_teach_a_student_nothing() -> None:
    """They are rows of zeros."""
    rows = PIXELS[:100].astype(np.float32)
    half = np.zeros((200, 64), np.float32)
    half[1::2] = rows
    pool = as_geometry(rows, 100)
    averages = PointSamples(Averages(pool).of(pool))
    chosen = torch.arange(40)
    teacher = LinearHead(averages, 10, l2=0.5).fit(averages, FitJob(chosen, torch.from_numpy(DIGITS[:40]), 0)).fitted
    said = []
    for each in (pool, as_geometry(half, 200)):
        student = student_of(teacher, PointSamples(Averages(pool).of(each)), PointSamples(each))
        said.append(student.outputs(PointSamples(pool), torch.arange(100)).probs)
    assert torch.equal(*said)


GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device on this machine")


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=[pytest.mark.cuda, GPU])])
def test_a_head_is_read_from_its_network_wherever_it_was_fitted(device: str) -> None:
    samples, chosen = ArraySamples(PIXELS.astype(np.float32)), torch.arange(60)
    head = LinearHead(samples, 10, TrainingConfig(device=device), l2=0.5)
    fitted = head.fit(samples, FitJob(chosen, torch.from_numpy(DIGITS)[chosen], 0))
    coef, intercept = raw_head(fitted.module)
    np.testing.assert_allclose(coef, fitted.coef, rtol=1e-12)
    np.testing.assert_allclose(intercept, fitted.intercept, rtol=1e-9)


def test_the_number_of_neighbors_is_checked(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="the number of neighbors is a whole number of at least 0, not -1"):
        ProjectConfig(tmp_path / "x.npz", neighbors=-1)
