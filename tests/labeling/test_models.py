"""The model of a project that nobody has chosen: a linear head, until a network is better."""

from __future__ import annotations

import csv
import dataclasses
import itertools
import json
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.numpy import load_file
from tests.labeling.conftest import QUICK, Make, label_some, truth

from iale import _storage as storage
from iale.data.arrays import ArraySamples
from iale.geometry import built_in
from iale.geometry._builtin import pixels
from iale.labeling import export_classifier, fit_now, load_classifier
from iale.labeling.fitting import _contest
from iale.labeling.fitting._background import choose_first, compare_models, make_geometry
from iale.labeling.fitting._contest import Contest, is_due, read_contest
from iale.labeling.fitting._fit import Refitter
from iale.labeling.fitting._model import find_model
from iale.labeling.fitting.saved import load_latest
from iale.labeling.fitting.scores import scores_csv
from iale.labeling.items._reading import Reading
from iale.labeling.project import Project
from iale.labeling.record._fits import Fit, Fits, Latest, save_fit
from iale.labeling.record.config import ProjectConfig
from iale.policies.catalog import find_strategy
from iale.strategies.base import Need
from iale.testing.reference import herding

STRIPES = ("across", "down")


def write_stripes(folder: Path, count: int = 60) -> None:
    """Photographs of stripes, which go across in even ones and down in odd ones."""
    rng = np.random.default_rng(0)
    folder.mkdir()
    for number in range(count):
        wave = np.sin(np.arange(80) / 12 + rng.normal() / 3)
        pixels = 128 + 90 * (wave[:, None] if number % 2 == 0 else wave[None, :]) + rng.normal(0, 9, (80, 80))
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).convert("RGB").save(folder / f"{number:02}.png")


@pytest.fixture
def stripes(tmp_path: Path) -> Project:
    write_stripes(tmp_path / "photos")
    config = ProjectConfig(tmp_path / "photos", STRIPES, test_share=0.0, neighbors=0, training=QUICK)
    return Project.create(tmp_path / "p", config)


def fit(project: Project) -> None:
    Refitter(project, Reading(project.items, project.reader.views.inputs)).fit()


def about(project: Project) -> str:
    return project.status().model


def label_rows(project: Project, count: int) -> None:
    ids = project.items.ids
    project.add_labels("ann", {ids[row]: STRIPES[row % 2] for row in range(count)}, "chosen")


def test_a_head_on_the_geometry_is_exported_with_the_way_to_it(stripes: Project, tmp_path: Path) -> None:
    assert about(stripes) == ""
    label_rows(stripes, 14)
    fit(stripes)
    assert about(stripes) == "a linear head on pixels until all samples are seen: it has just begun"
    progress = stripes.folder / "geometry" / "progress.json"
    progress.parent.mkdir(exist_ok=True)
    storage.write_json(progress, {"done": 30, "total": 120})  # of 60 samples, each of which is looked at twice
    assert stripes.reader.views.progress() == "25% is done"
    progress.unlink()
    make_geometry(str(stripes.folder))
    fit(stripes)
    assert about(stripes) == "a linear head on the built-in geometry"
    export_classifier(stripes, tmp_path / "out")
    saved = load_classifier(tmp_path / "out")
    images = stripes.items.samples.batch(torch.arange(60))
    outputs = saved.outputs(ArraySamples(images))
    assert saved.predict(ArraySamples(images)) == [STRIPES[row % 2] for row in range(60)]
    # The same with NumPy, from the geometry that another process would make.
    points = built_in(stripes.items.samples, "image").read().numpy()
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    kept = load_file(tmp_path / "out" / "weights.safetensors")
    logits = points @ kept["head.weight"].T + kept["head.bias"]
    np.testing.assert_allclose(outputs.logits.numpy(), logits, atol=1e-3 * np.abs(logits).max())
    assert stripes.fits.latest is not None
    for sample, guess in stripes.fits.latest.guesses.items():
        shown = outputs.probs[stripes.items.ids.index(sample)]
        assert guess[0][1] == pytest.approx(float(shown.max()), abs=0.01)
    assert len(list(scores_csv(stripes))) == 1 + 60 - 14


