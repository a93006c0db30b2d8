"""Records name the data that they were made from, and nothing is compared with runs on other data."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from iale import _storage as storage
from iale.benchmark import _play as play
from iale.benchmark._content import seal
from iale.benchmark._machine import describe_machine
from iale.benchmark._record_files import PACKED, RECORDS, pack
from iale.benchmark.grid import GridConfig
from iale.benchmark.runner import run_grids
from iale.classifiers.base import TrainingConfig
from iale.cli import main
from iale.dagger._demonstrations import save_episode
from iale.dagger.config import DaggerConfig, UpdateConfig
from iale.dagger.trainer import train_policy
from iale.data._contents import fingerprint_of
from iale.data.catalog import load_dataset
from iale.errors import DataError, StorageError
from iale.learner import CycleConfig
from tests.benchmark.content import all_records, read_records, read_runs, run_one

CYCLE = CycleConfig(labeling_budget=8, acquisition_size=2, initial_size=4, subset_size=10, monte_carlo_passes=2)
CONFIG = GridConfig(
    classifier="mlp",
    strategies=("random", "margin"),
    seeds=1,
    cycle=CYCLE,
    training=TrainingConfig(epochs=1, device="cpu"),
)
RUN = "--classifier mlp --strategies random,margin --labeling-budget 8 --acquisition-size 2 --initial-size 4 \
--subset-size 10 --epochs 1 --device cpu --seeds"
TRAIN = "--classifier mlp --labeling-budget 8 --initial-size 4 --scoring-size 4 --epochs 1 --device cpu"
TRAINED = {
    "train": f"{TRAIN} --experts margin,random --acquisition-size 2 --subset-size 10 --policy-epochs 1 --round-size 1",
    "train-alil": f"{TRAIN} --choices 2",
}


def write_npz(path: Path, seed: int = 0) -> Path:
    rng = np.random.default_rng(seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    x = rng.normal(size=(60, 5)).astype(np.float32)
    np.savez(path, x=x, y=np.repeat([0, 1], 30))
    return path


def write_images(root: Path) -> Path:
    rng = np.random.default_rng(0)
    for number in range(60):
        folder = root / "ab"[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (6, 6), dtype=np.uint8)).save(folder / f"{number:02d}.png")
    return root


def change(path: Path, what: str) -> None:
    """Changes one input or one label, and restores size and times where the format lets it."""
    if path.is_dir():
        image = path / "a" / "00.png"
        if what == "labels":
            image.rename(path / "b" / "00.png")
            return
        stamp, size = image.stat(), image.stat().st_size
        pixels = np.array(Image.open(image))
        pixels[0, 0] ^= 1
        Image.fromarray(pixels).save(image)
        assert image.stat().st_size == size
        os.utime(image, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
        return
    arrays = dict(np.load(path))
    stamp = path.stat()
    if what == "labels":
        arrays["y"][[0, 59]] = arrays["y"][[59, 0]]
    else:
        arrays["x"][7, 3] += 1e-3
    np.savez(path, **arrays)
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.fixture(
    params=[(write_npz, "inputs"), (write_npz, "labels"), (write_images, "inputs"), (write_images, "labels")]
)
def changing(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, Callable[[], None]]:
    """A data set, and what changes it in one place."""
    make, what = request.param
    path = make(tmp_path / ("mine.npz" if make is write_npz else "mine"))
    return path, lambda: change(path, what)


def refused(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    """What a command says that exits with 2, one line."""
    capsys.readouterr()
    assert main([str(word) for word in words]) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if "fingerprint" in line]
    assert len(lines) == 1
    return lines[0]


def test_runs_on_data_that_changed_are_refused_by_run_and_report(
    changing: tuple[Path, Callable[[], None]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, alter = changing
    out = tmp_path / "out"
    command = ("run", "--dataset", data, "--out", out, *RUN.split())
    assert main([str(word) for word in (*command, 1)]) == 0
    former, before = fingerprint_of(load_dataset(data)), contents(out)
    alter()
    now = fingerprint_of(load_dataset(data))
    for told in (refused(capsys, *command, 2), refused(capsys, *command, 1), refused(capsys, "report", out)):
        assert str(former) in told
        assert str(now) in told
        assert str(out) in told
    assert contents(out) == before
    assert main(["report", str(out), "--check-data", "no"]) == 0  # what was finished is not lost
    assert str(former) in (out / "report" / "report.html").read_text()


def test_data_that_moved_back_or_away_are_fine(tmp_path: Path) -> None:
    data = write_npz(tmp_path / "mine.npz")
    out = tmp_path / "out"
    command = ["run", "--dataset", str(data), "--out", str(out), *RUN.split()]
    assert main([*command, "1"]) == 0
    write_npz(data, seed=1)
    assert main([*command, "2"]) == 2
    write_npz(data)  # the same content with another time
    assert main([*command, "2"]) == 0
    data.unlink()
    assert main(["report", str(out)]) == 0


@pytest.mark.parametrize("command", ["train", "train-alil"])
def test_training_on_data_that_changed_is_refused(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, out = write_npz(tmp_path / "mine.npz"), tmp_path / "out"
    words = (command, "--dataset", data, "--out", out, *TRAINED[command].split(), "--episodes")
    assert main([str(word) for word in (*words, 1)]) == 0
    former, before = fingerprint_of(load_dataset(data)), contents(out)
    assert storage.read_json(out / "config.json")["data"] == former.content()
    change(data, "labels")
    for episodes in (1, 2):
        told = refused(capsys, *words, episodes)
        assert str(former) in told
        assert str(fingerprint_of(load_dataset(data))) in told
    assert contents(out) == before
    change(data, "labels")  # back
    assert main([str(word) for word in (*words, 2)]) == 0
    assert storage.read_json(out / "config.json")["data"] == former.content()


@pytest.mark.parametrize("command", ["train", "train-alil"])
def test_images_that_change_while_episodes_go_on_are_learned_from_no_more(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data, out, save = write_images(tmp_path / "mine"), tmp_path / "out", save_episode

    def late(*arguments: Any) -> None:
        save(*arguments)
        Image.new("L", (6, 6)).save(data / "a" / "00.png")

    monkeypatch.setattr("iale.dagger._rounds.save_episode", late)
    words = (command, "--dataset", data, "--out", out, *TRAINED[command].split(), "--episodes", 3)
    assert main([str(word) for word in words]) == 2
    assert "has changed while episodes went on" in capsys.readouterr().err
    assert {path.stem for path in (out / "episodes").iterdir()} == {"0001"}


def test_training_of_before_fingerprints_goes_on_and_is_said_to_have_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, out = write_npz(tmp_path / "mine.npz"), tmp_path / "out"
    words = ["train", "--dataset", str(data), "--out", str(out), *TRAINED["train"].split(), "--episodes"]
    assert main([*words, "1"]) == 0
    content = storage.read_json(out / "config.json")
    storage.write_json(out / "config.json", {"config": content["config"]})
    assert main([*words, "2"]) == 0
    assert "its episodes have no fingerprint" in capsys.readouterr().err
    assert "data" not in storage.read_json(out / "config.json")  # nobody knows what the first episode saw


def test_a_bench_on_data_that_changed_is_refused_before_any_policy_is_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data, out = tmp_path / "mine.npz", tmp_path / "out"

    def write(shift: float) -> None:
        x = np.random.default_rng(1).normal(size=(400, 8, 8)) + shift
        np.savez(data, x=x.astype(np.float32), y=np.arange(400) % 10)

    write(0.0)
    command = ("bench", "fig8", "--size", "smoke", "--datasets", data, "--out", out, "--device", "cpu")
    config = replace(CONFIG, dataset=str(data), cycle=replace(CYCLE, initial_size=20, labeling_budget=22))
    run_grids(config, out / "smoke", progress=False)
    before = contents(out)
    write(1.0)
    monkeypatch.setattr("iale.cli._bench.train_policies", lambda *_, **__: pytest.fail("nothing may be fitted"))
    former = read_records(out / "smoke" / RECORDS)[0]["data"]["inputs"][:12]
    for more in ((), ("--report-only", "yes")):
        assert former in refused(capsys, *command, *more)
    assert contents(out) == before


def test_a_report_refuses_runs_on_different_data_of_one_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    prints = []
    for seed, place in enumerate(("one", "two")):
        write_npz(tmp_path / place / "mine.npz", seed)
        monkeypatch.chdir(tmp_path / place)
        config = replace(CONFIG, dataset="mine.npz", first_seed=seed)
        run_grids(config, Path("out"), progress=False)
        prints.append(str(fingerprint_of(load_dataset("mine.npz"))))
    monkeypatch.chdir(tmp_path)
    told = refused(capsys, "report", "one/out", "two/out", "--out", "report")
    assert all(each in told for each in prints)
    assert not (tmp_path / "report").exists()
    lines = [*storage.read_lines(Path("one/out") / RECORDS), *storage.read_lines(Path("two/out") / RECORDS)]
    for line in lines:
        storage.append_line(tmp_path / "mixed" / RECORDS, line)
    pack(tmp_path / "mixed")
    with pytest.raises(StorageError, match="made from different data"):
        read_runs([tmp_path / "mixed"])


def test_a_folder_keeps_one_fingerprint_for_each_data_set(tmp_path: Path) -> None:
    paths = [write_npz(tmp_path / f"{seed}.npz", seed) for seed in (0, 1)]
    run_grids([replace(CONFIG, dataset=str(path)) for path in paths], tmp_path / "out", progress=False)
    wanted = {str(path): fingerprint_of(load_dataset(path)).content() for path in paths}
    assert {r["dataset"]: r["data"] for r in all_records(tmp_path / "out")} == wanted
    assert storage.read_json(tmp_path / "out" / "experiment.json")["data"] == wanted
    change(paths[1], "inputs")
    run_grids(replace(CONFIG, dataset=str(paths[0]), seeds=2), tmp_path / "out", progress=False)  # the other one
    assert len(all_records(tmp_path / "out")) == 6


def test_records_of_before_fingerprints_are_read_kept_and_said_to_have_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = replace(CONFIG, dataset=str(write_npz(tmp_path / "mine.npz")))
    for record in read_records(run_grids(config, tmp_path / "new", progress=False)):
        old = seal({name: value for name, value in record.items() if name not in ("data", "machine")})
        assert old["key"] == record["key"]
        storage.append_line(tmp_path / "old" / RECORDS, old)
    before = (tmp_path / "old" / RECORDS).read_bytes()
    run_grids(replace(config, seeds=2), tmp_path / "old", progress=False)
    assert (tmp_path / "old" / RECORDS).read_bytes().startswith(before)
    assert len(all_records(tmp_path / "old")) == 4
    assert "2 kept runs have no fingerprint" in capsys.readouterr().err
    assert main(["report", str(tmp_path / "old")]) == 0
    for page in ("report.html", "report.md"):
        told = (tmp_path / "old" / "report" / page).read_text()
        assert "because they are older than fingerprints: 2 runs." in told
        assert "on a machine that they do not name" in told
        assert str(fingerprint_of(load_dataset(config.dataset))) in told


def test_equal_results_from_two_machines_are_one_run(tmp_path: Path) -> None:
    config = replace(CONFIG, dataset=str(write_npz(tmp_path / "mine.npz")))
    record = read_records(run_grids(config, tmp_path / "here", progress=False))[0]
    storage.append_line(tmp_path / "there" / RECORDS, seal({**record, "machine": {"processor": "another"}}))
    assert len(read_runs([tmp_path / "here", tmp_path / "there"])) == 2
    assert not (tmp_path / "here" / PACKED).exists()


def test_a_record_says_what_made_it(tmp_path: Path) -> None:
    record = run_one(CONFIG, load_dataset(write_npz(tmp_path / "mine.npz")), "random", "subset", 0)
    here = describe_machine()
    assert {"processor", "instructions", "cores", "system", "threads"} <= record["machine"].keys()
    assert record["machine"]["threads"] == "1"
    assert all(record["machine"][name] == here[name] for name in ("processor", "cores", "system"))
    assert record["versions"] == {name: here[name] for name in ("python", "torch", "numpy", "iale")}


def test_data_that_change_while_runs_go_on_do_not_get_into_records(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The main process plans runs on one data set, and a worker reads another one."""
    data = write_npz(tmp_path / "mine.npz")
    together = play.play_together

    def late(runs: Any) -> Any:
        if runs[0].seed == 1:
            change(data, "inputs")
            play.forget()  # as a worker that begins only now
        return together(runs)

    monkeypatch.setattr("iale.benchmark.runner.play_together", late)
    with ThreadPoolExecutor(1) as executor, pytest.raises(DataError, match="where a worker reads it"):
        run_grids(replace(CONFIG, dataset=str(data), seeds=2), tmp_path / "out", executor=executor, progress=False)
    assert {r["seed"] for r in all_records(tmp_path / "out")} == {0}


