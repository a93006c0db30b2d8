"""A name means one thing: labels stay with their samples when data change, or are set aside and offered."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.labeling.conftest import QUICK, Make, write_images

from iale.cli._set_aside import show_set_aside
from iale.errors import DataError
from iale.labeling.export import labels_csv, labels_jsonl
from iale.labeling.importing import import_csv, offers, take_over
from iale.labeling.project import Project
from iale.labeling.reader import ProjectReader
from iale.labeling.record.config import ProjectConfig


def table(path: Path, header: str, row: Callable[[int], str], count: int = 30) -> Path:
    path.write_text(header + "\n" + "".join(row(number) + "\n" for number in range(count)))
    return path


def labeled(folder: Path, data: Path, count: int = 12, **config: object) -> dict[str, str]:
    """A new project with labels; returns them by name."""
    project = Project.create(folder, ProjectConfig(data, ("a", "b"), training=QUICK, **config))  # type: ignore[arg-type]
    for place, ticket in enumerate(project.next("ann", count)):
        project.label("ann", ticket.sample, "ab"[place % 2])
    return by_name(project)


def by_name(project: Project) -> dict[str, str]:
    return {project.items.words(project.items.ids.index(sample)): label for sample, label in project.labels().items()}


def test_two_rows_with_one_name_are_refused_and_named(tmp_path: Path) -> None:
    data = table(tmp_path / "t.csv", "id,text", lambda i: f"{i % 27},text {i}")
    with pytest.raises(DataError, match=r"id 0 occurs in lines 2 and 29.* name each row once"):
        Project.create(tmp_path / "p", ProjectConfig(data, ("a", "b")))
    assert not (tmp_path / "p").exists()


@pytest.mark.parametrize(
    ("header", "before", "after"),
    [
        ("id,text,source", lambda i: f"{i},text {i},web", lambda i: f"{i},text {i},book"),
        ("id,text,price", lambda i: f"{i},text {i},{i}", lambda i: f"{i},text {i},{float(i)}"),
        ("id,x,y", lambda i: f"{i},{i},{i * i}", lambda i: f"{i},{i}.0,{i * i:.2f}"),
        ("text,id", lambda i: f"text {i},{i}", lambda i: f"text {i},{i}"),
    ],
)
def test_what_people_do_not_see_may_change(
    tmp_path: Path, header: str, before: Callable[[int], str], after: Callable[[int], str]
) -> None:
    expected = labeled(tmp_path / "p", table(tmp_path / "t.csv", header, before))
    table(tmp_path / "t.csv", header, lambda i: after(29 - i))  # in another order, too
    again = Project.open(tmp_path / "p")
    assert (by_name(again), again.missing()) == (expected, 0)


def test_a_text_that_changed_is_set_aside_exported_and_offered_by_name(tmp_path: Path) -> None:
    data = table(tmp_path / "t.csv", "id,text", lambda i: f"{i},text {i}")
    expected = labeled(tmp_path / "p", data, test_share=0.5)
    tested = len(Project.open(tmp_path / "p").labels_to_test_on())
    table(data, "id,text", lambda i: f"{i},another text {i}")
    again = Project.open(tmp_path / "p")
    assert (again.labels(), again.missing()) == ({}, 12)
    rows = list(csv.DictReader(io.StringIO(labels_csv(again))))
    assert {row["sample"]: row["label"] for row in rows if row["set_aside"] == "yes"} == expected
    lines = [json.loads(line) for line in labels_jsonl(again).splitlines()]
    assert {line["sample"]: line["label"] for line in lines if line["set_aside"]} == expected
    assert offers(again, "content") == []
    found = offers(again, "name")
    assert {offer.new: offer.label for offer in found} == expected
    assert len(Project.open(tmp_path / "p").labels()) == 0  # an offer takes nothing
    take_over(again, found)
    for project in (again, Project.open(tmp_path / "p")):
        assert (by_name(project), project.missing()) == (expected, 0)
        assert len(project.labels_to_test_on()) == tested > 0
        assert project.people() == {"ann": 12}
        assert {event.person for event in project.decisions().values()} == {"ann"}


def test_a_table_with_set_aside_labels_is_imported_without_them(tmp_path: Path) -> None:
    data = table(tmp_path / "t.csv", "id,text", lambda i: f"{i},text {i}")
    expected = labeled(tmp_path / "p", data)
    table(data, "id,text", lambda i: f"{i},text {i}" if i < 15 else f"{i},other")
    left = {name: label for name, label in expected.items() if int(name) < 15}
    out = tmp_path / "labels.csv"
    out.write_text(labels_csv(Project.open(tmp_path / "p")))
    other = Project.create(tmp_path / "q", ProjectConfig(data, ("a", "b"), training=QUICK))
    assert import_csv(other, out) == len(left) < len(expected)
    assert by_name(other) == left


@pytest.mark.parametrize("change", [lambda x: x.astype(np.float16), lambda x: (x - x.mean(0)) / x.std(0)])
def test_rows_of_an_array_are_offered_by_their_numbers(tmp_path: Path, change: Callable[[np.ndarray], object]) -> None:
    x = np.random.default_rng(0).normal(size=(30, 8)).astype(np.float32)
    np.savez(tmp_path / "x.npz", x=x)
    expected = labeled(tmp_path / "p", tmp_path / "x.npz")
    np.savez(tmp_path / "x.npz", x=change(x))  # type: ignore[arg-type]
    again = Project.open(tmp_path / "p")
    assert (again.labels(), again.missing()) == ({}, 12)
    assert len(labels_jsonl(again).splitlines()) == 12
    take_over(again, offers(again, "name"))
    assert (by_name(again), again.missing()) == (expected, 0)
    assert by_name(Project.open(tmp_path / "p")) == expected


def test_a_moved_photo_is_offered_by_content_and_a_recompressed_one_by_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_images(tmp_path / "data", 20)
    expected = labeled(tmp_path / "p", tmp_path / "data", 20, test_share=0.0)
    (tmp_path / "data" / "new").mkdir()
    for number in range(5):
        name = f"image-{number:03}.png"
        (tmp_path / "data" / name).rename(tmp_path / "data" / "new" / f"{number}.png")
    for number in range(5, 9):
        path = tmp_path / "data" / f"image-{number:03}.png"
        Image.open(path).save(path, compress_level=0)
    swapped = [tmp_path / "data" / f"image-{number:03}.png" for number in (10, 11)]
    swapped[0].rename(tmp_path / "x")
    swapped[1].rename(swapped[0])
    (tmp_path / "x").rename(swapped[1])
    Image.new("L", (30, 30)).save(tmp_path / "data" / "other.png")
    want = dict(expected)
    for number in range(5):
        want[f"new/{number}.png"] = want.pop(f"image-{number:03}.png")
    want["image-010.png"], want["image-011.png"] = want["image-011.png"], want["image-010.png"]
    again = Project.open(tmp_path / "p")
    aside = again.missing()
    assert aside >= 9  # and the swapped ones, unless their sizes are equal by chance
    show_set_aside(again, None)
    said = capsys.readouterr().err
    assert f"have changed: {aside} answers;" in said
    assert "`--take-over content` takes over" in said
    assert "image-000.png as it was" not in said
    assert "image-000.png → new/0.png" in said
    assert again.missing() == aside
    show_set_aside(again, "content")
    assert f" of {aside} answers; still set aside: 4\n" in capsys.readouterr().err
    show_set_aside(again, "name")
    said = capsys.readouterr().err
    assert "image-005.png as it was → image-005.png as it is" in said
    assert "taken over by name: 4 of 4 answers; still set aside: 0\n" in said
    assert by_name(again) == by_name(Project.open(tmp_path / "p")) == want


def test_copies_are_not_guessed(tmp_path: Path) -> None:
    write_images(tmp_path / "data", 4)
    labeled(tmp_path / "p", tmp_path / "data", 4, test_share=0.0)
    for name in ("one.png", "two.png"):
        shutil.copy(tmp_path / "data" / "image-000.png", tmp_path / "data" / name)
    (tmp_path / "data" / "image-000.png").unlink()
    again = Project.open(tmp_path / "p")
    assert again.missing() == 1
    assert offers(again, "content") == offers(again, "name") == []


def test_every_line_names_its_sample_in_words(tmp_path: Path, make: Make) -> None:
    write_images(tmp_path / "data", 3)
    folders = [tmp_path / "p", tmp_path / "q", make("rows", count=5).folder]
    labeled(folders[0], tmp_path / "data", 3)
    labeled(folders[1], table(tmp_path / "t.csv", "id,text", lambda i: f"article {i},text {i}"), 3)
    expected = ("image-", "article ", "row ")
    for folder, start in zip(folders, expected, strict=True):
        project = Project.open(folder)
        sample = project.items.ids[0]
        project.label("bo", sample, project.classes[0])
        project.skip("bo", sample)
        project.undo("bo")
        lines = [json.loads(line) for line in (folder / "journal.jsonl").read_text().splitlines()]
        acts = [line for line in lines if line["kind"] in ("label", "skip", "undo")]
        assert {"label", "skip", "undo"} == {line["kind"] for line in acts}
        assert all(line["name"].startswith(start) for line in acts)


def test_a_correction_of_an_imported_label_is_the_act_of_its_person(make: Make) -> None:
    project = make()
    first, second = project.items.ids[0], project.items.ids[1]
    project.add_labels("import", {first: "even"}, "imported")
    project.label("ann", second, "even")
    project.label("ann", first, "odd")
    undone = project.undo("ann")
    assert undone is not None
    assert (undone.sample, project.labels()) == (first, {first: "even", second: "even"})
    project.label("ann", first, "odd")
    again = Project.open(project.folder)
    assert again.undo("ann", first) is not None
    assert again.labels()[first] == "even"
    assert again.undo("import") is None
    assert again.undo("ann") is not None
    assert again.undo("ann") is None


def test_what_is_away_comes_back(tmp_path: Path) -> None:
    data = tmp_path / "data"
    write_images(data, 20)
    expected = labeled(tmp_path / "p", data, 5, test_share=0.0)
    project = Project.open(tmp_path / "p")
    tickets = project.next("ann", 3, tab="1")
    project.path(tickets[0].sample)  # the page shows it
    data.rename(tmp_path / "away")
    assert project.skip("ann", tickets[1].sample, note="unreadable") is None
    project.label("ann", tickets[0].sample, "a")  # a person has pressed the key
    with pytest.raises(DataError, match="is away: put it back"):
        project.next("bob", 5)
    (tmp_path / "away").rename(data)
    gone = project.items.path(project.items.ids.index(tickets[2].sample))
    gone.rename(tmp_path / "one.png")
    assert {t.sample for t in project.next("ann", 30, tab="1")} == set(project.items.ids) - set(project.labels()) - {
        tickets[2].sample
    }
    (tmp_path / "one.png").rename(gone)
    asked = {t.sample for t in project.next("ann", 30, tab="1")}
    assert {ticket.sample for ticket in tickets[1:]} <= asked
    again = Project.open(tmp_path / "p")
    assert by_name(again) == {**expected, project.name(tickets[0].sample): "a"}


def test_a_touch_costs_nothing(tmp_path: Path) -> None:
    data = tmp_path / "data"
    write_images(data, 10)
    expected = labeled(tmp_path / "p", data, 5, test_share=0.0)
    project = Project.open(tmp_path / "p")
    shown = project.items.ids[9]
    project.path(shown)
    for path in data.iterdir():
        os.utime(path)
    assert not any(project.items.changed(index) for index in range(10))
    project.label("ann", shown, "a")
    assert by_name(Project.open(tmp_path / "p")) == {**expected, project.name(shown): "a"}
    content = bytearray(project.path(shown).read_bytes())
    content[-1] ^= 1  # of the same size
    project.path(shown).write_bytes(content)
    with pytest.raises(DataError, match="was changed"):
        project.label("ann", shown, "b")


def test_skips_of_earlier_versions_for_files_that_were_away_are_forgotten(tmp_path: Path) -> None:
    data = tmp_path / "data"
    write_images(data, 4)
    expected = labeled(tmp_path / "p", data, 2, test_share=0.0)
    project = Project.open(tmp_path / "p")
    journal = tmp_path / "p" / "journal.jsonl"
    number = len(journal.read_text().splitlines())
    with open(journal, "a") as file:
        for sample in project.items.ids:  # one of them had a label
            number += 1
            skip = {"kind": "skip", "person": "ann", "sample": sample, "note": "gone", "reason": "first", "time": 1.0}
            file.write(json.dumps({**skip, "number": number}) + "\n")
    again = Project.open(tmp_path / "p")
    assert (by_name(again), again.skipped()) == (expected, [])
    assert len(again.next("bob", 5)) == 2


def test_reading_writes_nothing(tmp_path: Path) -> None:
    kept = Path(__file__).with_name("kept")
    shutil.copytree(kept, tmp_path / "kept")
    journal = tmp_path / "kept" / "rows.project" / "journal.jsonl"
    before = journal.read_bytes()
    reader = ProjectReader.open(tmp_path / "kept" / "rows.project")
    assert len(reader.labels()) == 5
    assert journal.read_bytes() == before


@pytest.mark.parametrize("name", ["digits", "rows"])
def test_a_journal_of_digests_gets_names_once(tmp_path: Path, name: str) -> None:
    shutil.copytree(Path(__file__).with_name("kept"), tmp_path / "kept")
    folder = tmp_path / "kept" / f"{name}.project"
    project = Project.open(folder)
    expected, tests = by_name(project), set(project.labels_to_test_on())
    people, twice = project.people(), len(project.answered_twice())
    size = len((folder / "journal.jsonl").read_bytes())
    again = Project.open(folder)
    assert len((folder / "journal.jsonl").read_bytes()) == size
    assert (by_name(again), set(again.labels_to_test_on()), again.people()) == (expected, tests, people)
    assert len(again.answered_twice()) == twice
    assert all(event.answered < 1795745700 for event in again.decisions().values())  # when they were given
    assert all(len(again.history(sample)) < 5 for sample in again.labels())
    if name == "rows":  # what they are known by from now on: a column more would have cost them
        data = tmp_path / "kept" / "rows.csv"
        rows = data.read_text().splitlines()
        data.write_text("\n".join([f"{rows[0]},more", *(f"{row},1" for row in rows[1:])]))
        changed = Project.open(folder)
        assert (changed.labels(), changed.missing()) == ({}, 5)
        take_over(changed, offers(changed, "name"))
        assert by_name(changed) == expected
