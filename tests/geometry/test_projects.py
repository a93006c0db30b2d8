"""Embeddings in labeling projects: what is remembered, what is refused, and that no label is lost."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from iale.classifiers.base import TrainingConfig
from iale.errors import ConfigError, DataError
from iale.geometry import built_in
from iale.labeling.fitting._background import make_geometry
from iale.labeling.fitting._fit import Refitter
from iale.labeling.fitting.saved import export_classifier, fit_now, load_classifier
from iale.labeling.items._reading import Reading
from iale.labeling.learner import ProjectLearner
from iale.labeling.project import Project
from iale.labeling.record.config import ProjectConfig
from tests.geometry.toy import FARTHEST, farthest

COUNT = 30
ROWS = np.random.default_rng(0).normal(size=(COUNT, 5)).astype(np.float32)
QUICK = TrainingConfig(epochs=3, device="cpu")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    rng = np.random.default_rng(1)
    for number in range(COUNT):
        Image.fromarray(rng.integers(255, size=(9, 9), dtype=np.uint8)).save(folder / f"{number:02}.png")
    return folder


def config(photos: Path, rows: NDArray[np.float32] | None = ROWS, strategy: str = FARTHEST) -> ProjectConfig:
    file = photos.parent / "e.npy"
    if rows is not None:
        np.save(file, rows)
    return ProjectConfig(
        photos,
        ("even", "odd"),
        strategy=strategy,
        embeddings=None if rows is None else file,
        training=QUICK if rows is None else TrainingConfig(device="cpu"),  # a head has no epochs
        test_share=0.0,
        twice_share=0.0,
        neighbors=0,
        subset_size=None,
    )


def label(project: Project, count: int = 8) -> set[int]:
    ids = [project.items.ids[row] for row in range(count)]
    project.add_labels("ann", {one: ("even", "odd")[row % 2] for row, one in enumerate(ids)}, "chosen")
    return set(range(count))


def queue(project: Project) -> list[int]:
    latest = project.fits.latest
    assert latest is not None
    return [project.items.ids.index(sample) for sample in latest.queue]


def test_people_see_photos_and_the_model_learns_from_embeddings(photos: Path, tmp_path: Path) -> None:
    project = Project.create(tmp_path / "p", config(photos))
    known = label(project)
    fit_now(project)
    latest = project.fits.latest
    assert latest is not None
    assert latest.shape == (5,)
    assert queue(project) == farthest(torch.from_numpy(ROWS), COUNT, known)
    assert np.asarray(project.show(project.items.ids[3])).shape == (9, 9)
    export_classifier(project, tmp_path / "out")
    saved = load_classifier(tmp_path / "out")
    assert saved.shape == (5,)
    learner = ProjectLearner(project)
    assert learner.ask(3) == farthest(torch.from_numpy(ROWS), 3, known)
    again = ProjectLearner(tmp_path / "p", strategy="margin")
    assert len(again.ask(3)) == 3
    project.close()


def written(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_embeddings_of_another_model_are_refused_and_nothing_is_lost(photos: Path, tmp_path: Path) -> None:
    project = Project.create(tmp_path / "p", config(photos))
    label(project)
    project.close()
    before = written(tmp_path / "p")
    rng = np.random.default_rng(9)
    shifted = np.concatenate([ROWS[:22], np.roll(ROWS[22:], 1, axis=0)])  # as if a row stood at the end by mistake
    wrongs: list[tuple[NDArray[np.generic], str]] = [
        (shifted, "has the embeddings of 8 of 30 samples at other rows than .* put its rows in the order"),
        (ROWS[::-1], "has the embeddings of 30 of 30 samples at other rows"),
        (rng.normal(size=(COUNT, 5)), "was made by another model"),
        (rng.normal(size=(COUNT, 7)), "was made by another model"),
        (ROWS[1:], "has 29 rows for 30 samples"),
        (np.where(np.arange(5) == 2, np.nan, ROWS), "the embedding of '00.png' has NaN"),
    ]
    for rows, said in wrongs:
        with pytest.raises((ConfigError, DataError), match=said) as raised:
            Project.create_or_open(tmp_path / "p", config(photos, rows.astype(np.float32)))
        assert "\n" not in str(raised.value)
        assert written(tmp_path / "p") == before
    np.save(photos.parent / "e.npy", rng.normal(size=(COUNT, 5)))  # changed behind our back
    opened = Project.open(tmp_path / "p")
    assert len(opened.labels()) == 8
    with pytest.raises(ConfigError, match="was made by another model"):
        fit_now(opened)
    opened.close()
    assert {name: data for name, data in written(tmp_path / "p").items() if name in before} == before


def test_the_same_model_goes_on(photos: Path, tmp_path: Path) -> None:
    Project.create(tmp_path / "p", config(photos)).close()
    # Another machine rounds, samples come, and one goes.
    np.save(tmp_path / "half.npy", ROWS)
    (photos / "03.png").unlink()
    Image.new("L", (9, 9), 7).save(photos / "zz.png")
    rows = np.concatenate([np.delete(ROWS, 3, axis=0), np.ones((1, 5))]).astype(np.float16)
    project = Project.create_or_open(tmp_path / "p", config(photos, rows.astype(np.float32)))
    assert project.reader.views.embeddings is not None
    project.close()
    # Whoever does not name them goes on with them.
    project = Project.create_or_open(tmp_path / "p", config(photos, None))
    assert project.config.embeddings == photos.parent / "e.npy"
    project.close()
    # A project that was moved with its data and embeddings finds them.
    moved = tmp_path / "moved"
    moved.mkdir()
    for name in ("p", "photos", "e.npy"):
        shutil.move(tmp_path / name, moved / name)
    project = Project.open(moved / "p")
    assert project.reader.views.inputs.shape == (5,)
    project.close()


def test_photos_that_were_edited_or_renamed_have_other_embeddings(photos: Path, tmp_path: Path) -> None:
    Project.create(tmp_path / "p", config(photos)).close()
    rng = np.random.default_rng(9)
    edited = np.where(np.arange(COUNT)[:, None] < 5, rng.normal(size=ROWS.shape), ROWS)
    Project.create_or_open(tmp_path / "p", config(photos, edited.astype(np.float32))).close()
    for path in sorted(photos.glob("*.png")):
        path.rename(path.with_name(f"new-{path.name}"))
    Project.create_or_open(tmp_path / "p", config(photos, rng.normal(size=ROWS.shape).astype(np.float32))).close()


def test_a_wrong_file_makes_no_project(photos: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has 29 rows"):
        Project.create(tmp_path / "p", config(photos, ROWS[1:]))
    assert not (tmp_path / "p").exists()


def test_margin_asks_until_the_geometry_is_made(photos: Path, tmp_path: Path) -> None:
    project = Project.create(tmp_path / "p", config(photos, None))
    known = label(project)
    refitter = Refitter(project, Reading(project.items))
    refitter.fit()
    fit = project.fits.all[-1]
    assert fit.strategy == "margin"
    assert "margin asks until" in fit.notice
    make_geometry(str(project.folder))  # what the other process does
    refitter.fit()
    assert project.fits.all[-1].strategy == FARTHEST
    points = built_in(project.items.samples, "image").read()
    assert queue(project) == farthest(points, COUNT, known)
    assert ProjectLearner(project).ask(2) == farthest(points, 2, known)
    project.close()


def test_the_page_makes_it_in_the_background(photos: Path, tmp_path: Path) -> None:
    project = Project.create(tmp_path / "p", config(photos, None))
    label(project, 12)
    project.start_fitting()
    end = time.monotonic() + 120
    while not (project.fits.all and project.fits.all[-1].strategy == FARTHEST):
        assert time.monotonic() < end, project.problem
        time.sleep(0.1)
    project.close()
    assert len(list((tmp_path / "p" / "geometry").glob("*.npy"))) == 1
