"""Labels for COCO and Hugging Face, and the card that says that they are no random draw."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps
from tests.labeling.conftest import QUICK, Make, label_some, write_images

from iale.cli import main
from iale.errors import ConfigError, IaleWarning
from iale.labeling import coco_json, data_card, export_datasets
from iale.labeling.export import parquet
from iale.labeling.export.card import _WHY
from iale.labeling.fitting.saved import fit_now
from iale.labeling.project import Project
from iale.labeling.record._journal import Reason
from iale.labeling.record.config import ProjectConfig
from iale.labeling.reviewing._deciding import decide

ODD = "a|b <script> *x*"


@pytest.fixture
def photos(tmp_path: Path) -> Project:
    """Twelve photos of one size but the first, which lies on its side; eight are labeled, two of them as tests."""
    write_images(tmp_path / "data" / "deep", 12, size=(12, 20))
    on_side = Image.new("L", (30, 10), 7)
    exif = on_side.getexif()
    exif[0x0112] = 6
    on_side.save(tmp_path / "data" / "a side.jpg", exif=exif)
    config = ProjectConfig(tmp_path / "data", ("cat", ODD), test_share=0.3, twice_share=0, training=QUICK)
    project = Project.create(tmp_path / "p", config)
    for place, ticket in enumerate(project.next("ann", 8)):
        project.label("ann", ticket.sample, project.classes[place % 2])
    project.label("bo", project.items.ids[0], "cat")
    return project


def test_coco_names_every_labeled_image_with_its_upright_size(photos: Project) -> None:
    found = json.loads(coco_json(photos))
    names = {image["id"]: image["file_name"] for image in found["images"]}
    classes = {each["id"]: each["name"] for each in found["categories"]}
    assert list(classes) == [1, 2]
    labels = {names[each["image_id"]]: classes[each["category_id"]] for each in found["annotations"]}
    assert labels == {photos.name(sample): label for sample, label in photos.labels().items()}
    (side,) = [image for image in found["images"] if image["file_name"] == "a side.jpg"]
    assert (side["width"], side["height"]) == (10, 30)
    assert {(image["width"], image["height"]) for image in found["images"]} == {(10, 30), (20, 12)}
    tests = {names[e["image_id"]] for e in found["annotations"] if e["attributes"]["split"] == "test"}
    assert tests == {photos.name(sample) for sample in photos.labels_to_test_on()}
    assert len({each["id"] for each in found["annotations"]}) == len(found["annotations"])


def test_coco_says_that_it_leaves_out_a_photo_that_is_gone_and_refuses_rows(photos: Project, make: Make) -> None:
    sample = next(iter(photos.labels()))
    name = photos.name(sample)
    photos.path(sample).unlink()
    with pytest.warns(IaleWarning, match=rf"1 labeled image cannot be read and is left out: .*{name}"):
        found = json.loads(coco_json(photos))
    assert name not in {image["file_name"] for image in found["images"]}
    with pytest.raises(ConfigError, match="COCO names image files"):
        coco_json(make())


def test_coco_says_that_it_leaves_out_labeled_files_that_are_no_images(tmp_path: Path) -> None:
    write_images(tmp_path / "data", 3)
    for name in ("a.png", "b.png"):
        (tmp_path / "data" / name).write_bytes(f"no image {name}".encode())
    project = Project.create(tmp_path / "p", ProjectConfig(tmp_path / "data", ("cat",), test_share=0, training=QUICK))
    for sample in project.items.ids:
        project.label("import", sample, "cat")
    with pytest.warns(IaleWarning, match=r"2 labeled images cannot be read and are left out: a\.png is not a readable"):
        found = json.loads(coco_json(project))
    assert len(found["images"]) == len(found["annotations"]) == 3


def test_the_card_says_how_it_was_sampled_and_by_whom(photos: Project) -> None:
    fit_now(photos)
    card = data_card(photos)
    tests = len(photos.labels_to_test_on())
    assert "**These labels are no random draw from the pool.**" in card
    assert f"Only the {tests} labels of the test share are" in card
    assert f"| the honest test share: a uniform random draw, made before anyone saw a sample | {tests} |" in card
    assert f"of the {tests} labels of the test share right" in card
    assert "95% interval" in card
    assert "| ann | " in card
    assert "| bo | 1 |" in card
    assert "a\\|b &lt;script&gt; \\*x\\*" in card
    assert "<script>" not in card
    by_class = photos.status().by_class
    for row in [line for line in card.splitlines() if line.startswith("| cat |")]:
        assert row.split("|")[2].strip() == str(by_class["cat"])
    assert "No sample was labeled by two people." in card


def test_who_decides_between_two_leaves_a_sample_in_the_test_share(photos: Project) -> None:
    tested = set(photos.labels_to_test_on())
    sample = min(tested)
    first = photos.decision(sample)
    assert first is not None
    other = next(name for name in photos.classes if name != first.label)
    photos.hold("bo", [sample], "second")
    photos.label("bo", sample, other)
    decided = decide(photos, "cid", sample, other, seen=first.number)
    assert decided is not None
    assert decided.reason == "adjudicated"
    assert set(photos.labels_to_test_on()) == tested
    assert {row["id"] for row in parquet._split_rows(photos.reader, test=True)} == tested
    found = json.loads(coco_json(photos))
    names = {image["id"]: image["file_name"] for image in found["images"]}
    tests = {names[each["image_id"]] for each in found["annotations"] if each["attributes"]["split"] == "test"}
    assert tests == {photos.name(each) for each in tested}
    card = data_card(photos)
    assert f"Only the {len(tested)} labels of the test share are" in card
    assert "| two people disagreed about it, and somebody decided | 1 |" in card
    assert set(get_args(Reason)) == set(_WHY)


def test_a_card_without_a_test_share_or_a_model_says_so(make: Make) -> None:
    project = make(test_share=0.0)
    label_some(project, 4)
    card = data_card(project)
    assert "None of them belongs to an honest test share" in card
    assert "Not known: no model yet" in card


def test_a_data_set_needs_pyarrow_and_says_so(
    photos: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    out = tmp_path / "out"
    assert main(["export", str(photos.folder), "--to", "datasets", "--out", str(out)]) == 2
    assert "pip install pyarrow" in capsys.readouterr().err
    assert not out.exists()


def test_rows_of_a_data_set_hold_the_files_and_the_test_share_is_a_split_of_its_own(photos: Project) -> None:
    for test, labels in ((True, photos.labels_to_test_on()), (False, photos.labels_to_learn_from())):
        rows: list[Any] = list(parquet._split_rows(photos.reader, test=test))
        assert {row["id"]: photos.classes[row["label"]] for row in rows} == labels
        for row in rows:
            assert row["image"]["bytes"] == photos.path(row["id"]).read_bytes()
            assert row["image"]["path"] == row["sample"] == photos.name(row["id"])
    columns = parquet._features(photos.reader)
    assert columns["image"] == {"_type": "Image"}
    assert columns["label"] == {"names": ["cat", ODD], "_type": "ClassLabel"}


def test_arrays_texts_and_rows_become_columns(make: Make, tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (6, 5, 5), dtype=np.uint8)
    np.savez(tmp_path / "x.npz", x=pixels)
    arrays = Project.create(tmp_path / "a", ProjectConfig(tmp_path / "x.npz", ("one",), training=QUICK))
    arrays.label("ann", arrays.items.ids[2], "one")
    (row,) = parquet._split_rows(arrays.reader, test=False)
    assert isinstance(row["image"], dict)
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(row["image"]["bytes"]))), pixels[2])
    (tmp_path / "t.csv").write_text("text\nhello\nthere\n")
    texts = Project.create(tmp_path / "t", ProjectConfig(tmp_path / "t.csv", ("one",), training=QUICK))
    texts.label("ann", texts.items.ids[1], "one")
    assert [row["text"] for row in parquet._split_rows(texts.reader, test=False)] == ["there"]
    rows = make()
    rows.label("ann", rows.items.ids[3], "odd")
    (row,) = parquet._split_rows(rows.reader, test=False)
    assert row["features"] == rows.items.samples.batch(torch.tensor([3]))[0].tolist()
    np.savez(tmp_path / "deep.npz", x=np.ones((4, 5, 5), np.float32))
    deep = Project.create(tmp_path / "d", ProjectConfig(tmp_path / "deep.npz", ("one",), training=QUICK))
    with pytest.raises(ConfigError, match="do not fit into image files"):
        export_datasets(deep, tmp_path / "out")


def _loaded(project: Project, folder: Path) -> Any:
    pytest.importorskip("pyarrow", reason="the extra 'parquet' is not installed")
    datasets = pytest.importorskip("datasets", reason="the package datasets of Hugging Face is not installed")
    assert export_datasets(project, folder / "out") == len(project.labels())
    return datasets.load_dataset(str(folder / "out"), cache_dir=str(folder / "cache"))


def test_hugging_face_reads_the_data_set(photos: Project, tmp_path: Path) -> None:
    found = _loaded(photos, tmp_path)
    with pytest.raises(ConfigError, match="is not empty"):
        export_datasets(photos, tmp_path / "out")
    assert set(found) == {"train", "test"}
    for split, labels in (("test", photos.labels_to_test_on()), ("train", photos.labels_to_learn_from())):
        assert found[split].features["label"].names == ["cat", ODD]
        assert {row["id"]: photos.classes[row["label"]] for row in found[split]} == labels
        for row in found[split]:
            with Image.open(photos.path(row["id"])) as image:
                upright = ImageOps.exif_transpose(image)  # as people saw it, and as Hugging Face decodes it
            assert np.array_equal(np.asarray(row["image"]), np.asarray(upright))


def test_hugging_face_reads_texts_and_rows(make: Make, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("text\nhello\n,\nz\u00fc \U0001f600\n")
    config = ProjectConfig(tmp_path / "t.csv", ("one", "two"), training=QUICK)
    texts = Project.create(tmp_path / "t", config)
    texts.label("ann", texts.items.ids[len(texts.items) - 1], "two")
    (row,) = _loaded(texts, tmp_path / "texts")["train"]
    assert (row["text"], row["label"], row["person"]) == ("z\u00fc \U0001f600", 1, "ann")
    rows = make()
    rows.label("ann", rows.items.ids[3], "odd")
    (row,) = _loaded(rows, tmp_path / "rows")["train"]
    assert row["features"] == rows.items.samples.batch(torch.tensor([3]))[0].tolist()


def test_parquet_files_are_read_by_pyarrow(photos: Project, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="the extra 'parquet' is not installed")
    import pyarrow.parquet

    assert export_datasets(photos, tmp_path / "out") == len(photos.labels())
    table = pyarrow.parquet.read_table(tmp_path / "out" / "data" / "train-00000-of-00001.parquet")
    assert dict(zip(table["id"].to_pylist(), table["label"].to_pylist(), strict=True)) == {
        sample: photos.classes.index(label) for sample, label in photos.labels_to_learn_from().items()
    }
    features = json.loads(table.schema.metadata[b"huggingface"])["info"]["features"]
    assert features["image"] == {"_type": "Image"}
    head = (tmp_path / "out" / "README.md").read_text().split("---\n")[1]
    (config,) = json.loads(head.removeprefix("configs: "))
    assert [each["split"] for each in config["data_files"]] == ["train", "test"]


@pytest.mark.parametrize("to", ["coco", "card", "csv", "jsonl"])
def test_the_command_prints_or_writes(
    photos: Project, tmp_path: Path, to: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", str(photos.folder), "--to", to]) == 0
    printed = capsys.readouterr().out
    assert main(["export", str(photos.folder), "--to", to, "--out", str(tmp_path / "out.txt")]) == 0
    written = (tmp_path / "out.txt").read_text()
    assert written if to == "coco" else written == printed