def test_a_head_on_pixels_that_was_exported_before_patches_is_read(stripes: Project, tmp_path: Path) -> None:
    make_geometry(str(stripes.folder))
    label_rows(stripes, 14)
    fit(stripes)
    export_classifier(stripes, tmp_path / "out")
    card, kept = (tmp_path / "out" / name for name in ("card.json", "weights.safetensors"))
    samples, written = stripes.items.samples, json.loads(card.read_text())
    maker, rng = pixels(samples), np.random.default_rng(0)
    assert maker.directions is not None
    del written["points"]["filters"]
    written["points"] |= {"view": 972, "width": maker.directions.shape[1]}
    head = rng.normal(size=(2, maker.directions.shape[1])).astype(np.float32)
    old = {"head.weight": head, "head.bias": np.zeros(2, np.float32)}
    old |= {"mean": maker.mean.astype(np.float32), "directions": maker.directions.astype(np.float32)}
    storage.write_tensors(kept, {name: torch.from_numpy(value) for name, value in old.items()})
    storage.write_json(card, {**written, "weights_sha256": storage.sha256(kept.read_bytes())})
    rows = torch.arange(60)
    points = maker.points(samples, rows).numpy()
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    outputs = load_classifier(tmp_path / "out").outputs(ArraySamples(samples.batch(rows)))
    np.testing.assert_allclose(outputs.logits.numpy(), points @ head.T, atol=1e-3)


def write_texts(path: Path) -> list[str]:
    """Long compound words whose beginnings tell the class, and which are hardly ever the same."""
    rng = np.random.default_rng(0)
    stems, ends = ("hafen", "berg"), [a + b for a in "aeiou" for b in ("stadt", "wind", "ruf", "licht", "mann", "tor")]
    lines = [" ".join(stems[row % 2] + "".join(rng.choice(ends, 2)) for _ in range(2)) for row in range(160)]
    with open(path, "w", newline="") as file:
        csv.writer(file).writerows([["text"], *([line] for line in lines)])
    return lines


def test_texts_are_told_apart_by_pieces_of_words(tmp_path: Path) -> None:
    write_texts(tmp_path / "t.csv")
    accuracy = {}
    for classifier in ("auto", "mlp"):
        config = ProjectConfig(tmp_path / "t.csv", STRIPES, test_share=0.0, classifier=classifier, training=QUICK)
        project = Project.create(tmp_path / classifier, config)
        label_rows(project, 30)
        make_geometry(str(project.folder))
        fit(project)
        says = load_latest(project).predict(project.items.samples)
        accuracy[classifier] = np.mean([says[row] == STRIPES[row % 2] for row in range(30, 160)])
    assert accuracy["auto"] > 0.95
    assert accuracy["auto"] > accuracy["mlp"] + 0.1
    auto = Project.open(tmp_path / "auto")
    export_classifier(auto, tmp_path / "out")
    saved = load_classifier(tmp_path / "out")
    assert saved.predict(auto.items.samples) == load_latest(auto).predict(auto.items.samples)
    scores = list(csv.DictReader("".join(scores_csv(auto)).splitlines()))
    assert [row["label"] for row in scores] == saved.predict(auto.items.samples)[30:]


def test_a_fit_follows_every_label(make: Make) -> None:
    project = make(count=100)
    project.start_fitting()
    label_some(project, 8)
    for _ in range(3):
        label_some(project, 1)
        end = time.monotonic() + 60
        while not (project.fits.all and project.fits.all[-1].answered == project.changes()):
            assert time.monotonic() < end, project.problem
            time.sleep(0.02)


def test_many_fits_leave_few_lines_and_the_last_one_whole(tmp_path: Path) -> None:
    fits = Fits(tmp_path)
    for count in range(2, 400):
        fit = Fit(float(count), count, 2 * count, ("a", "b"), "margin", {"s": "a"}, 0.1)
        save_fit(tmp_path, fit, Latest(count, (), (), {}, 0.5, "w", "d", (2,)), often=True)
        if count % 100 == 0:
            assert fits.all[-1] == fit
    assert len(fits.all) < 130
    kept = [fit.labels for fit in fits.all]
    assert kept == sorted(set(kept))
    assert max(later / before for before, later in itertools.pairwise(kept[30:])) < 1.07
    fewer = dataclasses.replace(fit, labels=20, answered=4000)  # labels were taken back
    save_fit(tmp_path, fewer, Latest(2000, (), (), {}, 0.5, "w", "d", (2,)), often=True)
    assert Fits(tmp_path).all[-1] == fewer


