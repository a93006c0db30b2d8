"""A journal with a damaged line: `iale repair` shows it, keeps a copy and sets it aside; all other labels stay."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from tests.labeling.conftest import Make

from iale.cli._main import main
from iale.errors import StorageError
from iale.labeling.project import Project
from iale.labeling.record._journal import Journal
from iale.labeling.record._repair import repair


def labeled(make: Make, count: int = 8) -> tuple[Project, Path]:
    project = make(test_share=0.0, twice_share=0.0)
    samples = list(project.items.ids)[:count]
    for number, sample in enumerate(samples):
        project.label("ann", sample, ("even", "odd")[number % 2])
    return project, project.folder / "journal.jsonl"


BAD = [
    b"garbage\n",
    b"\0" * 90 + b"\n",
    b'{"number": 3, "kind": "label", "person": "ann", "sample": 17, "label": "odd", "time": 1.0}\n',
    b'{"number": 3, "kind": "label", "person": "ann", "sample": "a", "label": ["odd"], "time": 1.0}\n',
    b'{"number": 3, "kind": "lease", "person": "ann", "samples": ["a"], "time": 1.0}\n',
    b'{"number": 3, "kind": "label", "person": "ann", "sample": "a", "label": "odd", "time": "now"}\n',
    b'{"number": 3, "kind": "label", "person": "ann", "sample": "a", "label": "odd", "time": 1e20}\n',
    b'{"number": 3, "kind": "label", "person": "ann", "sample": "a", "label": "odd", "time": NaN}\n',
    b'{"number": 3, "kind": "label", "person": "ann", "sample": "a", "label": "odd", "time": 1.0, "since": 1e400}\n',
    b'{"number": 3, "kind": "label", "person": "ann", "sample": "a", "label": "\\ud800", "time": 1.0}\n',
    b'{"number": 3, "kind": "label", "person": "ann", "sample": "a", "label": "", "time": 1.0}\n',
    b'{"number": 3, "kind": "label", "person": "ann", "sample": "a", "time": 1.0}\n',
    b'{"number": 3, "kind": "skip", "person": "ann", "time": 1.0}\n',
    b'{"number": true, "kind": "label", "person": "ann"}\n',
    b'{"number": 1000000000, "kind": "class", "label": "x", "person": "ann", "time": 1.0}\n',
    b"half of this line and\nthe other half\n",
    b"",
]


@pytest.mark.parametrize("line", BAD)
def test_a_damaged_line_is_set_aside_and_everything_else_stays(
    make: Make, capsys: pytest.CaptureFixture[str], line: bytes
) -> None:
    project, path = labeled(make)
    expected = project.labels()
    lines = path.read_bytes().splitlines(keepends=True)
    lost = json.loads(lines[2])["sample"]
    damaged = b"".join([*lines[:2], line, *lines[3:]])
    path.write_bytes(damaged)
    with pytest.raises(StorageError, match=r"is damaged.*`iale repair .*project` shows"):
        Project.open(project.folder)
    assert main(["status", str(project.folder)]) == 2
    assert main(["repair", str(project.folder)]) == 0
    told = capsys.readouterr()
    assert "event 3 is lost" in told.out
    assert "1 lines" not in told.out
    assert all(f"line {3 + at}: " in told.out for at in range(line.count(b"\n")))
    (copy,) = project.folder.glob("journal-damaged-*.jsonl")
    assert copy.read_bytes() == damaged
    again = Project.open(project.folder)
    assert again.labels() == {sample: label for sample, label in expected.items() if sample != lost}
    event = again.label("ann", lost, "odd")
    assert event.number == 9
    assert Project.open(project.folder).labels()[lost] == "odd"
    assert main(["repair", str(project.folder)]) == 0
    assert "nothing to repair: the journal is whole" in capsys.readouterr().out
    assert len(list(project.folder.glob("journal-damaged-*.jsonl"))) == 1


def test_after_any_damage_the_labels_in_whole_lines_are_there(make: Make, tmp_path: Path) -> None:
    """Against the plain rule: a line that is as it was written keeps its event, whatever happened around it."""
    project, path = labeled(make, 40)
    project.undo("ann")
    whole = path.read_bytes()
    lines = whole.splitlines(keepends=True)
    rng = random.Random(0)
    for number in range(25):
        data = bytearray(whole)
        for _ in range(rng.randint(1, 4)):
            start, size = rng.randrange(len(data)), rng.randrange(1, 400)
            data[start : start + size] = rng.choice([b"\0" * size, b"", b"\n", rng.randbytes(size)])
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "journal.jsonl").write_bytes(data)
        found = repair(folder)
        survivors = [line for line in bytes(data).splitlines(keepends=True) if line in lines]
        kept = Journal(folder / "journal.jsonl").events
        numbers = {event.number for event in kept if event.kind != "void"}
        assert {json.loads(line)["number"] for line in survivors} <= numbers
        assert [event.number for event in kept] == list(range(1, len(kept) + 1))
        assert repair(folder).damaged == ()
        assert (found.copy is None) == (not found.damaged and not found.lost)


def test_a_label_that_is_no_class_is_set_aside_and_named(make: Make, capsys: pytest.CaptureFixture[str]) -> None:
    project, path = labeled(make, 4)
    sample = next(iter(project.labels()))
    path.write_text(path.read_text().replace('"label": "even"', '"label": "zebra"', 1))
    assert main(["status", str(project.folder)]) == 0
    assert "'zebra' (ann, 1 sample) is no class of this project" in capsys.readouterr().out
    again = Project.open(project.folder)
    assert sample not in again.labels()
    assert sample in {ticket.sample for ticket in again.next("bo", 60)}
    again.add_class("ann", "zebra")
    assert again.labels()[sample] == "zebra"
    assert again.notices == []


def test_only_a_project_is_repaired(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["repair", str(tmp_path)]) == 2
    assert "is not a labeling project" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