@pytest.mark.parametrize("what", ["images", "an image that is gone", "embeddings", "embeddings in place", "geometry"])
def test_what_changes_after_it_was_read_is_no_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """A record names its embeddings by their content: it would name those of now, which nothing was computed from."""
    folder, vectors = write_images(tmp_path / "mine"), tmp_path / "e.npy"
    names, rng = [f"{number:02d}" for number in range(60)], np.random.default_rng(0)
    np.save(vectors, rng.normal(size=(len(names), 5)).astype(np.float32))
    config = replace(CONFIG, dataset=str(folder), seeds=2, strategies=("random", "margin"))
    if what.startswith("embeddings"):
        config = replace(config, dataset=str(write_npz(tmp_path / "mine.npz")), embeddings=str(vectors))
    elif what == "geometry":
        np.save(vectors, rng.normal(size=(48, 5)).astype(np.float32))  # of the training split
        config = replace(config, geometry=str(vectors), strategies=("random", "typiclust"))
    together = play.play_together

    def late(runs: Any) -> Any:
        if runs[0].seed == 1:
            others = np.load(vectors)[::-1].copy()
            if what == "images":
                Image.new("L", (6, 6)).save(folder / "a" / "00.png")
            elif what == "an image that is gone":
                (folder / "a" / "00.png").unlink()
            elif what == "embeddings in place":
                np.save(vectors, others)
            else:
                np.save(tmp_path / "new.npy", others)
                (tmp_path / "new.npy").replace(vectors)
        return together(runs)

    monkeypatch.setattr("iale.benchmark.runner.play_together", late)
    with pytest.raises(DataError, match=r"has changed while runs went on|00\.png was moved or deleted"):
        run_grids(config, tmp_path / "out", progress=False)
    assert {(r["seed"], r["strategy"]) for r in all_records(tmp_path / "out")} == {(0, s) for s in config.strategies}


