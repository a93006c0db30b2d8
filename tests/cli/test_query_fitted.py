"""`iale query --fitted` with what `iale export --to classifier` wrote: the card says what the model is."""

from __future__ import annotations

import copy
import csv
import io
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from tests.labeling.conftest import QUICK

from iale import _storage as storage
from iale.active_learner import ActiveLearner
from iale.classifiers._fixed import FixedClassifier
from iale.cli._main import main
from iale.data._texts import TextSamples
from iale.data.arrays import ArraySamples
from iale.data.images import FolderSamples
from iale.data.samples import Samples
from iale.geometry import built_in
from iale.geometry.encoders import find_encoder
from iale.labeling import SavedClassifier, load_classifier
from iale.labeling.fitting._background import make_geometry
from iale.labeling.project import Project
from iale.labeling.record.config import ProjectConfig

OLD, NEW, LABELED = 40, 15, 16
QUERY = ("query", "--k", "6", "--device", "cpu", "--strategy", "margin")
FITTED = ("--fitted", "out/weights.safetensors")
OWN = """
from torch import nn

def model(classes):
    return nn.Sequential(nn.Flatten(), nn.Linear(3 * 12 * 12, 5), nn.ReLU(), nn.Linear(5, classes))

def encode(batch):
    return batch.float().mean(dim=1).flatten(1)[:, ::5] / 255

encode.size = (16, 16)
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.delitem(sys.modules, "own_networks", raising=False)
    Path("own_networks.py").write_text(OWN)


def write_photos(folder: str, count: int, size: tuple[int, int], mode: str = "RGB") -> None:
    """Stripes in noise, which go across in even ones and down in odd ones."""
    rng = np.random.default_rng(count)
    Path(folder).mkdir()
    for number in range(count):
        stripes = np.indices(size)[number % 2] % 4 < 2
        pixels = 128 + 60 * stripes[..., None] + rng.normal(0, 60, (*size, 3))
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).convert(mode).save(f"{folder}/{number:02}.png")


def texts(count: int) -> list[str]:
    rng = np.random.default_rng(count)
    words = np.array(["rain", "wind", "sun", "saw", "drill", "nail"])
    return [" ".join(rng.choice(words[[range(4), range(2, 6)][n % 2]], 5)) for n in range(count)]


def rows(count: int) -> list[dict[str, str]]:
    """Of a column of numbers, and one of categories; few rows do not hold every category."""
    rng = np.random.default_rng(count)
    colors = ["red", "blue"] if count == NEW else ["red", "green", "blue"]
    return [{"size": f"{rng.normal() + n % 2:.3f}", "color": str(rng.choice(colors))} for n in range(count)]


def write_rows(path: str, found: list[dict[str, str]]) -> None:
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, list(found[0]))
        writer.writeheader()
        writer.writerows(found)


def numbers(count: int) -> np.ndarray:
    return np.random.default_rng(count).normal(size=(count, 5)).astype(np.float32) + np.arange(count)[:, None] % 2


def export(data: str, **config: Any) -> SavedClassifier:
    """A project with labels, and what `iale export` writes of it, in the folder out."""
    project = Project.create(Path("p"), ProjectConfig(Path(data), ("even", "odd"), test_share=0.0, **config))
    ids = project.items.ids
    project.add_labels("ann", {ids[row]: project.classes[row % 2] for row in range(LABELED)}, "chosen")
    if "embeddings" not in config:
        make_geometry(str(project.folder))
    project.close()
    assert main(["export", "p", "--to", "classifier", "--out", "out"]) == 0
    return load_classifier("out")


def images(**config: Any) -> tuple[str, SavedClassifier, Samples]:
    """New photos are larger than those of the project, and have no colors."""
    write_photos("photos", OLD, (12, 12))
    write_photos("new", NEW, (30, 20), "L")
    saved = export("photos", **config)
    return "new", saved, saved.expects.samples(sorted(Path("new").iterdir()))


def text_table() -> tuple[str, SavedClassifier, Samples]:
    for name, count in (("texts.csv", OLD), ("new.csv", NEW)):
        write_rows(name, [{"text": text} for text in texts(count)])
    return "new.csv", export("texts.csv"), TextSamples(texts(NEW))


def feature_table() -> tuple[str, SavedClassifier, Samples]:
    for name, count in (("t.csv", OLD), ("new.csv", NEW)):
        np.savetxt(name, numbers(count), delimiter=",", header="a,b,c,d,e", comments="")
    saved = export("t.csv")
    return "new.csv", saved, saved.expects.samples(np.loadtxt("new.csv", delimiter=",", skiprows=1))


def category_table() -> tuple[str, SavedClassifier, Samples]:
    write_rows("t.csv", rows(OLD))
    write_rows("new.csv", [{"color": row["color"], "size": row["size"]} for row in rows(NEW)])
    saved = export("t.csv")
    return "new.csv", saved, saved.expects.samples(rows(NEW))


def encoded() -> tuple[str, SavedClassifier, Samples]:
    _, saved, _ = images(with_="own_networks:encode")
    assert saved.encoder is not None
    return "new", saved, FolderSamples("new", size=find_encoder(saved.encoder).size, mode="RGB")


def network_of_images() -> tuple[str, SavedClassifier, Samples]:
    return images(classifier="cnn", training=QUICK)


def network_of_rows() -> tuple[str, SavedClassifier, Samples]:
    np.save("x.npy", numbers(OLD))
    np.save("new.npy", numbers(NEW))
    return "new.npy", export("x.npy", classifier="mlp", training=QUICK), ArraySamples(numbers(NEW))


def own_network() -> tuple[str, SavedClassifier, Samples]:
    return images(model="own_networks:model", training=QUICK)


Made = Callable[[], tuple[str, SavedClassifier, Samples]]
EVERY = [
    images,
    text_table,
    feature_table,
    category_table,
    encoded,
    network_of_images,
    network_of_rows,
    own_network,
]


def ask(capsys: pytest.CaptureFixture[str], *argv: str) -> list[int]:
    capsys.readouterr()
    assert main([*QUERY, *argv]) == 0
    return [int(row["sample"].removesuffix(".png")) for row in csv.DictReader(io.StringIO(capsys.readouterr().out))]


def least_margins(saved: SavedClassifier, samples: Samples) -> list[int]:
    best = saved.outputs(samples).logits.double().softmax(1).sort(dim=1).values
    return (best[:, -1] - best[:, -2]).argsort()[:6].tolist()


@pytest.mark.parametrize("make", EVERY)
def test_the_card_says_what_the_model_is(make: Made, capsys: pytest.CaptureFixture[str]) -> None:
    data, saved, samples = make()
    expected = least_margins(saved, samples)
    assert ask(capsys, *FITTED, "--images", data) == expected
    end = ".png" if data == "new" else ""
    Path("labels.csv").write_text(f"sample,label\n{expected[0]:0{2 if end else 1}}{end},odd\n")
    assert ask(capsys, *FITTED, "--images", data, "--labels", "labels.csv", "--k", "5") == expected[1:]


def test_the_folder_of_an_export_stands_for_its_weights(refused: Refused, capsys: pytest.CaptureFixture[str]) -> None:
    data, _, _ = text_table()
    assert ask(capsys, "--fitted", "out", "--images", data) == ask(capsys, *FITTED, "--images", data)
    assert "there is no file p/weights.safetensors: --fitted takes" in refused("--fitted", "p", "--images", data)


def test_embeddings_are_those_of_the_new_samples(refused: Refused, capsys: pytest.CaptureFixture[str]) -> None:
    write_photos("photos", OLD, (12, 12))
    write_photos("new", NEW, (30, 20), "L")
    np.save("old.npy", numbers(OLD))
    np.save("new.npy", numbers(NEW))
    saved = export("photos", embeddings=Path("old.npy"))
    unit = numbers(NEW) / np.linalg.norm(numbers(NEW), axis=1, keepdims=True)
    given = (*FITTED, "--images", "new")
    assert ask(capsys, *given, "--embeddings", "new.npy") == least_margins(saved, ArraySamples(unit))
    assert "learned from rows of numbers, and new holds images: name their --embeddings" in refused(*given)
    np.save("wide.npy", numbers(NEW)[:, :4])
    assert "shape (4,)" in refused(*given, "--embeddings", "wide.npy")


def test_vectors_of_an_encoder_may_be_given(capsys: pytest.CaptureFixture[str]) -> None:
    data, saved, samples = encoded()
    assert main(["embed", data, "--with", "own_networks:encode", "--out", "v.npz"]) == 0
    found = ask(capsys, *FITTED, "--images", data, "--resize", "9,9", "--embeddings", "v.npz")
    assert found == least_margins(saved, samples)


@pytest.mark.parametrize("make", [images, text_table, network_of_rows, encoded])
def test_the_default_strategy_compares_the_new_samples(make: Made, capsys: pytest.CaptureFixture[str]) -> None:
    data, saved, samples = make()
    points: object = built_in(samples, saved.expects.kind)
    if saved.encoder is not None:
        points = find_encoder(saved.encoder).points(samples, torch.arange(NEW))
    inputs = saved.seen(samples)
    learner = ActiveLearner(FixedClassifier(saved.fitted), inputs, "eherding", subset_size=None, geometry=points)
    assert ask(capsys, *FITTED, "--images", data, "--strategy", "eherding") == learner.ask(6)


def test_a_photo_that_cannot_be_read_is_passed_over(capsys: pytest.CaptureFixture[str]) -> None:
    for make in (images, encoded):
        for path in ("photos", "new", "p", "out"):
            if Path(path).exists():
                Path(path).rename(f"old-{path}")
        _, saved, samples = make()
        worst = least_margins(saved, samples)[0]
        damaged = Path(f"new/{worst:02}.png")
        damaged.write_bytes(damaged.read_bytes()[:60])
        left = ask(capsys, *FITTED, "--images", "new", "--k", "14")
        assert sorted([*left, worst]) == list(range(NEW))


Refused = Callable[..., str]


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str]) -> Refused:
    """Runs a query that must be refused; returns its sentence."""

    def run(*argv: str) -> str:
        capsys.readouterr()
        assert main([*QUERY, *argv]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        *told, last = err.splitlines()
        assert last.startswith("iale: ")
        assert last.endswith(".")
        assert all(line.startswith(("loading", "new.csv: ")) for line in told)  # what it does, and how a table was read
        return last

    return run


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        (("--classifier", "cnn"), "says classifier linear, and cnn was named"),
        (("--model", "own_networks:model"), "says classifier linear, and own_networks:model was named"),
        (("--classes", "odd,even"), "says classes even,odd, and odd,even was named"),
        (("--strategy", "ensemble"), "a committee needs several fits"),
        (("--strategy", "bald"), "dropout"),
        (("--resize", "9,9"), "inputs of shape (3, 9, 9)"),
        (("--images", "new.csv"), "learned from images, and new.csv holds texts"),
        (("--images", "x.npy"), "learned from images, and x.npy holds rows of numbers"),
        (("--images", "float.npy"), "inputs of shape (3, 12, 12) and type float32"),
        (("--embeddings", "x.npy"), "learned from images, and the embeddings are rows of numbers: leave"),
        (("--images", "away.npy"), "there is no away.npy"),
        (("--fitted", "out/away.safetensors"), "there is no file out/away.safetensors: --fitted takes"),
        (("--fitted", "."), "there is no file weights.safetensors: --fitted takes"),
    ],
)
def test_what_contradicts_the_card_is_one_sentence(argv: tuple[str, ...], sentence: str, refused: Refused) -> None:
    images()
    write_rows("new.csv", [{"text": text} for text in texts(NEW)])
    np.save("x.npy", numbers(NEW))
    np.save("float.npy", np.zeros((NEW, 3, 12, 12), np.float32))
    assert sentence in refused(*FITTED, "--images", "new", *argv)


def test_colors_that_the_classifier_never_saw_are_refused(refused: Refused) -> None:
    write_photos("photos", OLD, (12, 12), "L")
    write_photos("new", NEW, (12, 12))
    export("photos")
    assert "inputs of shape (3, 12, 12)" in refused(*FITTED, "--images", "new")


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ("size,color\n1,pink\n2,red\n", "'pink' is no category of the column 'color'"),
        ("size,color\n1,red\nmany,red\n", "'many' is not a finite number, as the column 'size' holds"),
        ("size\n1\n2\n", "a row has no 'color'"),
        ("size,color\n", "holds no rows"),
        ("color,size\nred\n", "line 2: 1 of 2 cells"),
    ],
)
def test_rows_of_another_table_are_refused(table: str, sentence: str, refused: Refused) -> None:
    category_table()
    Path("new.csv").write_text(table)
    assert sentence in refused(*FITTED, "--images", "new.csv", "--k", "1")


def test_columns_of_numbers_are_found_by_their_names(capsys: pytest.CaptureFixture[str], refused: Refused) -> None:
    """Another table may have them in another order, and more of them; one that lacks one is refused."""
    np.savetxt("x.csv", numbers(OLD), delimiter=",", header="a,b,c,d,e", comments="")
    export("x.csv", classifier="mlp", training=QUICK)
    answers = []
    for order in ("abcde", "edcba"):
        columns = numbers(NEW)[:, ["abcde".index(name) for name in order]]
        np.savetxt("new.csv", columns, delimiter=",", header=",".join(order), comments="")
        assert main([*QUERY, "--images", "new.csv", *FITTED]) == 0
        answers.append(capsys.readouterr().out.splitlines()[-6:])
    assert answers[0] == answers[1]
    np.savetxt("new.csv", numbers(NEW)[:, :4], delimiter=",", header="a,b,c,x", comments="")
    assert "a row has no 'd': the classifier learned from a, b, c, d, e" in refused(*FITTED, "--images", "new.csv")


def test_a_card_that_belongs_to_other_weights_says_nothing(refused: Refused) -> None:
    """As a card that iale has not written: then the user names the model."""
    images()
    storage.write_tensors(Path("out/weights.safetensors"), {"other": torch.zeros(1)})
    assert "belong to another model" in refused(*FITTED, "--images", "new", "--resize", "12,12")


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every part of a card."""
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, part in steps:
        yield (*path, step)
        yield from places(part, (*path, step))


@pytest.mark.parametrize("make", [images, category_table])
def test_a_card_that_was_altered_is_one_sentence(make: Made, capsys: pytest.CaptureFixture[str]) -> None:
    data, card = make()[0], json.loads(Path("out/card.json").read_text())
    refusals = 0
    for path in places(card):
        wrong: Any
        for wrong in (None, -7, []):
            altered = copy.deepcopy(card)
            part = altered
            for step in path[:-1]:
                part = part[step]
            part[path[-1]] = wrong
            Path("out/card.json").write_text(json.dumps(altered))
            if main([*QUERY, *FITTED, "--images", data]):
                refusals += 1
                assert capsys.readouterr().err.splitlines()[-1].startswith("iale: ")
    assert refusals > 30
