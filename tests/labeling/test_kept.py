"""Projects that were labeled with earlier code open with all their labels.

The folder ``kept`` holds two projects as version 1 of the journal left them: images with corrections, skips, undos, a
second opinion, imported labels and a fit; and rows of a table. ``expected.json`` is what that code said of them.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from iale.labeling.fitting.saved import load_latest
from iale.labeling.project import Project

KEPT = Path(__file__).with_name("kept")
EXPECTED = json.loads((KEPT / "expected.json").read_text())


@pytest.fixture(params=["digits", "rows"])
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Project, dict[str, object]]:
    shutil.copytree(KEPT, tmp_path / "kept")
    name: str = request.param
    return Project.open(tmp_path / "kept" / f"{name}.project"), EXPECTED[name]


def test_all_labels_are_there(kept: tuple[Project, dict[str, object]]) -> None:
    project, expected = kept
    assert {project.name(sample): label for sample, label in project.labels().items()} == expected["labels"]
    assert list(project.classes) == expected["classes"]
    assert project.people() == expected["people"]
    if "test" in expected:
        assert sorted(map(project.name, project.labels_to_test_on())) == expected["test"]
        assert [[project.name(each.sample), each.note] for each in project.skipped()] == expected["skipped"]
        assert load_latest(project).classes == ("zero", "one", "two")


def test_people_go_on(kept: tuple[Project, dict[str, object]]) -> None:
    project, _ = kept
    before = project.labels()
    (ticket,) = project.next("dora", 1)
    project.label("dora", ticket.sample, project.classes[0])
    assert len(Project.open(project.folder).labels()) == len(before) + (ticket.sample not in before)
