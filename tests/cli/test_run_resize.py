"""``--resize``: experiments on photos of several sizes, and what their records say."""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from iale.benchmark._record_files import all_records
from iale.benchmark.grid import GridConfig
from iale.benchmark.records import Record
from iale.cli import main
from iale.cli._bench import BenchOptions, _experiments, bench_command
from iale.data._contents import fingerprint_of
from iale.data.catalog import load_dataset
from iale.errors import ConfigError, DataError

SMALL = ("--labeling-budget", "8", "--initial-size", "4", "--device", "cpu")
CYCLE = (*SMALL, "--acquisition-size", "2", "--subset-size", "10")
RUN = ("run", *CYCLE, "--seeds", "1", "--strategies", "margin")
MLP = ("--classifier", "mlp", "--epochs", "1")
SIZES = ((9, 7), (12, 12), (8, 20))
ENCODER = """
def encode(batch):
    assert batch.shape[2:] == (6, 5), batch.shape
    return batch.float().flatten(1)[:, :4] + 1
encode.size = (6, 5)
"""


def photos(folder: Path, *sizes: tuple[int, int], count: int = 40) -> list[Image.Image]:
    """Color images of two classes, in the order of their paths."""
    rng, made = np.random.default_rng(0), []
    for number in range(count):
        path = folder / "ab"[2 * number // count] / f"{number:02}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 200, (*sizes[number % len(sizes)], 3), np.uint8) + np.uint8(number)
        made.append(Image.fromarray(pixels))
        made[-1].save(path)
    return made


@pytest.fixture(autouse=True)
def images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Image.Image]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *filter(None, sys.path)]))
    return photos(Path("photos"), *SIZES)


def played(out: str, *options: str, dataset: str = "photos", model: Sequence[str] = MLP) -> Record:
    """The last record, of one run."""
    assert main([*RUN, *model, "--dataset", dataset, *options, "--out", out]) == 0
    return all_records(Path(out))[-1]


def test_a_run_is_that_on_the_resized_pixels(images: list[Image.Image], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*RUN, "--dataset", "photos", "--out", "out"]) == 2
    assert "have 3 sizes" in (error := capsys.readouterr().err)
    assert "on the command line --resize HEIGHT,WIDTH" in error
    assert not Path("out").exists()
    small = [np.asarray(each.resize((5, 6), Image.Resampling.BILINEAR)) for each in images]
    np.savez("small.npz", x=np.stack(small), y=np.repeat([0, 1], 20))
    expected = played("file", dataset="small.npz")
    one = played("one", "--resize", "6,5")
    assert (one.selected, one.accuracy) == (expected.selected, expected.accuracy)


def test_sizes_are_other_runs_on_the_same_data(capsys: pytest.CaptureFixture[str]) -> None:
    keys = [played("results", "--resize", size).key for size in ("6,5", "8,8", "6,5")]
    first, second = all_records(Path("results"))
    assert keys == [first.key, second.key, second.key]  # the last call finds its run finished
    assert [record.config.options["resize"] for record in (first, second)] == [[6, 5], [8, 8]]
    assert first.data == second.data
    assert main(["report", "results"]) == 0
    lines = re.findall(r"iale run .*", Path("results/report/report.md").read_text())
    commands = [shlex.split(line.strip("` ")) for line in lines]
    assert [command[command.index("--resize") + 1] for command in commands] == ["6,5", "8,8"]
    assert main([*commands[1][1:-1], "again"]) == 0
    assert [record.key for record in all_records(Path("again"))] == [second.key]
    photos(Path("photos"), *SIZES[1:])
    capsys.readouterr()
    assert main(["report", "results"]) == 2
    assert "were made from other data" in capsys.readouterr().err


def test_a_record_without_a_size_is_what_it_was() -> None:
    photos(Path("alike"), (8, 8))
    record = played("out", dataset="alike")
    assert "resize" not in record.config.options
    assert record.key != played("resized", "--resize", "8,8", dataset="alike").key
    assert fingerprint_of(load_dataset("alike")) == fingerprint_of(load_dataset("alike", size=(5, 5))) == record.data
    assert "resize" not in GridConfig("alike").described("margin", "subset", 0)


def test_what_an_encoder_wants_is_what_it_sees(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(".")
    monkeypatch.delitem(sys.modules, "sized_", raising=False)
    Path("sized_.py").write_text(ENCODER)
    record = played("out", "--with", "sized_:encode", "--executor", "process", model=())
    same = played("same", "--with", "sized_:encode", "--resize", "6,5", model=())
    assert (record.selected, record.accuracy) == (same.selected, same.accuracy)
    assert record.key != same.key


def test_sizes_do_not_matter_to_embeddings() -> None:
    np.save("vectors.npy", np.random.default_rng(0).normal(size=(40, 4)).astype(np.float32))
    played("out", "--embeddings", "vectors.npy", model=())
    assert main(["report", "out"]) == 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--resize", "6"), "--resize takes a height and a width"),
        (("--resize", "0,5"), "--resize takes a height and a width"),
        (("--resize", "6,5", "--embeddings", "vectors.npy"), "leave out --resize"),
        (("--resize", "6,5", "--dataset", "digits"), "digits is not a folder of images"),
        (("--resize", "6,5", "--dataset", "rows.npz"), "rows.npz is not a folder of images"),
    ],
)
def test_a_mistake_is_one_sentence(options: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    np.savez("rows.npz", x=np.zeros((8, 2)), y=np.arange(8) % 2)
    assert main([*RUN, "--dataset", "photos", *options, "--out", "out"]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert not Path("out").exists()


@pytest.mark.parametrize(
    "train",
    [
        ("train", *CYCLE, "--experts", "margin,random", "--policy-epochs", "1"),
        ("train-alil", *SMALL, "--choices", "2"),
    ],
)
def test_a_policy_is_trained_on_resized_images(train: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    command = [*train, *MLP, "--dataset", "photos", "--scoring-size", "4", "--episodes", "1"]
    assert main([*command, "--out", "out"]) == 2
    assert "--resize HEIGHT,WIDTH" in capsys.readouterr().err
    for _ in range(2):  # the second goes on
        assert main([*command, "--resize", "6,5", "--out", "out"]) == 0
    capsys.readouterr()
    assert main([*command, "--resize", "8,8", "--out", "out"]) == 2
    assert "holds a run with another configuration" in capsys.readouterr().err


def test_an_experiment_on_photos_of_several_sizes() -> None:
    photos(Path("many"), *SIZES, count=100)
    options = BenchOptions(("fig8",), size="smoke", datasets=("many",), resize=(6, 5))
    (experiment,) = _experiments(options)
    assert {grid.resize for grid in experiment.grids} == {(6, 5)}
    assert "--resize 6,5" in bench_command("fig8", options)
    with pytest.raises(DataError, match="have 3 sizes"):
        _experiments(BenchOptions(("fig8",), size="smoke", datasets=("many",)))
    with pytest.raises(DataError, match="digits is not a folder"):
        _experiments(BenchOptions(("fig8",), size="smoke", datasets=("digits",), resize=(6, 5)))
    with pytest.raises(ConfigError, match="--resize takes a height"):
        _experiments(BenchOptions(("fig8",), size="smoke", datasets=("many",), resize=(6,)))
    assert main(["bench", "fig8", "--size", "smoke", "--resize", "6,5"]) == 2