def ring(tmp_path: Path, **options: object) -> Project:
    """Rows of which the inner ones are one class, and no line tells them from the outer ones."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(160, 2)) * np.where(np.arange(160) % 2, 3, 0.5)[:, None]
    np.savez(tmp_path / "ring.npz", x=rows.astype(np.float32))
    config = ProjectConfig(tmp_path / "ring.npz", STRIPES, test_share=0.0, **options)  # type: ignore[arg-type]
    return Project.create(tmp_path / "ring", config)


def test_a_network_that_is_better_takes_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_contest, "_SECONDS", 1e6)  # however busy this machine is
    project = ring(tmp_path)
    assert not is_due(project.folder, 99)
    assert is_due(project.folder, 100)
    label_rows(project, 100)
    fit(project)
    assert about(project) == "a linear head on the columns"
    compare_models(str(project.folder))
    found = read_contest(project.folder)
    assert found is not None
    assert found.won
    assert (is_due(project.folder, 199), is_due(project.folder, 200)) == (False, True)
    fit(project)
    assert about(project).startswith("a network of 1 hidden layer: it was ")
    assert about(project).endswith("points ahead of a linear head in cross-validation at 100 labels")
    says = load_latest(project).predict(project.items.samples)
    assert np.mean([says[row] == STRIPES[row % 2] for row in range(100, 160)]) > 0.75
    chosen = dataclasses.replace(project.config, classifier="linear")
    other = Project.create_or_open(project.folder, chosen)  # what the user says holds
    fit(other)
    assert about(other) == "the classifier linear"


def test_a_network_that_is_not_better_does_not(make: Make) -> None:
    project = make(count=120, test_share=0.0)
    ids = project.items.ids
    project.add_labels("ann", {ids[row]: truth(project, ids[row]) for row in range(100)}, "chosen")
    compare_models(str(project.folder))
    found = read_contest(project.folder)
    assert found is not None
    assert not found.won
    fit(project)
    assert about(project).startswith("a linear head on the columns; a network of 1 hidden layer was ")


def test_a_network_that_would_take_long_is_not_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_contest, "_SECONDS", 1e-6)
    project = ring(tmp_path)
    label_rows(project, 100)
    compare_models(str(project.folder))
    fit(project)
    assert "was not compared at 100 labels: it would take" in about(project)


def test_what_is_not_whole_is_compared_again(tmp_path: Path) -> None:
    (tmp_path / "contest.json").write_text("{")
    assert read_contest(tmp_path) is None
    (tmp_path / "contest.json").write_text(json.dumps({"schema": 1, "labels": 3}))
    assert read_contest(tmp_path) is None
    assert Contest(100, "cnn", -3.14159, won=False, seconds=1).about == (
        "a network of 2 convolutions was 3.1 points behind in cross-validation at 100 labels"
    )


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"classifier": "mlp"}, "the classifier mlp"),
        ({"strategy": "mc-dropout"}, "the classifier mlp"),
        ({"strategy": "ensemble"}, "the classifier mlp"),
        ({"strategy": "entropy"}, "a linear head on the columns"),
        ({"loss": "torch.nn.functional:cross_entropy"}, "the classifier mlp"),
    ],
)
def test_what_the_user_chooses_is_used(make: Make, options: dict[str, str], told: str) -> None:
    project = make(**options)
    assert find_model(project.reader).about == told
    label_some(project, 10)
    fit_now(project)
    asked = options.get("strategy", project.config.strategy)
    if Need.GEOMETRY in find_strategy(asked).needs and "classifier mlp" in told:
        assert project.fits.all[-1].strategy == "margin"  # nobody waits until all samples have been seen
        assert project.fits.all[-1].notice.startswith(f"margin asks until {asked} can compare all samples")
        project.reader.views.make_geometry()
        label_some(project, 12)
        fit_now(project)
    assert (project.fits.all[-1].strategy, project.fits.all[-1].notice) == (asked, "")


def test_the_first_samples_come_from_the_strategy_when_all_have_been_seen(stripes: Project) -> None:
    before = [ticket.sample for ticket in stripes.next("ann", 3, tab="one")]
    stripes.release("ann", "one")
    stripes.reader.views.make_geometry()
    choose_first(stripes.reader)
    tickets = stripes.next("ann", 10, tab="two")
    assert {ticket.reason for ticket in tickets} == {"first"}
    rows = [stripes.items.ids.index(ticket.sample) for ticket in tickets]
    points = built_in(stripes.items.samples, "image").read().numpy()
    allowed = herding(points, np.zeros((0, points.shape[1])), np.ones(60), 1.0, rows)
    assert all(row in those for row, those in zip(rows, allowed, strict=True))
    assert before != [ticket.sample for ticket in tickets[:3]]
    kept = (stripes.folder / "first.json").read_bytes()
    choose_first(stripes.reader)  # once is enough
    assert (stripes.folder / "first.json").read_bytes() == kept
    again = Project.open(stripes.folder)
    assert [t.sample for t in again.next("bo", 3)] == [stripes.items.ids[r] for r in _next(stripes, rows)]


def _next(project: Project, taken: list[int]) -> list[int]:
    """The first samples that nobody holds."""
    said = json.loads((project.folder / "first.json").read_text())["samples"]
    return [row for one in said if (row := project.items.ids.index(one)) not in taken][:3]


def test_the_test_share_is_not_asked_first(tmp_path: Path) -> None:
    write_stripes(tmp_path / "photos")
    project = Project.create(tmp_path / "p", ProjectConfig(tmp_path / "photos", STRIPES, test_share=0.4))
    make_geometry(str(project.folder))
    said = json.loads((project.folder / "first.json").read_text())["samples"]
    reserved = project.shares.reserved
    assert said
    assert not any(reserved[project.items.ids.index(sample)] for sample in said)