def test_one_run_from_python_is_the_same_on_any_number_of_threads() -> None:
    data, before = load_dataset("digits"), torch.get_num_threads()
    config = replace(
        CONFIG, classifier="resnet18-narrow", test_size=50,
        cycle=replace(CYCLE, initial_size=20, labeling_budget=24), training=TrainingConfig(epochs=2, device="cpu"),
    )  # fmt: skip
    records = []
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            records.append(run_one(config, data, "margin", "subset", 0))
            assert torch.get_num_threads() == threads
            with pytest.raises(ValueError, match="larger than the"):
                run_one(replace(config, test_size=100_000), data, "margin", "subset", 0)
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    assert records[0] == records[1]


def test_python_calls_refuse_what_the_commands_refuse(tmp_path: Path) -> None:
    data = write_npz(tmp_path / "mine.npz")
    lessons = DaggerConfig(
        dataset=str(data), classifier="mlp", experts=("random",), episodes=1, round_size=1, scoring_size=4,
        cycle=CYCLE, training=CONFIG.training, update=UpdateConfig(policy_epochs=1),
    )  # fmt: skip
    train_policy(lessons, tmp_path / "policy", progress=False)
    change(data, "inputs")
    with pytest.raises(DataError, match="learned from other data"):
        train_policy(lessons, tmp_path / "policy", progress=False)


def test_embeddings_do_not_hide_the_data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Heads on a view of the data and networks on the data themselves share a folder, and changed data are refused."""
    data = write_npz(tmp_path / "mine.npz")
    out = ["--out", str(tmp_path / "out")]
    small = "--strategies random,margin --labeling-budget 8 --acquisition-size 2 --initial-size 4 --subset-size 10"
    head = ["run", "--dataset", str(data), *small.split(), "--classifier", "linear", "--embeddings", "built-in", *out]
    assert main([*head, "--seeds", "1"]) == 0
    assert main(["run", "--dataset", str(data), *RUN.split(), "1", *out]) == 0
    assert main(["report", str(tmp_path / "out")]) == 0
    before = (tmp_path / "out" / RECORDS).read_bytes()
    change(data, "inputs")
    capsys.readouterr()
    assert main([*head, "--seeds", "2"]) == 2
    assert "fingerprint" in capsys.readouterr().err
    assert (tmp_path / "out" / RECORDS).read_bytes() == before
