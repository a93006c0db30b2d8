"""What every command does when all is well."""

import csv
import io
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from iale._storage import read_json, read_lines
from iale.benchmark.grid import GridConfig
from iale.classifiers.base import TrainingConfig
from iale.cli import _demo as demo
from iale.cli import _policies as policies
from iale.cli._main import main
from iale.cli._output import table
from iale.learner import CycleConfig
from iale.policies.iale import random_policy
from iale.policies.saved import save_policy
from iale.policies.state import StateConfig
from iale.seeding import Stream

TINY = ("--classifier", "mlp", "--epochs", "1", "--device", "cpu", "--labeling-budget", "30")
RUN = ("run", "--dataset", "digits", *TINY, "--test-size", "20", "--strategies", "random,margin")
TRAIN = (
    "train",
    "--dataset",
    "digits",
    *TINY,
    "--subset-size",
    "20",
    "--experts",
    "margin,entropy",
    "--policy-epochs",
    "1",
)
SOURCE = {"source": {"dataset": "digits", "classifier": "mlp"}, "episodes": 3}


def answer(text: str) -> list[str]:
    """The samples of a query's CSV table, checked for their ranks."""
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["rank"] for row in rows] == [str(rank) for rank in range(1, len(rows) + 1)]
    return [row["sample"] for row in rows]


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """24 images of two classes: even numbers are dark, odd ones bright; the first 8 are labeled."""
    folder = tmp_path / "images"
    (folder / "more").mkdir(parents=True)
    names = [f"{'more/' if number > 12 else ''}{number:02d}.png" for number in range(24)]
    rng = np.random.default_rng(0)
    for number, name in enumerate(names):
        pixels = rng.integers(0, 60, (4, 4)) + 150 * (number % 2)
        Image.fromarray(pixels.astype(np.uint8)).save(folder / name)
    lines = [f"{name},{'bright' if number % 2 else 'dark'}" for number, name in enumerate(names[:8])]
    (tmp_path / "labels.csv").write_text("\n".join(["sample,label", *lines]))
    return folder


def ask(images: Path, *argv: str) -> int:
    labels = images.parent / "labels.csv"
    return main(["query", "--images", str(images), "--labels", str(labels), *TINY[:6], *argv])


def test_run_train_and_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trained, runs = tmp_path / "trained", tmp_path / "runs"
    assert main([*TRAIN, "--episodes", "1", "--out", str(trained)]) == 0
    assert capsys.readouterr().out == f"{trained}/policy\n"

    command = [*RUN, "--seeds", "2", "--out", str(runs)]
    assert main(command) == 0
    out, err = capsys.readouterr()
    assert out == f"{runs}/records.jsonl\n"
    assert f"next: `iale report {runs}`" in err
    before = (runs / "records.jsonl").read_bytes()
    assert main(command) == 0
    assert (runs / "records.jsonl").read_bytes() == before

    assert main([*command, "--strategies", f"random,{trained}/policy"]) == 0
    records = read_lines(runs / "records.jsonl")
    assert (runs / "records.jsonl").read_bytes().startswith(before)
    found = sorted((record["strategy"], record["seed"]) for record in records)
    assert found == [(name, seed) for name in ("margin", "random", "trained") for seed in (0, 1)]
    assert all(record["config"]["training"]["epochs"] == 1 for record in records)

    capsys.readouterr()
    assert main(["report", str(runs)]) == 0
    out, err = capsys.readouterr()
    assert not err
    assert "| Margin" in out
    assert "trained" in out
    assert {path.name for path in (runs / "report").iterdir()} == {
        "curves.png",
        "report.html",
        "report.md",
        "summary.json",
    }
    assert main(["report", str(runs), "--out", str(tmp_path / "elsewhere")]) == 0
    assert (tmp_path / "elsewhere" / "curves.png").read_bytes() == (runs / "report" / "curves.png").read_bytes()


def test_an_alil_policy_is_a_strategy_like_any_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    trained, runs = tmp_path / "trained", tmp_path / "runs"
    command = ["train-alil", "--dataset", "digits", *TINY[:6], "--labeling-budget", "22", "--choices", "3"]
    command += ["--variant", "corrected", "--episodes", "1", "--out", str(trained)]
    assert main(command) == 0
    assert capsys.readouterr().out == f"{trained}/policy\n"
    before = {path: path.read_bytes() for path in trained.rglob("*") if path.is_file()}
    assert main(command) == 0
    assert {path: path.read_bytes() for path in trained.rglob("*") if path.is_file()} == before

    assert main([*RUN, "--strategies", f"random,{trained}/policy", "--seeds", "1", "--out", str(runs)]) == 0
    found = {record["strategy"]: record["config"]["policy"] for record in read_lines(runs / "records.jsonl")}
    assert found["random"] is None
    assert found["trained"]["kind"] == "alil"

    monkeypatch.setattr("iale.policies.catalog.PRETRAINED", trained)
    capsys.readouterr()
    assert main(["policies"]) == 0
    assert capsys.readouterr().out.splitlines()[2].split() == ["policy", "alil", "digits", "mlp", "1", "10", "256"]
    assert main(["policies", f"{trained}/policy"]) == 0
    assert json.loads(capsys.readouterr().out)["choices"] == 3


