from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from iale import _storage as storage
from iale.benchmark._content import seal
from iale.benchmark._record_files import PACKED, RECORDS, pack
from iale.benchmark.grid import GridConfig
from iale.benchmark.runner import run_grids
from iale.classifiers.base import TrainingConfig
from iale.data.catalog import load_dataset
from iale.errors import StorageError
from iale.learner import CycleConfig
from tests.benchmark.content import all_records, read_records, read_runs, run_one

CONFIG = GridConfig(
    dataset="digits",
    classifier="mlp",
    strategies=("margin", "random"),
    seeds=2,
    test_size=50,
    cycle=CycleConfig(labeling_budget=40, subset_size=50, monte_carlo_passes=2, committee_size=2),
    training=TrainingConfig(epochs=2, device="cpu"),
)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run_grids(CONFIG, tmp_path_factory.mktemp("finished"), progress=False)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"seed": 0', '"seed": 7'),
        ('"strategy": "margin"', '"strategy": "badge"'),
        ('"labeling_budget": 40', '"labeling_budget": 50'),
        ('"labeled": [20', '"labeled": [10'),
        ('"python"', '"Python"'),
    ],
)
def test_a_record_that_was_altered_anywhere_is_refused_with_its_line(
    finished: Path, tmp_path: Path, old: str, new: str
) -> None:
    lines = finished.read_text().splitlines(keepends=True)
    assert old in lines[0]
    (tmp_path / RECORDS).write_text(lines[1] + lines[0].replace(old, new, 1))
    with pytest.raises(StorageError, match=r"line 2, does not fit its digest"):
        read_records(tmp_path / RECORDS)


def test_a_better_accuracy_is_refused(finished: Path, tmp_path: Path) -> None:
    record = json.loads(finished.read_text().splitlines()[0])
    record["accuracy"][-1] = 1.0
    (tmp_path / RECORDS).write_text(storage.to_json(record) + "\n")
    with pytest.raises(StorageError, match="does not fit its digest"):
        read_records(tmp_path / RECORDS)


@pytest.mark.parametrize("text", ['"x": NaN', '"x": "\\ud800"', '"x": [1, 2'])
def test_what_json_takes_for_a_record_and_no_digest_fits_is_refused(finished: Path, tmp_path: Path, text: str) -> None:
    line = finished.read_text().splitlines()[0]
    (tmp_path / RECORDS).write_text(f"{{{text}, {line[1:]}\n")
    with pytest.raises(StorageError, match=r"line 1, (does not fit its digest|is not readable JSON)"):
        read_records(tmp_path / RECORDS)


@pytest.mark.parametrize("bit", [0, 3, 7])
def test_any_flipped_bit_is_refused_with_its_line(finished: Path, tmp_path: Path, bit: int) -> None:
    first, second = finished.read_bytes().splitlines(keepends=True)[:2]
    for place in range(0, len(second) - 1, 11):
        damaged = bytearray(second)
        damaged[place] ^= 1 << bit
        (tmp_path / RECORDS).write_bytes(first + bytes(damaged))
        with pytest.raises(StorageError, match="line 2"):
            read_records(tmp_path / RECORDS)


def test_a_run_that_was_told_twice_counts_once_and_two_results_of_it_are_refused(
    finished: Path, tmp_path: Path
) -> None:
    one, other = read_records(finished)[:2]
    better = seal(one | {"accuracy": [1.0] * len(one["accuracy"])})
    assert better["key"] == one["key"]
    for folder, records in {"same": [one, other, one], "two": [one, other, better]}.items():
        for record in records:
            storage.append_line(tmp_path / folder / RECORDS, record)
    assert read_records(tmp_path / "same" / RECORDS) == [one, other]
    with pytest.raises(StorageError, match=r"two results of one run \(digits, mlp, margin, subset, seed 0\)"):
        read_records(tmp_path / "two" / RECORDS)

    storage.append_line(tmp_path / "packed" / RECORDS, one)
    pack(tmp_path / "packed")
    storage.append_line(tmp_path / "packed" / RECORDS, one)
    assert all_records(tmp_path / "packed") == [one]
    storage.append_line(tmp_path / "packed" / RECORDS, better)
    with pytest.raises(StorageError, match="two results of one run"):
        all_records(tmp_path / "packed")
    storage.append_line(tmp_path / "elsewhere" / RECORDS, better)
    with pytest.raises(StorageError, match="two results of one run"):
        read_runs([tmp_path / "same", tmp_path / "elsewhere"])


def test_packed_records_are_the_same_count_as_finished_and_pack_to_equal_bytes(finished: Path, tmp_path: Path) -> None:
    records = read_records(finished)
    for folder, order in (("one", records), ("other", records[::-1])):
        for record in order:
            storage.append_line(tmp_path / folder / RECORDS, record)
        assert pack(tmp_path / folder) == tmp_path / folder / PACKED
        assert not (tmp_path / folder / RECORDS).exists()
    assert (tmp_path / "one" / PACKED).read_bytes() == (tmp_path / "other" / PACKED).read_bytes()
    assert sorted(r["key"] for r in all_records(tmp_path / "one")) == sorted(r["key"] for r in records)
    run_grids(replace(CONFIG, seeds=3), tmp_path / "one", progress=False)
    assert len(storage.read_lines(tmp_path / "one" / RECORDS)) == 2  # the third seed alone
    assert len(all_records(tmp_path / "one")) == 6


