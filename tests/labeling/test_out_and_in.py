from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tests.labeling.conftest import QUICK, Make, label_some, truth, write_images
from torch.utils.data import DataLoader

from iale.data.unlabeled import load_labels_csv
from iale.errors import ConfigError, DataError, StorageError
from iale.labeling._class_folders import folder_names
from iale.labeling.classes._editing import rename_class
from iale.labeling.export import LabeledDataset, export_folders, labels_csv, labels_jsonl
from iale.labeling.fitting.saved import export_classifier, fit_now, load_classifier
from iale.labeling.fitting.scores import scores_csv
from iale.labeling.importing import import_csv, import_folders
from iale.labeling.project import Project
from iale.labeling.record.config import ProjectConfig


@pytest.fixture
def images(tmp_path: Path) -> Project:
    """Ten images, four of them labeled: two with a class that is no name for a folder."""
    write_images(tmp_path / "data" / "deep", 10)
    config = ProjectConfig(tmp_path / "data", ("cat", "../dog"), test_share=0.0, training=QUICK)
    project = Project.create(tmp_path / "p", config)
    for place, ticket in enumerate(project.next("ann", 5)):
        if place < 4:
            project.label("ann", ticket.sample, ("cat", "../dog")[place % 2])
        else:
            project.skip("ann", ticket.sample, note='a "note"')
    return project


def test_a_table_of_labels_is_read_by_iale_query_and_by_import(images: Project, tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text(labels_csv(images))
    names = [images.items.name(index) for index in range(images.count)]
    indices, labels, classes = load_labels_csv(path, names, images.classes)
    assert classes == images.classes
    told = {images.items.ids[int(i)]: classes[int(y)] for i, y in zip(indices, labels, strict=True)}
    assert told == images.labels()
    other = Project.create(tmp_path / "q", ProjectConfig(images.config.data, ("../dog",), training=QUICK))
    assert import_csv(other, path) == 4
    assert other.labels() == images.labels()
    assert set(other.classes) == {"cat", "../dog"}
    assert import_csv(other, path) == 0
    assert {event.reason for event in other.decisions().values()} == {"imported"}
    assert other.labels_to_test_on() == {}
    assert other.undo("import") is None


def test_lines_of_json_hold_everything(images: Project) -> None:
    sample = next(iter(images.labels()))
    images.label("bo", sample, "cat")
    images.label("bo", sample, "../dog")
    images.undo("bo")
    lines = [json.loads(line) for line in labels_jsonl(images).splitlines()]
    assert len(lines) == 5
    assert [line["note"] for line in lines if line["label"] is None] == ['a "note"']
    (line,) = [line for line in lines if line["id"] == sample]
    assert line["label"] == images.labels()[sample]
    assert [past["kind"] for past in line["history"]][-2:] == ["label", "undo"]
    assert line["time"].endswith("+00:00")


def test_class_folders_are_safe_and_come_back(images: Project, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert export_folders(images, out) == 4
    found = sorted(path.relative_to(out).as_posix() for path in out.rglob("*.png"))
    assert len(found) == 4
    assert {name.split("/")[0] for name in found} == {"cat", "_dog"}
    for name in found:
        assert (out / name).read_bytes() == (images.config.data / name.split("/", 1)[1]).read_bytes()
    with pytest.raises(ConfigError, match="is not empty"):
        export_folders(images, out)
    again = Project.create(tmp_path / "again", ProjectConfig(out, (), training=QUICK))
    assert import_folders(again) == 4
    assert again.status().by_class == {"_dog": 2, "cat": 2}
    assert import_folders(Project.create(tmp_path / "part", ProjectConfig(tmp_path, training=QUICK)), out) == 4
    with pytest.raises(DataError, match="is not inside"):
        import_folders(again, tmp_path)


def test_names_of_folders() -> None:
    found = folder_names(("a/b", "a\\b", "A_B", "..", ".", "con", "x" * 99, "ü", "\u202eb"))
    assert list(found.values()) == ["a_b", "a_b-2", "A_B-3", "_", "_-2", "con", "x" * 60, "ü", "_b"]


def test_rows_and_texts_become_files(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (6, 5, 5), dtype=np.uint8)
    np.savez(tmp_path / "x.npz", x=pixels)
    arrays = Project.create(tmp_path / "a", ProjectConfig(tmp_path / "x.npz", ("one",), training=QUICK))
    sample = arrays.items.ids[2]
    arrays.label("ann", sample, "one")
    export_folders(arrays, tmp_path / "arrays")
    assert np.array_equal(np.asarray(Image.open(tmp_path / "arrays" / "one" / f"{sample}.png")), pixels[2])
    (tmp_path / "t.csv").write_text("text\nhello\nthere\n")
    texts = Project.create(tmp_path / "t", ProjectConfig(tmp_path / "t.csv", ("one",), training=QUICK))
    texts.label("ann", texts.items.ids[1], "one")
    export_folders(texts, tmp_path / "texts")
    assert [path.read_text() for path in (tmp_path / "texts" / "one").iterdir()] == ["there"]


def test_rows_of_features_have_no_folders(make: Make, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="export them as CSV"):
        export_folders(make(), tmp_path / "out")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sample,label\n1,even\nx,odd\n", "line 3: there is no sample 'x'"),
        ("sample,label\n1,even\nrows/12,odd\n", "did you mean '12'?"),
        ("sample,label\n1,0\n2,-1\n", "line 3: the label -1 is negative"),
        ("sample,label\n,odd\n", "line 2: label 'odd' has no sample"),
        ("sample,label\n1,odd\n1,even\n", "line 3: sample '1' has two labels"),
        ("a,b\n1,odd\n", "columns sample and label"),
    ],
)
def test_a_table_with_a_mistake_changes_nothing(make: Make, tmp_path: Path, text: str, message: str) -> None:
    project = make()
    (tmp_path / "labels.csv").write_text(text)
    with pytest.raises(DataError, match=message):
        import_csv(project, tmp_path / "labels.csv")
    assert project.changes() == 0