def test_a_query_names_files_that_are_not_labeled(images: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ask(images, "--k", "5") == 0
    out, err = capsys.readouterr()
    chosen = answer(out)
    assert err.splitlines() == [
        "fitting the classifier mlp to 8 labels, then asking eherding for 5 samples",
        "looking at all samples; this needs no labels",
    ]
    assert len(set(chosen)) == 5
    assert all((images / name).is_file() and int(name[-6:-4]) >= 8 for name in chosen)
    assert ask(images, "--k", "5", "--out", str(images.parent / "next.csv")) == 0
    assert capsys.readouterr().out == ""
    assert (images.parent / "next.csv").read_text() == out
    assert ask(images, "--k", "5", "--seed", "1", "--strategy", "random") == 0
    assert answer(capsys.readouterr().out) != chosen


def test_a_query_may_ask_for_all(images: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ask(images, "--k", "16", "--strategy", "coreset", "--resize", "3,5", "--classes", "bright,dark") == 0
    assert sorted(name[-6:-4] for name in answer(capsys.readouterr().out)) == [f"{n:02d}" for n in range(8, 24)]


def test_a_query_with_an_array_and_a_model_of_ones_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", list(sys.path))
    np.savez(tmp_path / "features.npz", np.random.default_rng(0).normal(size=(20, 6)))
    (tmp_path / "labels.csv").write_text("sample,label\n3,0\n4,1\n")
    model = (
        "from torch import nn\n\ndef net():\n    return nn.Sequential(nn.Linear(6, 4), nn.ReLU(), nn.Linear(4, 2))\n"
    )
    (tmp_path / "own_query_model.py").write_text(model)
    argv = ["query", "--images", "features.npz", "--labels", "labels.csv", "--epochs", "1", "--k", "18"]
    assert main([*argv, "--model", "own_query_model:net", "--embedding-layer", "1", "--strategy", "badge"]) == 0
    expected = sorted(set(range(20)) - {3, 4})
    assert sorted(map(int, answer(capsys.readouterr().out))) == expected


def test_shipped_policies_are_listed_shown_and_asked_by_name(
    images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped = tmp_path / "shipped"
    for name, width in (("a-narrow", 7), ("b-fits", 256)):
        save_policy(random_policy(StateConfig(), 2, width, Stream(0)), shipped / name, SOURCE)
    monkeypatch.setattr("iale.policies.catalog.PRETRAINED", shipped)
    assert ask(images, "--k", "3", "--strategy", "b-fits") == 0
    assert "asking b-fits for 3 samples" in capsys.readouterr().err
    assert main(["policies"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["policy", "kind", "source", "classifier", "episodes", "classes", "embedding"]
    assert lines[2].split() == ["a-narrow", "iale", "digits", "mlp", "3", "2", "7"]
    assert main(["policies", "b-fits"]) == 0
    shown = capsys.readouterr().out
    assert main(["policies", str(shipped / "b-fits")]) == 0
    assert capsys.readouterr().out == shown
    assert json.loads(shown) == read_json(shipped / "b-fits" / "card.json")


def test_policies_without_any(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policies, "list_policies", dict)
    assert main(["policies"]) == 0
    assert "iale train" in capsys.readouterr().out


def test_data(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IALE_DATA", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert main(["data"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[2:]][:3] == ["digits", "fashion-small", "mnist"]
    assert "embedded" in lines[3]
    assert "download" in lines[4]
    assert main(["data", "--download", "fashion-small"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()[2:]] == ["fashion-small"]


def test_demo(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    small: dict[str, Any] = {
        "training": TrainingConfig(epochs=1, device="cpu"),
        "cycle": CycleConfig(labeling_budget=30, subset_size=20),
    }
    monkeypatch.setattr(demo, "LESSONS", replace(demo.LESSONS, episodes=2, experts=("margin", "entropy"), **small))
    monkeypatch.setattr(
        demo, "EXAM", replace(demo.EXAM, seeds=2, test_size=20, strategies=("random", "margin"), **small)
    )
    monkeypatch.setattr(demo, "TASKS", replace(demo.TASKS, states=10, states_per_task=1, proposals=12))
    out = tmp_path / "demo"
    command = ["demo", "--out", str(out), "--workers", "1"]
    assert main(command) == 0
    shown = capsys.readouterr().out
    assert "**IALE**" in shown
    assert "**Universal**" in shown
    assert "| Random" in shown
    made = {"summary.json", "curves.png", "report.html", "report.md", "iale", "universal", "runs"}
    assert made == {path.name for path in out.iterdir()}
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    assert main(command) == 0
    assert capsys.readouterr().out == shown
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before


def test_the_demo_compares_on_data_that_the_policy_has_not_seen() -> None:
    assert demo.LESSONS.dataset != demo.EXAM.dataset
    assert demo.EXAM.dataset not in demo.TASKS.sources
    assert demo.LESSONS.classifier == demo.EXAM.classifier
    assert demo.EXAM.strategies == (*GridConfig().strategies, "eherding")


def test_table() -> None:
    assert table(("name", "n"), [("a", "10"), ("longer", "2")]) == "name    n\n------  --\na       10\nlonger  2"
