"""File names that begin with a blank are named as they are, in every file that names samples."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from tests.labeling.conftest import QUICK, write_images

from iale.cli._main import main
from iale.labeling.importing import import_csv
from iale.labeling.project import Project
from iale.labeling.record.config import ProjectConfig


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Five images; " a.png" and "a.png" differ by a blank, and "  b.png" begins with two."""
    monkeypatch.chdir(tmp_path)
    write_images(tmp_path / "photos", 5)
    for number, name in enumerate((" a.png", "a.png", "  b.png")):
        Path(f"photos/image-{number:03}.png").rename(Path("photos") / name)
    Path("labels.csv").write_text("sample,label\n a.png,cat\na.png,dog\n  b.png,cat\n image-003.png ,dog\n")
    return tmp_path / "photos"


@pytest.mark.usefixtures("photos")
def test_a_query_takes_its_own_names(capsys: pytest.CaptureFixture[str]) -> None:
    argv = ["query", "--images", "photos", "--device", "cpu", "--epochs", "1"]
    assert main([*argv, "--labels", "labels.csv", "--k", "1"]) == 0
    assert capsys.readouterr().out == "rank,sample\n1,image-004.png\n"
    assert main([*argv, "--k", "5"]) == 0
    answer = capsys.readouterr().out
    Path("skip.csv").write_text("".join(answer.splitlines(keepends=True)[:4]))
    Path("skip.txt").write_text("".join(f"{row['sample']}\n" for row in list(csv.DictReader(io.StringIO(answer)))[:3]))
    for skip in ("skip.csv", "skip.txt"):
        assert main([*argv, "--skip", skip, "--k", "2"]) == 0
        rest = {row["sample"] for row in csv.DictReader(io.StringIO(capsys.readouterr().out))}
        assert rest == {row["sample"] for row in list(csv.DictReader(io.StringIO(answer)))[3:]}


def test_a_project_takes_them(photos: Path) -> None:
    project = Project.create("project", ProjectConfig(photos, ("cat", "dog"), training=QUICK))
    assert import_csv(project, "labels.csv") == 4
    named = {project.name(sample): label for sample, label in project.labels().items()}
    assert named == {" a.png": "cat", "a.png": "dog", "  b.png": "cat", "image-003.png": "dog"}
