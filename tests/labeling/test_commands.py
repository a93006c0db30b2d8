from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path

import pytest
from tests.labeling.conftest import Make, label_some

from iale.cli._main import main


def test_status_says_what_is_known_and_what_is_not(make: Make, capsys: pytest.CaptureFixture[str]) -> None:
    project = make(count=300, test_share=0.3)
    label_some(project, 9)
    assert main(["status", str(project.folder)]) == 0
    out = capsys.readouterr().out
    assert "labeled         9 of 300, 2 of them in the random test share" in out
    assert "cannot tell yet: no model yet: the first one is fitted while people go on" in out
    assert "even" in out
    assert main(["status", str(project.folder), "--json", "yes"]) == 0
    status = json.loads(capsys.readouterr().out)
    assert status["labeled"] == 9
    assert status["people"] == {"ann": 9}
    assert status["accuracy"] == {"value": None, "low": None, "high": None}


def test_status_with_fits(make: Make, capsys: pytest.CaptureFixture[str]) -> None:
    project = make(count=300, test_share=0.3, target=0.85)
    for _ in range(5):
        label_some(project, 20)
        assert main(["export", str(project.folder), "--to", "scores"]) == 0
    capsys.readouterr()
    assert main(["status", str(project.folder)]) == 0
    out = " ".join(capsys.readouterr().out.split())  # columns are as wide as their words
    assert "accuracy 100.0% (95% interval 88.6% to 100.0%)" in out
    assert "fits 5, the last on 70 labels; margin asks" in out
    assert "target 85.0%" in out
    assert "Stop: the target is reached." in out


def test_an_export_never_overwrites_what_the_project_is_made_of(make: Make, capsys: pytest.CaptureFixture[str]) -> None:
    project = make()
    label_some(project, 3)
    listed = (Path(__file__).parents[2] / "docs" / "labeling.md").read_text().partition("## The project folder")[2]
    named = {
        name for row in listed.splitlines() if row.startswith("| `") for name in re.findall(r"`([^`]*)`", row[:80])
    }
    kept = {name for name in named if "/" not in name and "…" not in name}
    assert kept >= {"journal.jsonl", "project.json", "token"}
    for path in (project.config.data, *(project.folder / name for name in kept)):
        before = path.read_bytes() if path.exists() else None
        assert main(["export", str(project.folder), "--out", str(path)]) == 2
        assert f"--out is a file of the project, {path}: name another file." in capsys.readouterr().err
        assert (path.read_bytes() if path.exists() else None) == before
    assert main(["export", str(project.folder), "--out", str(project.folder / "labels.csv")]) == 0


def test_export_in_every_form(make: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project = make()
    label_some(project, 10)
    folder = str(project.folder)
    assert main(["export", folder]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert {row["id"]: row["label"] for row in rows} == project.labels()
    assert main(["export", folder, "--to", "jsonl", "--out", str(tmp_path / "x.jsonl")]) == 0
    assert len((tmp_path / "x.jsonl").read_text().splitlines()) == 10
    assert main(["export", folder, "--to", "classifier", "--out", str(tmp_path / "model")]) == 0
    written = sorted(path.name for path in (tmp_path / "model").iterdir())
    assert written == ["card.json", "head.npz", "weights.safetensors"]
    assert main(["export", folder, "--to", "scores", "--out", str(tmp_path / "scores.csv"), "--fit", "no"]) == 0
    assert len((tmp_path / "scores.csv").read_text().splitlines()) == 51


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["status"], "needs the folder of one project"),
        (["status", "nothing"], "is not a labeling project"),
        (["export"], "needs the folder of one project"),
        (["export", "nothing"], "is not a labeling project"),
        (["export", "{}", "--to", "classifier"], "needs --out FOLDER"),
        (["export", "{}", "--to", "scores"], "at least two classes"),
        (
            ["export", "{}", "--to", "scores", "--fit", "no"],
            "is fitted yet: label samples of two classes or more, and fit",
        ),
        (["export", "{}", "--to", "folders", "--out", "x"], "export them as CSV"),
    ],
)
def test_mistakes_are_one_sentence(
    make: Make,
    argv: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    project = make()
    assert main([part.format(project.folder) for part in argv]) == 2
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1
