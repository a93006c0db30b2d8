"""`iale run --neighbors` and `iale query --neighbors` do what embeddings do that were averaged by hand."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from iale.benchmark._play import loaded
from iale.benchmark._record_files import all_records
from iale.benchmark._views import BUILT_IN, averaged, geometry_of
from iale.benchmark.grid import GridConfig
from iale.benchmark.runner import run_grids
from iale.classifiers.base import TrainingConfig
from iale.cli import main
from iale.data import load_dataset
from iale.data._split_names import split_names
from iale.geometry import Averages, PointSamples, as_geometry
from iale.learner import CycleConfig

GRID = GridConfig(
    dataset="digits",
    classifier="linear",
    strategies=("margin", "uherding"),
    seeds=1,
    pools=("whole",),
    embeddings=BUILT_IN,
    neighbors=10,
    cycle=CycleConfig(labeling_budget=40, acquisition_size=10, initial_size=20),
    training=TrainingConfig(device="cpu"),
)


def test_a_run_is_that_on_embeddings_averaged_by_hand(tmp_path: Path) -> None:
    data = loaded("digits", BUILT_IN)[0]
    assert isinstance(data.train, PointSamples)
    assert isinstance(data.test, PointSamples)
    averages = Averages(data.train.points, 10)
    both = [averages.of(part.points).read().numpy() for part in (data.train, data.test)]
    names = [name for part in split_names(load_dataset("digits")) for name in part]
    np.savez(tmp_path / "e.npz", ids=np.array(names), embeddings=np.concatenate(both))
    by_hand = replace(GRID, embeddings=str(tmp_path / "e.npz"), neighbors=0)
    run_grids([GRID, by_hand, replace(GRID, neighbors=0)], tmp_path / "out", progress=False)
    found: dict[tuple[str, str], list[float]] = {}
    for record in all_records(tmp_path / "out"):
        options = record.config.options
        view = "hand" if options["embeddings"].startswith("sha256") else str(options.get("neighbors", 0))
        found[view, record.strategy] = list(record.accuracy)
    assert len(found) == 6
    for strategy in GRID.strategies:
        assert found["10", strategy] == found["hand", strategy]
        assert found["10", strategy] != found["0", strategy]


def test_embeddings_may_be_a_data_set_that_save_to_disk_wrote(tmp_path: Path) -> None:
    """A run on it is that on a file with the same rows, and is called by its content, wherever it is."""
    datasets = pytest.importorskip("datasets", reason="the library datasets is not installed")
    names = [name for part in split_names(load_dataset("digits")) for name in part]
    rows = np.random.default_rng(0).normal(size=(len(names), 4)).astype(np.float32)
    np.savez(tmp_path / "e.npz", ids=np.array(names), embeddings=rows)
    saved = datasets.Dataset.from_dict({"id": names[::-1], "embeddings": rows[::-1].tolist()})
    saved.save_to_disk(tmp_path / "e", num_shards=2)
    shutil.copytree(tmp_path / "e", tmp_path / "elsewhere")
    grids = [replace(GRID, neighbors=0, embeddings=str(tmp_path / name)) for name in ("e.npz", "e", "elsewhere")]
    run_grids(grids, tmp_path / "out", progress=False)
    found: dict[str, list[tuple[float, ...]]] = {}
    for record in all_records(tmp_path / "out"):
        found.setdefault(record.strategy, []).append(tuple(record.accuracy))
    assert all(len(own) == 2 and own[0] == own[1] for own in found.values())


def test_runs_without_neighbors_are_called_as_before() -> None:
    assert "neighbors" not in replace(GRID, neighbors=0).described("margin", "whole", 0)
    assert GRID.described("margin", "whole", 0)["neighbors"] == 10


def test_of_images_only_what_strategies_compare_is_averaged() -> None:
    data = load_dataset("digits")
    assert averaged(data, 10) is data
    points = geometry_of(data, BUILT_IN)
    expected = Averages(points, 10).of(points).read()
    torch.testing.assert_close(geometry_of(data, BUILT_IN, 10).read(), expected, rtol=0, atol=0)


def test_a_query_is_that_of_embeddings_averaged_by_hand(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(0)
    classes = rng.integers(3, size=200)
    rows = (rng.normal(size=(3, 6))[classes] + rng.normal(size=(200, 6))).astype(np.float32)
    points = as_geometry(rows, 200)
    np.save(tmp_path / "x.npy", np.arange(200.0)[:, None])
    np.save(tmp_path / "e.npy", rows)
    np.save(tmp_path / "by-hand.npy", Averages(points, 5).of(points).read().numpy())
    (tmp_path / "l.csv").write_text("sample,label\n" + "".join(f"{row},{classes[row]}\n" for row in range(12)))
    answers = []
    for file, neighbors in (("e.npy", "5"), ("by-hand.npy", "0"), ("e.npy", "0")):
        command = ["query", "--images", str(tmp_path / "x.npy"), "--embeddings", str(tmp_path / file)]
        assert main([*command, "--labels", str(tmp_path / "l.csv"), "--k", "8", "--neighbors", neighbors]) == 0
        answers.append(capsys.readouterr().out)
    assert answers[0] == answers[1] != answers[2]


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (
            ("run", "--dataset", "digits", "--out", "o", "--neighbors", "-1"),
            "the number of neighbors is a whole number of at least 0",
        ),
        (("query", "--images", "x.npy", "--neighbors", "-1"), "--neighbors is a whole number of at least 0"),
        (("query", "--images", "x.npy", "--fitted", "w.safetensors", "--neighbors", "3"), "leave out --neighbors"),
    ],
)
def test_a_wrong_number_is_one_sentence(
    command: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(list(command)) == 2
    assert message in capsys.readouterr().err
