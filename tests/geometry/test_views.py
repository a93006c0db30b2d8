"""Photos for the person, embeddings for the model: in the commands, in Python and in experiments."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import nn

from iale.active_learner import ActiveLearner
from iale.benchmark._content import run_key
from iale.benchmark._record_files import all_records
from iale.benchmark.grid import GridConfig
from iale.benchmark.records import Record
from iale.benchmark.runner import run_grids, run_one
from iale.classifiers.base import TrainingConfig
from iale.cli._main import main
from iale.data.arrays import ArraySamples
from iale.data.images import FolderSamples
from iale.data.splits import make_dataset
from iale.errors import ConfigError, DataError
from iale.geometry import built_in
from iale.learner import CycleConfig
from tests.geometry.toy import FARTHEST, Farthest, farthest

COUNT = 24
ROWS = np.random.default_rng(0).normal(size=(COUNT, 6)).astype(np.float32)
QUICK = TrainingConfig(epochs=2, device="cpu")


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of photographs of two classes, and labels of the first six."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    rng = np.random.default_rng(0)
    for number in range(COUNT):
        place = tmp_path / "photos" / "ab"[number % 2] / f"{number:02}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(255, size=(12, 10, 3), dtype=np.uint8)).save(place)
    return tmp_path / "photos"


def names_of(data: Path | str, capsys: pytest.CaptureFixture[str]) -> list[str]:
    capsys.readouterr()
    assert main(["data", str(data), "--names"]) == 0
    return capsys.readouterr().out.splitlines()


def query(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[list[str], str]:
    capsys.readouterr()
    options = ("--device", "cpu", "--subset-size", "none", "--k", "5", "--strategy", FARTHEST)
    assert main(["query", "--images", "photos", *options, *argv]) == 0
    out, err = capsys.readouterr()
    return [row["sample"] for row in csv.DictReader(io.StringIO(out))], err


def save_labels(names: list[str], flip: bool = False) -> set[int]:
    lines = [f"{name},{'ab'[(at + flip) % 2]}\n" for at, name in enumerate(names[:6])]
    Path("labels.csv").write_text("sample,label\n" + "".join(lines))
    return set(range(6))


def test_the_names_are_the_order_of_a_file_without_ids(photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert names_of("photos", capsys) == FolderSamples(photos).names
    Image.new("L", (3, 3)).save(photos / "a" / "99.png")  # of another size
    assert names_of("photos", capsys)[12] == "a/99.png"
    Path("t.csv").write_text("id,text\nx,some words\ny,other words\n")
    assert names_of("t.csv", capsys) == ["x", "y"]
    np.save("r.npy", ROWS)
    assert names_of("r.npy", capsys) == [str(row) for row in range(COUNT)]
    digits = names_of("digits", capsys)
    assert digits == [str(row) for row in range(1797)]
    np.savez("s.npz", x_train=ROWS[:4], y_train=[0, 1, 0, 1], x_test=ROWS[4:6], y_test=[0, 1])
    assert names_of("s.npz", capsys) == ["train/0", "train/1", "train/2", "train/3", "test/0", "test/1"]
    assert main(["data", "--names"]) == main(["data", "photos"]) == 2
    assert capsys.readouterr().err.count("`iale data DATA --names`") == 2


@pytest.mark.parametrize("labeled", [False, True])
def test_query_learns_from_embeddings_and_names_photos(
    photos: Path, capsys: pytest.CaptureFixture[str], labeled: bool
) -> None:
    names = names_of("photos", capsys)
    np.savez("e.npz", embeddings=ROWS[::-1], ids=np.array(names[::-1]))
    known = save_labels(names) if labeled else set()
    argv = ("--labels", "labels.csv") if labeled else ()
    chosen, err = query(capsys, "--embeddings", "e.npz", *argv)
    assert [names.index(name) for name in chosen] == farthest(torch.from_numpy(ROWS), 5, known)
    assert ("fitting a linear head on your embeddings to 6 labels" if labeled else "no labels yet") in err
    (photos / "a" / "04.png").write_bytes(b"")  # an empty file is no photograph
    assert main(["query", "--images", "photos", "--embeddings", "e.npz", "--out", "x.csv"]) == 2
    assert "has an embedding of 'a/04.png', which is no sample" in capsys.readouterr().err
    assert not Path("x.csv").exists()


def test_query_without_embeddings_uses_the_built_in_geometry(
    photos: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    names = names_of("photos", capsys)
    known = save_labels(names)
    points = built_in(FolderSamples(photos)).read()
    quick = ("--labels", "labels.csv", "--epochs", "2")
    chosen, _ = query(capsys, *quick)
    assert [names.index(name) for name in chosen] == farthest(points, 5, known)
    kept = sorted((tmp_path / "cache" / "iale" / "geometry").iterdir())
    before = [path.read_bytes() for path in kept]
    save_labels(names, flip=True)  # poisoned
    assert query(capsys, *quick)[0] == chosen
    assert [path.read_bytes() for path in kept] == before
    # A damaged photograph is passed over, and the geometry of the others is made once.
    (photos / names[farthest(points, 1, known)[0]]).write_bytes(b"\x89PNG\r\n\x1a\n damaged")
    again, err = query(capsys, *quick)
    assert chosen[0] not in again
    assert "passed over: 1 that cannot be read" in err


def model() -> nn.Module:
    return nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 2))


def test_an_active_learner_takes_a_geometry_or_makes_one(tmp_path: Path) -> None:
    other = np.random.default_rng(5).normal(size=(COUNT, 3))
    np.save(tmp_path / "other.npy", other)
    for geometry, points in (
        (other, torch.from_numpy(other)),
        (tmp_path / "other.npy", torch.from_numpy(other)),
        (None, built_in(ArraySamples(ROWS)).read()),
    ):
        learner = ActiveLearner(model(), ROWS, Farthest(), training=QUICK, geometry=geometry, cache=tmp_path / "cache")
        assert learner.ask(4) == farthest(points, 4, set())  # from zero labels
        learner.tell([0, 1, 2, 3], [0, 1, 0, 1])
        assert learner.ask(4) == farthest(points, 4, {0, 1, 2, 3})
    fixed = ActiveLearner.from_fitted(model(), ROWS, Farthest(), geometry=other)
    assert fixed.ask(2) == farthest(torch.from_numpy(other), 2, set())
    with pytest.raises(DataError, match="has 23 rows for 24 samples"):
        ActiveLearner(model(), ROWS, geometry=other[1:])


GRID = GridConfig(
    classifier="linear",
    strategies=(FARTHEST,),
    seeds=1,
    cycle=CycleConfig(labeling_budget=12, acquisition_size=4, initial_size=4, subset_size=20),
    training=TrainingConfig(device="cpu"),
)


def save_dataset(path: Path, test_shift: float = 0.0) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    rng = np.random.default_rng(3)
    x, test = rng.normal(size=(30, 5)).astype(np.float32), rng.normal(size=(10, 5)).astype(np.float32) + test_shift
    np.savez(path, x_train=x, y_train=np.arange(30) % 2, x_test=test, y_test=np.arange(10) % 2)
    return x, test


def one(config: GridConfig, out: Path) -> Record:
    run_grids(config, out, progress=False)
    return all_records(out)[0]


def test_experiments_see_the_training_split_alone(tmp_path: Path) -> None:
    x, _ = save_dataset(tmp_path / "d.npz")
    data = make_dataset("d", ArraySamples(x), np.arange(30) % 2, ArraySamples(x[:10]), np.arange(10) % 2)
    poisoned = make_dataset("d", ArraySamples(x), np.arange(30) % 2, ArraySamples(1000 * x[:10]), 1 - np.arange(10) % 2)
    config = replace(GRID, cycle=replace(GRID.cycle, subset_size=None), pools=("whole",))
    record, other = (run_one(config, each, Farthest(), "whole", 0) for each in (data, poisoned))
    assert record.selected == other.selected
    points = built_in(ArraySamples(x)).read()
    order = farthest(points, 30, set())
    places = [order.index(row) for step in record.selected for row in step]
    assert places == sorted(places)
    assert places[-1] < 8 + 4  # the four first labels may lie in between
    assert len(places) == 8


def test_experiments_on_embeddings_have_keys_of_their_content(tmp_path: Path) -> None:
    x, test = save_dataset(tmp_path / "d.npz")
    rows = np.concatenate([x[:, ::-1], test[:, ::-1]])
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)  # as classifiers get them
    for name in ("e.npy", "same.npy"):
        np.save(tmp_path / name, rows)
    np.save(tmp_path / "g.npy", x)
    np.save(tmp_path / "short.npy", rows[:-1])
    config = replace(GRID, dataset=str(tmp_path / "d.npz"))
    embedded = replace(config, embeddings=str(tmp_path / "e.npy"))
    keys = [
        storage_key(each)
        for each in (
            config,
            embedded,
            replace(config, embeddings=str(tmp_path / "same.npy")),
            replace(config, geometry=str(tmp_path / "g.npy")),
        )
    ]
    assert keys[1] == keys[2]
    assert len(set(keys)) == 3
    record = one(embedded, tmp_path / "out")
    assert str(record.config.options["embeddings"]).startswith("sha256 ")
    mirrored = tmp_path / "m.npz"
    np.savez(mirrored, x_train=rows[:30], y_train=np.arange(30) % 2, x_test=rows[30:], y_test=np.arange(10) % 2)
    np.save(tmp_path / "first.npy", rows[:30])
    plain = one(replace(config, dataset=str(mirrored), geometry=str(tmp_path / "first.npy")), tmp_path / "plain")
    assert plain.selected == record.selected
    assert plain.accuracy == record.accuracy
    with pytest.raises(DataError, match=r"short\.npy has 39 rows for 40 samples"):
        one(replace(config, embeddings=str(tmp_path / "short.npy")), tmp_path / "none")
    with pytest.raises(ConfigError, match="leave out --geometry"):
        replace(embedded, geometry="x.npy")
    assert not (tmp_path / "none").exists()


def storage_key(config: GridConfig) -> str:
    return run_key(config.described(FARTHEST, "subset", 0))


def test_embeddings_of_an_experiment_go_by_name(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = names_of("photos", capsys)  # of which a fifth is held out
    np.save("e.npy", ROWS)
    np.savez("e.npz", embeddings=ROWS[::-1], ids=np.array(names[::-1]))
    config = replace(GRID, dataset=str(photos), cycle=replace(GRID.cycle, subset_size=10))
    first, second = (one(replace(config, embeddings=file), tmp_path / file[-3:]) for file in ("e.npy", "e.npz"))
    assert first.selected == second.selected
    assert first.accuracy == second.accuracy
