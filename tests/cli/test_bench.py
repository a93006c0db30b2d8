"""`iale bench`: every experiment of the paper, small, from the command line."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest

from iale import _storage as storage
from iale.benchmark._experiments.catalog import EXPERIMENTS
from iale.cli._main import main

_STRATEGY = """
from iale.strategies.uncertainty import Entropy

class Surprise(Entropy):
    name = "surprise"
"""


@pytest.mark.parametrize("names", [["list"], ["all", "list"]])
def test_the_list_names_every_experiment(names: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", *names, "--size", "standard"]) == 0
    assert re.findall(r"^(\w+) +\d", capsys.readouterr().out, re.MULTILINE) == list(EXPERIMENTS)


GROUPS = (
    ("fig3", "fig7", "fig8", "fig9", "fig10", "runtime"),
    ("fig4", "fig5a", "fig5b", "fig5c", "fig13", "schedule", "controls", "episodes"),
    ("geometry", "shapes", "heads"),
)
"""Those that share policies or runs, so that tests in other processes do not repeat much."""
OTHERS = tuple(name for name in EXPERIMENTS if not any(name in group for group in GROUPS))


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("names", [*GROUPS, OTHERS], ids=lambda names: names[0])
def test_every_experiment_works_and_a_second_time_changes_nothing(
    names: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bench", *names, "--size", "smoke", "--out", str(tmp_path)]) == 0
    out = tmp_path / "smoke"
    assert capsys.readouterr().out.split() == [str(out / name / "report.html") for name in names]
    for name in names:
        page = (out / name / "report.html").read_text()
        assert "<svg" in page
        assert f"iale bench {name} --size smoke" in page
        assert "<script" not in page
        assert (out / name / "figure.png").read_bytes().startswith(b"\x89PNG")
        assert storage.read_json(out / name / "summary.json")["bench"] == name
    kept = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    again = [name for name in ("fig4", "fig8", "runtime", "shapes", "universal") if name in names]
    assert main(["bench", *again, "--size", "smoke", "--out", str(tmp_path)]) == 0
    if "controls" in names:
        main(["bench", "controls", "--size", "smoke", "--out", str(tmp_path), "--report-only", "yes"])
    changed = [str(path) for path in kept if path.read_bytes() != kept[path]]
    assert [Path(path).name for path in changed] in ([], ["experiment.json"])


def test_a_strategy_of_ones_own_stands_in_every_comparison(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "surprise_module.py").write_text(_STRATEGY)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    command = ["bench", "schedule", "--size", "smoke", "--seeds", "1", "--add", "surprise_module:Surprise"]
    assert main(command) == 0
    capsys.readouterr()
    records = [json.loads(line) for line in (tmp_path / "bench/smoke/records.jsonl").read_text().splitlines()]
    mine = [record for record in records if record["strategy"] == "Surprise"]
    assert len(mine) == 1
    page = (tmp_path / "bench/smoke/schedule/report.html").read_text()
    assert "Surprise" in page
    assert "iale bench schedule --size smoke --seeds 1 --add surprise_module:Surprise" in page
    assert "What the policies cost, once" in page
    summary = storage.read_json(tmp_path / "bench/smoke/schedule/summary.json")
    assert {name: cost["fits_at_most"] for name, cost in summary["policies"].items()} == {
        "digits-mlp": 32,
        "digits-mlp-exponential": 32,
    }
    sys.modules.pop("surprise_module", None)


def test_a_strategy_of_ones_own_that_fails_ends_a_run_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code = f"{_STRATEGY}    def score(self, context):\n        return context.candidates.logits['rows']\n"
    (tmp_path / "failing_module.py").write_text(code.replace("Surprise", "Failing"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    command = ["run", "--dataset", "digits", "--strategies", "random,failing_module:Failing", "--classifier", "linear"]
    assert main([*command, "--seeds", "1", "--labeling-budget", "30", "--out", str(tmp_path / "runs")]) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith(f"iale: Failing failed in line {len(code.splitlines())} of failing_module.py (")
    kept = [json.loads(line)["strategy"] for line in (tmp_path / "runs/records.jsonl").read_text().splitlines()]
    assert kept == ["random"]
    sys.modules.pop("failing_module", None)


def test_data_of_ones_own_replaces_the_targets(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "mine.npz", x=rng.integers(0, 256, (150, 8, 8), dtype=np.uint8), y=np.arange(150) % 10)
    mine = str(tmp_path / "mine.npz")
    command = ["bench", "schedule", "--size", "smoke", "--seeds", "1", "--datasets", mine, "--out", str(tmp_path)]
    assert main(command) == 0
    capsys.readouterr()
    records = [json.loads(line) for line in (tmp_path / "smoke/records.jsonl").read_text().splitlines()]
    assert {record["dataset"] for record in records} == {mine}
    assert len(records) == 4
    # Of 150 samples, 30 are a test split, and of the other 120 four fifths may be labeled.
    assert {(r["config"]["pool_size"], r["config"]["test_size"]) for r in records} == {(96, 30)}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--add", "nowhere:Nope"), "cannot be imported"),
        (("--add", "mnist-cnn"), "embeddings 128 wide, the classifier has 10 classes and embeddings 256 wide"),
        (("--add", "elsewhere/digits-mlp"), "would be called 'digits-mlp' like a policy of fig4: rename it"),
        (("--datasets", "three.npz"), "three.npz has 3 classes and the policies of fig4 learn on the 10 of digits"),
    ],
)
def test_what_cannot_be_compared_is_said_before_policies_are_trained(
    arguments: tuple[str, str],
    sentence: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    np.savez("three.npz", x=np.zeros((150, 8, 8), dtype=np.uint8), y=np.arange(150) % 3)
    assert main(["bench", "fig4", "--size", "smoke", "--out", "out", *arguments]) == 2
    assert sentence in capsys.readouterr().err
    assert not Path("out").exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("nope",), "unknown experiment 'nope': the known ones are fig3,"),
        (("fig3", "--size", "huge"), "--size takes one of smoke, standard, paper, not 'huge'."),
        (("fig3", "--seeds", "0"), "the number of seeds must be at least 1, not 0."),
        (("fig3", "--size", "smoke", "--device", "cuda:99"), "is not on this machine"),
        (("fig4", "--size", "smoke", "--report-only", "yes"), "the experiment fig4 has no finished runs"),
        (("fig4", "--size", "smoke", "--datasets", "nowhere"), "there is no data set, file or folder 'nowhere'"),
        (("fig4", "--size", "smoke", "--add", "nowhere:Nope"), "cannot be imported"),
    ],
)
def test_bad_input_is_one_sentence(
    arguments: tuple[str, ...], sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bench", *arguments, "--out", str(tmp_path)]) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("iale: ")
    assert sentence in error