def test_whole_floats_are_numbers_unless_a_class_is_or_was_called_so(make: Make, tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("sample,label\n1,1.0\n2,0.0\n")
    project = make(classes=("0", "1"))
    assert import_csv(project, tmp_path / "labels.csv") == 2
    assert (sorted(project.labels().values()), project.classes) == (["0", "1"], ("0", "1"))
    project = make("old", classes=("0.0", "1.0"))
    rename_class(project, "ann", "1.0", "one")
    assert import_csv(project, tmp_path / "labels.csv") == 2
    assert (sorted(project.labels().values()), project.classes) == (["0.0", "one"], ("0.0", "one"))


def test_an_import_does_not_undo_what_the_test_share_is(make: Make, tmp_path: Path) -> None:
    """Imported labels are no random draw: they are learned from, and are not asked for as tests."""
    project = make(count=100, test_share=0.3)
    reserved = [int(index) for index in project.shares.order[:5]]
    lines = [f"{index},{'odd' if index % 2 else 'even'}" for index in reserved]
    (tmp_path / "labels.csv").write_text("\n".join(["sample,label", *lines]))
    assert import_csv(project, tmp_path / "labels.csv") == 5
    assert len(project.labels_to_learn_from()) == 5
    label_some(project, 20)
    tests = project.labels_to_test_on()
    assert len(tests) == 6
    assert not set(tests) & {project.items.ids[index] for index in reserved}


def test_a_pytorch_data_set(make: Make) -> None:
    project = make(count=80, test_share=0.2)
    label_some(project, 30)
    data = LabeledDataset(project)
    inputs, labels = next(iter(DataLoader(data, batch_size=30)))
    assert inputs.shape == (30, 2)
    assert torch.equal(labels, data.labels)
    assert [project.classes[y] for y in labels.tolist()] == [truth(project, sample) for sample in data.ids]
    assert ((inputs[:, 0] > 0).long() == labels).all()
    learn, test = LabeledDataset(project, test=False), LabeledDataset(project, test=True)
    assert len(test) == 6
    assert set(learn.ids) | set(test.ids) == set(data.ids)


def test_the_classifier_comes_back_and_gives_the_same_answers(make: Make, tmp_path: Path) -> None:
    project = make(count=60)
    with pytest.raises(ConfigError, match="no classifier is fitted yet"):
        export_classifier(project, tmp_path / "out")
    with pytest.raises(DataError, match="at least two classes"):
        fit_now(project)
    label_some(project, 12)
    fit_now(project)
    fit_now(project)
    assert len(project.fits.all) == 1
    export_classifier(project, tmp_path / "out")
    with pytest.raises(StorageError, match=r"holds no classifier, because .*`iale export PROJECT --to classifier"):
        load_classifier(project.folder)
    saved = load_classifier(tmp_path / "out")
    assert saved.classes == ("even", "odd")
    latest = project.fits.latest
    assert latest is not None
    probs = saved.outputs(project.items.samples).probs
    for sample, guess in latest.guesses.items():
        row = probs[project.items.ids.index(sample)]
        assert guess[0][1] == pytest.approx(float(row.max()), abs=1e-3)
        assert saved.classes[int(row.argmax())] == guess[0][0]
    assert saved.predict(project.items.samples)[0] in saved.classes
    weights = tmp_path / "out" / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    with pytest.raises(StorageError, match="does not match"):
        load_classifier(tmp_path / "out")
    (tmp_path / "out" / "card.json").write_text('{"schema": 1}')
    with pytest.raises(StorageError, match="not the card of a classifier"):
        load_classifier(tmp_path / "out")


def test_scores_of_the_pool(images: Project) -> None:
    (images.config.data / "deep" / "image-000.png").write_bytes(b"damaged")
    fit_now(images)
    rows = list(csv.DictReader(io.StringIO("".join(scores_csv(images)))))
    done = {images.name(sample) for sample in images.decisions()}
    left = {images.items.name(index) for index in range(10)} - done - {"deep/image-000.png"}
    assert {row["sample"] for row in rows} == left
    for row in rows:
        shares = [float(row["p(cat)"]), float(row["p(../dog)"])]
        assert sum(shares) == pytest.approx(1, abs=1e-5)
        assert float(row["probability"]) == max(shares)
        assert row["label"] == ("cat", "../dog")[shares.index(max(shares))]
        assert float(row["score"]) == pytest.approx(-abs(shares[0] - shares[1]), abs=1e-5)
