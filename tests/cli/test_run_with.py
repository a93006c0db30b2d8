"""``iale run --with ENCODER``: the vectors are made once, and a record says which they were."""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import shutil
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from iale.benchmark import GridConfig, run_grids, run_one, runner
from iale.benchmark._record_files import all_records
from iale.benchmark._views import vectors_of
from iale.benchmark.records import Record
from iale.cli import main
from iale.data import catalog
from iale.errors import ConfigError
from iale.learner import CycleConfig

ENCODER = """
import pathlib
def encode(batch):
    with pathlib.Path("calls").open("a") as file:
        file.write(f"{len(batch)} ")
    return float(pathlib.Path("scale").read_text()) * batch.float().flatten(1)[:, 1:4] + 1
def other(batch):
    return batch.float().flatten(1)[:, :2]
"""
SMALL = "--seeds 1 --labeling-budget 8 --acquisition-size 2 --initial-size 4 --subset-size 10 --strategies coreset"
RUN = ("run", "--dataset", "mine.npz", *SMALL.split())
WITH = ("--with", "encoders_:encode")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """60 rows of two classes, of which 12 become the test split, and an encoder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *filter(None, sys.path)]))
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "encoders_", raising=False)
    Path("encoders_.py").write_text(ENCODER)
    Path("scale").write_text("1")
    rows = np.random.default_rng(0).normal(size=(60, 5)).astype(np.float32)
    np.savez("mine.npz", x=rows, y=np.repeat([0, 1], 30))
    np.save("vectors.npy", rows[:, 1:4] + 1)


def played(out: str, *options: str) -> Record:
    """The last record, of one run."""
    assert main([*RUN, *options, "--out", out]) == 0
    return all_records(Path(out))[-1]


def encoded() -> list[int]:
    """How many samples the encoder saw, call by call."""
    return [int(count) for count in Path("calls").read_text().split()] if Path("calls").exists() else []


def test_a_run_is_that_with_the_embeddings_of_the_encoder(capsys: pytest.CaptureFixture[str]) -> None:
    expected = played("file", "--embeddings", "vectors.npy")
    capsys.readouterr()
    one = played("one", *WITH)
    assert capsys.readouterr().err.count("looking at all samples with encoders_:encode\n") == 1
    assert (one.selected, one.accuracy, one.classifier) == (expected.selected, expected.accuracy, "linear")
    again = played("two", *WITH, "--workers", "2", "--executor", "process")
    assert capsys.readouterr().err.count("the vectors of encoders_:encode are read from the cache") == 1
    assert again.content == one.content
    assert sum(encoded()) == 60
    assert one.key != expected.key
    assert str(one.config.options["with_"]).startswith("encoders_:encode ")


def test_a_run_reads_the_data_and_their_vectors_once(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = played("one", *WITH)
    read: Counter[str] = Counter()
    load, digest = catalog._from_npz, hashlib.file_digest

    def loaded(path: Path) -> Any:
        read[path.name] += 1
        return load(path)

    def digested(file: Any, kind: str) -> Any:
        read[Path(file.name).name] += 1
        return digest(file, kind)

    monkeypatch.setattr(catalog, "_from_npz", loaded)
    monkeypatch.setattr(hashlib, "file_digest", digested)
    assert played("two", *WITH).content == expected.content
    kept = [path.name for path in Path("cache").rglob("*.npy")]
    assert len(kept) == 2
    assert read == Counter(["mine.npz", *kept])


def test_other_vectors_are_another_run_whatever_their_encoder_is_called() -> None:
    first = played("out", *WITH)
    played("out", *WITH)
    assert len(all_records(Path("out"))) == 1
    other = played("out", "--with", "encoders_:other")
    Path("scale").write_text("2")  # what the name and the text of the encoder do not tell
    shutil.rmtree("cache")
    third = played("out", *WITH)
    assert len({first.key, other.key, third.key}) == 3
    assert first.config.options["with_"] == third.config.options["with_"]
    assert len({record.config.view for record in all_records(Path("out"))}) == 3


@pytest.mark.parametrize("lost", [True, False])
def test_a_worker_that_has_other_vectors_records_nothing(
    lost: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    groups = runner._groups

    def elsewhere(*arguments: Any) -> Any:  # as on another machine
        shutil.rmtree("cache")
        Path("scale").write_text("2")
        if not lost:
            vectors_of("mine.npz", "encoders_:encode", "cpu", shown=False)
        return groups(*arguments)

    monkeypatch.setattr(runner, "_groups", elsewhere)
    assert main([*RUN, *WITH, "--workers", "2", "--executor", "process", "--out", "out"]) == 2
    assert "does not hold the vectors of encoders_:encode with which the command began" in capsys.readouterr().err
    assert not Path("out/records.jsonl").exists()


def test_the_command_in_a_report_names_the_encoder() -> None:
    key = played("results", *WITH).key
    assert main(["report", "results"]) == 0
    (line,) = re.findall(r"iale run .*", Path("results/report/report.md").read_text())
    command = shlex.split(line.strip("` "))
    assert command[command.index("--with") + 1] == "encoders_:encode"
    assert "--embeddings" not in command
    assert main([*command[1:-1], "again"]) == 0
    assert [record.key for record in all_records(Path("again"))] == [key]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((*WITH, "--embeddings", "vectors.npy"), "leave out --embeddings, --geometry and --model"),
        ((*WITH, "--geometry", "vectors.npy"), "leave out --embeddings, --geometry and --model"),
        ((*WITH, "--model", "encoders_:other"), "leave out --embeddings, --geometry and --model"),
        (("--with", "encoders_"), "is not one of timm:MODEL"),
        (("--with", "encoders_:absent"), "cannot be imported"),
        ((*WITH, "--strategies", "cores"), "did you mean 'coreset'?"),
    ],
)
def test_a_mistake_is_one_sentence_before_anything_is_encoded(
    options: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*RUN, *options, "--out", "out"]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert not encoded()
    assert not Path("out").exists()


def test_a_photo_that_cannot_be_read_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(0)
    for number in range(40):
        Path(f"photos/{'ab'[number % 2]}").mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (8, 8, 3), np.uint8)).save(f"photos/{'ab'[number % 2]}/{number}.png")
    run = [*RUN, "--dataset", "photos", *WITH, "--out", "out"]
    assert main(run) == 0
    whole = Path("photos/a/6.png").read_bytes()
    Path("photos/a/6.png").write_bytes(whole[: len(whole) // 2])
    shutil.rmtree("out")
    for _ in range(2):  # the vectors are kept, and zeros among them
        assert main(run) == 2
        assert "photos/a/6.png is not a readable image" in capsys.readouterr().err
    assert not Path("out").exists()


def test_from_python(capsys: pytest.CaptureFixture[str]) -> None:
    cycle = CycleConfig(labeling_budget=8, acquisition_size=2, initial_size=4)
    options: dict[str, Any] = {"strategies": ("coreset",), "seeds": 1, "pools": ("whole",), "cycle": cycle}
    config = GridConfig("mine.npz", with_="encoders_:encode", **options)
    run_grids(config, Path("out"), progress=False)
    (record,) = all_records(Path("out"))
    assert str(record.config.options["with_"]).startswith("encoders_:encode ")
    assert not capsys.readouterr().err
    with pytest.raises(ConfigError, match="encode the data set first"):
        run_one(config, catalog.load_dataset("mine.npz"), "coreset", "whole", 0)