@pytest.mark.parametrize("how", ["cut", "flipped", "nothing"])
def test_a_damaged_packed_file_is_refused(finished: Path, tmp_path: Path, how: str) -> None:
    for record in read_records(finished):
        storage.append_line(tmp_path / RECORDS, record)
    path = pack(tmp_path)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes({"cut": bytes(data[:-20]), "flipped": bytes(data), "nothing": b""}[how])
    with pytest.raises(StorageError, match="not a whole gzip file"):
        all_records(tmp_path)


@pytest.mark.parametrize("length", [3, 400, -1])
def test_half_a_line_is_played_again_and_its_run_is_named(
    finished: Path, tmp_path: Path, length: int, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = finished.read_bytes().splitlines(keepends=True)
    (tmp_path / RECORDS).write_bytes(b"".join(lines[:3]) + lines[3][:length])
    run_grids(CONFIG, tmp_path, progress=False)
    assert (tmp_path / RECORDS).read_bytes() == finished.read_bytes()
    shown = capsys.readouterr().err
    assert "ends in half a line" in shown
    name = "digits, mlp, random, subset, seed 1" if length == -1 else "?"
    assert f"the run {name}" in shown
    assert len(storage.read_lines(tmp_path / "times.jsonl")) == 1


@pytest.mark.parametrize("file", [RECORDS, "times.jsonl"])
def test_a_full_disk_loses_the_run_in_progress_alone_and_names_it(
    finished: Path, tmp_path: Path, file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    append = storage.append_line

    def full(path: Path, record: dict[str, object]) -> None:
        if path.name == file and len(storage.read_lines(path)) == 2:
            with storage.storage_errors("write", path):
                raise OSError(28, "No space left on device")
        append(path, record)

    with monkeypatch.context() as patch:
        patch.setattr(storage, "append_line", full)
        with pytest.raises(StorageError) as error:
            run_grids(CONFIG, tmp_path, progress=False)
    told = str(error.value)
    assert told.startswith("the run digits, mlp, margin, subset, seed 1 is lost: cannot write ")
    assert "No space left on device" in told
    assert "2 of 4 runs are finished and kept" in told
    run_grids(CONFIG, tmp_path, progress=False)
    assert (tmp_path / RECORDS).read_bytes() == finished.read_bytes()
    assert len({line["key"] for line in storage.read_lines(tmp_path / "times.jsonl")}) == 4


def test_strategies_beside_change_nothing_and_are_compared_with_what_was_chosen() -> None:
    digits = load_dataset("digits")
    alone = run_one(CONFIG, digits, "margin", "subset", 0)
    watched = run_one(replace(CONFIG, beside=("margin", "random", "mc-dropout")), digits, "margin", "subset", 0)
    assert watched["selected"] == alone["selected"]
    assert watched["accuracy"] == alone["accuracy"]
    assert watched["key"] != alone["key"]
    assert watched["overlap"]["margin"] == [1.0, 1.0]  # a strategy agrees with itself
    assert set(watched["overlap"]) == {"margin", "random", "mc-dropout"}
    assert all(0 <= share <= 1 for shares in watched["overlap"].values() for share in shares)
    # The first step's state is the same for all: what random shares with margin can be counted by hand.
    drawn = run_one(CONFIG, digits, "random", "subset", 0)["selected"][0]
    shared = len(set(drawn) & set(alone["selected"][0])) / 10
    assert watched["overlap"]["random"][0] == shared


def test_experiments_share_runs_and_records(tmp_path: Path) -> None:
    other = replace(CONFIG, strategies=("random", "entropy"))
    path = run_grids([CONFIG, other], tmp_path, progress=False)
    told = [(record["strategy"], record["seed"]) for record in storage.read_lines(path)]
    assert told == [(name, seed) for pair in (("margin", "random"),) for seed in (0, 1) for name in pair] + [
        ("entropy", 0),
        ("entropy", 1),
    ]


def test_runs_played_together_are_the_same_up_to_rounding(finished: Path, tmp_path: Path) -> None:
    together = run_grids(CONFIG, tmp_path, together=4, progress=False)
    apart = {record["key"]: record for record in read_records(finished)}
    for record in read_records(together):
        assert record["accuracy"][0] == pytest.approx(apart[record["key"]]["accuracy"][0], abs=0.021)
        assert record["labeled"] == apart[record["key"]]["labeled"]
        assert record["selected"][0] == apart[record["key"]]["selected"][0]


def test_costs_of_a_run_are_kept_apart(finished: Path) -> None:
    times = storage.read_lines(finished.parent / "times.jsonl")
    assert len(times) == 4
    for line in times:
        assert line["fit_seconds"] > 0
        assert line["fit_seconds"] + line["query_seconds"] <= line["seconds"] + 0.002
        assert line["peak_mb"] > 20
