"""A saved classifier takes what people have: arrays, paths, images and texts; all else is refused in a sentence."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from tests.labeling.conftest import QUICK, Make, label_some, write_images

from iale.errors import DataError
from iale.labeling.fitting.saved import SavedClassifier, export_classifier, fit_now, load_classifier
from iale.labeling.fitting.scores import scores_csv
from iale.labeling.project import Project
from iale.labeling.record.config import ProjectConfig


def saved(project: Project, out: Path) -> SavedClassifier:
    for place, ticket in enumerate(project.next("ann", 12)):
        project.label("ann", ticket.sample, project.classes[place % 2])
    fit_now(project)
    export_classifier(project, out)
    return load_classifier(out)


@pytest.fixture
def photos(tmp_path: Path) -> tuple[SavedClassifier, list[Path], dict[str, str]]:
    """A classifier of color images of several sizes, their files, and what the scores say of those without a label."""
    write_images(tmp_path / "data", 20, mode="RGB")
    for number, path in enumerate(sorted((tmp_path / "data").iterdir())):
        with Image.open(path) as image:
            image.resize((12 + number, 14)).save(path)
    config = ProjectConfig(tmp_path / "data", ("cat", "dog"), resize=(8, 8), training=QUICK, test_share=0)
    project = Project.create(tmp_path / "p", config)
    classifier = saved(project, tmp_path / "model")
    rows = csv.DictReader(io.StringIO("".join(scores_csv(project))))
    return classifier, sorted((tmp_path / "data").iterdir()), {row["sample"]: row["label"] for row in rows}


def test_paths_images_and_arrays_of_the_same_photos_get_the_same_classes(photos: Any) -> None:
    classifier, paths, said = photos
    unlabeled = [path for path in paths if path.name in said]
    expected = [said[path.name] for path in unlabeled]
    assert classifier.predict(unlabeled) == expected
    assert classifier.predict([str(path) for path in unlabeled]) == expected
    images = [Image.open(path) for path in unlabeled]
    assert classifier.predict(images) == expected
    for path, image, label in zip(unlabeled, images, expected, strict=True):
        pixels = np.asarray(image)
        for one in (path, str(path), image, pixels, pixels[None], pixels.transpose(2, 0, 1), torch.tensor(pixels)):
            assert classifier.predict(one) == [label]
    mixed = [unlabeled[0], images[1], str(unlabeled[2])]
    assert classifier.predict(mixed) == expected[:3]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("nowhere.png", "there is no file nowhere.png"),
        ([], "the list is empty: give at least one image"),
        (7, "learned from images: give a path"),
        (None, "a NoneType was given"),
        (b"bytes", "a bytes was given"),
        ({"a": 1}, "a dict was given"),
        (np.zeros((8, 8, 3)), "float32 were given, and the classifier learned from bytes"),
        (np.zeros(5, np.uint8), "holds no samples"),
    ],
)
def test_what_is_no_photo_is_refused_in_one_sentence(photos: Any, given: object, message: str) -> None:
    with pytest.raises(DataError, match=message) as refusal:
        photos[0].predict(given)
    assert "\n" not in str(refusal.value)
    assert str(refusal.value).endswith(".")


def test_damaged_deep_and_colored_images_are_refused(photos: Any, tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"no image")
    with pytest.raises(DataError, match=r"broken\.png is not a readable image"):
        photos[0].predict(tmp_path / "broken.png")
    with pytest.raises(DataError, match="a list of images holds a int, too"):
        photos[0].predict([photos[1][0], 3])
    with pytest.raises(DataError, match="more than 8 bits"):
        photos[0].predict(Image.fromarray(np.zeros((9, 9), np.uint16)))
    write_images(tmp_path / "gray", 16)
    project = Project.create(tmp_path / "g", ProjectConfig(tmp_path / "gray", ("a", "b"), training=QUICK))
    gray = saved(project, tmp_path / "gray-model")
    assert gray.predict(np.zeros((5, 12, 12), np.uint8)) == gray.predict(np.zeros((12, 12), np.uint8)) * 5
    with pytest.raises(DataError, match="has colors"):
        gray.predict(Image.new("RGB", (12, 12)))


def test_images_of_an_array_must_have_its_shape(tmp_path: Path) -> None:
    x = np.random.default_rng(0).integers(0, 255, (20, 6, 6), dtype=np.uint8)
    np.savez(tmp_path / "x.npz", x=x)
    project = Project.create(tmp_path / "p", ProjectConfig(tmp_path / "x.npz", ("a", "b"), training=QUICK))
    classifier = saved(project, tmp_path / "model")
    expected = classifier.predict(project.items.samples)
    assert classifier.predict(x) == expected
    assert classifier.predict(list(x)) == expected
    assert classifier.predict([Image.fromarray(each) for each in x]) == expected
    assert classifier.predict(x[3]) == expected[3:4]
    with pytest.raises(DataError, match="7 x 6 pixels, and 6 x 6 are needed"):
        classifier.predict(Image.new("L", (6, 7)))
    with pytest.raises(DataError, match=r"learned from bytes of shape \(1, 6, 6\)"):
        classifier.predict(np.zeros((2, 7, 6), np.uint8))


def test_texts(tmp_path: Path) -> None:
    texts = [f"{'good fine' if n % 2 else 'bad poor'} number {n}" for n in range(30)]
    (tmp_path / "t.csv").write_text("\n".join(["text", *texts]))
    project = Project.create(tmp_path / "p", ProjectConfig(tmp_path / "t.csv", ("bad", "good"), training=QUICK))
    classifier = saved(project, tmp_path / "model")
    expected = classifier.predict(project.items.samples)
    assert classifier.predict(texts) == expected
    assert classifier.predict(texts[4]) == expected[4:5]
    for wrong in (np.zeros(4), 3, ["a", 3], None, Path("a.txt")):
        with pytest.raises(DataError, match="learned from texts: give a text, or a list of texts"):
            classifier.predict(wrong)


def test_rows(make: Make, tmp_path: Path) -> None:
    project = make()
    label_some(project, 12)
    classifier = saved(project, tmp_path / "model")
    rows = project.items.samples.batch(torch.arange(60))
    expected = classifier.predict(project.items.samples)
    for many in (rows, rows.numpy(), rows.numpy().astype(np.float64), rows.tolist(), list(rows.numpy())):
        assert classifier.predict(many) == expected
    assert classifier.predict(rows[3].tolist()) == classifier.predict(rows[3]) == expected[3:4]
    for wrong in ("a.png", [[1.0, 2.0, 3.0]], [1.0, 2.0, 3.0], [[1.0], [1.0, 2.0]], np.array([np.nan, 1.0])):
        with pytest.raises(DataError) as refusal:
            classifier.predict(wrong)
        assert "\n" not in str(refusal.value)
    with pytest.raises(DataError, match="learned from rows of 2 numbers"):
        classifier.predict("a.png")
