from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.labeling.conftest import QUICK, Make, label_some, truth, write_images

from iale._storage import write_json
from iale.errors import ConfigError, DataError, StorageError
from iale.labeling.project import Project
from iale.labeling.reader import ProjectReader
from iale.labeling.record._fits import Latest
from iale.labeling.record.config import ProjectConfig


def test_a_label_is_kept_corrected_undone_and_known_to_history(make: Make) -> None:
    project = make()
    (ticket,) = project.next("ann", 1)
    first = project.label("ann", ticket.sample, "even")
    assert (first.person, first.label, first.reason) == ("ann", "even", ticket.reason)
    assert project.label("ann", ticket.sample, "even") == first
    second = project.label("bo", ticket.sample, "odd")
    assert project.labels() == {ticket.sample: "odd"}
    undo = project.undo("bo")
    assert undo is not None
    assert (undo.kind, undo.of) == ("undo", second.number)
    assert project.labels() == {ticket.sample: "even"}
    assert project.undo("bo") is None
    third = project.skip("ann", ticket.sample, note="too dark")
    assert project.labels() == {}
    assert [entry.note for entry in project.skipped()] == ["too dark"]
    assert project.history(ticket.sample) == [first, second, undo, third]
    again = Project.open(project.folder)
    assert again.history(ticket.sample) == project.history(ticket.sample)
    assert again.decision(ticket.sample) == third
    assert again.labels() == {}


def test_a_request_with_a_known_key_does_nothing_also_after_a_restart(make: Make) -> None:
    project = make()
    one, two = (ticket.sample for ticket in project.next("ann", 2))
    first = project.label("ann", one, "even", key="k1")
    project.label("ann", two, "odd", key="k2")
    undo = project.undo("ann", key="k3")
    for again in (project, Project.open(project.folder)):
        assert again.label("ann", one, "even", key="k1") == first
        with pytest.raises(DataError, match="this key was used for something else"):
            again.label("ann", one, "odd", key="k1")
        assert again.undo("ann", key="k3") == undo
        assert again.labels() == {one: "even"}
        added = again.add_class("ann", "new", key="k4")
        assert added is None or added.kind == "class"
    assert project.add_class("bo", "new") is None
    assert project.classes == ("even", "odd", "new")


def test_what_cannot_be_recorded_is_said_and_nothing_is_written(make: Make) -> None:
    project = make()
    (ticket,) = project.next("ann", 1)
    before = (project.folder / "journal.jsonl").read_bytes()
    for person, sample, label in (
        ("ann", ticket.sample, "prime"),
        ("ann", "0" * 16, "odd"),
        ("ann", "../x", "odd"),
        ("", ticket.sample, "odd"),
        ("a\nb", ticket.sample, "odd"),
        ("x" * 101, ticket.sample, "odd"),
    ):
        with pytest.raises(DataError):
            project.label(person, sample, label)
    with pytest.raises(DataError):
        project.add_class("ann", "a\0b")
    assert (project.folder / "journal.jsonl").read_bytes() == before


def test_nobody_gets_what_another_holds_until_the_lease_ends(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    project = make(count=20, lease_minutes=10)
    ann = {t.sample for t in project.next("ann", 6)}
    bo = {t.sample for t in project.next("bo", 6)}
    tab = {t.sample for t in project.next("ann", 6, tab="2")}
    assert len(ann | bo | tab) == 18
    assert [t.sample for t in project.next("ann", 6)] == [t.sample for t in project.next("ann", 6)]
    assert {t.sample for t in project.next("ann", 6)} == ann
    assert len(project.next("cy", 6)) == 2
    other = Project.open(project.folder)  # another process
    assert {t.sample for t in other.next("bo", 6)} == bo
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 6 * 60)
    project.next("ann", 6, have=ann)  # renewed
    monkeypatch.setattr(time, "time", lambda: now + 11 * 60)
    assert {t.sample for t in project.next("cy", 20)}.isdisjoint(ann)
    assert len(project.next("cy", 20)) == 14


def test_what_a_tab_holds_is_not_handed_out_again_and_can_be_given_back(make: Make) -> None:
    project = make(count=12)
    first = [t.sample for t in project.next("ann", 4, tab="a")]
    more = [t.sample for t in project.next("ann", 6, tab="a", have=first)]
    assert len(more) == 2
    assert not set(more) & set(first)
    assert {t.sample for t in project.next("ann", 6, tab="a")} == {*first, *more}
    assert len(project.next("bo", 12)) == 6
    project.release("ann", "a")
    assert len(project.next("bo", 12)) == 12


def test_an_undone_sample_is_asked_for_again_with_its_reason(make: Make) -> None:
    project = make(test_share=0.5)
    while True:
        (ticket,) = project.next("ann", 1)
        event = project.label("ann", ticket.sample, truth(project, ticket.sample))
        if event.reason == "test":
            break
    project.undo("ann")
    assert project.labels_to_test_on().get(ticket.sample) is None
    (again,) = project.next("ann", 1)
    assert (again.sample, again.reason) == (ticket.sample, "test")
    assert project.label("ann", ticket.sample, "odd").reason == "test"
    assert project.label("ann", ticket.sample, "even").reason == "test"  # a correction stays in the test share


def test_a_sample_whose_correction_was_undone_is_not_asked_for_again(make: Make) -> None:
    project = make()
    (ticket,) = project.next("ann", 1)
    project.label("ann", ticket.sample, "even")
    project.label("ann", ticket.sample, "odd")
    project.undo("ann")
    assert project.labels() == {ticket.sample: "even"}
    assert ticket.sample not in {other.sample for other in project.next("ann", 20)}


def test_all_samples_are_handed_out_once_and_then_none(make: Make) -> None:
    project = make(count=40, test_share=0.2)
    done = label_some(project, 45)
    assert len(done) == len(set(done)) == 40
    assert project.next("ann", 5) == []
    reasons = {event.reason for event in project.decisions().values()}
    assert reasons == {"first", "test"}
    assert len(project.labels_to_test_on()) + len(project.labels_to_learn_from()) == 40
    assert 2 <= len(project.labels_to_test_on()) <= 16


def test_the_share_of_tests_is_kept_and_never_learned_from(make: Make) -> None:
    project = make(count=400, test_share=0.25)
    label_some(project, 100)
    tests = project.labels_to_test_on()
    assert len(tests) == 25
    reserved = project.shares.reserved
    assert all(reserved[project.items.ids.index(sample)] for sample in tests)
    assert not any(reserved[project.items.ids.index(sample)] for sample in project.labels_to_learn_from())
    order = [project.items.ids[int(i)] for i in project.shares.order[:25]]
    assert set(order) == set(tests)


def test_second_opinions_are_given_to_others_and_decide_nothing(make: Make) -> None:
    project = make(count=100, twice_share=0.3)
    label_some(project, 40, "ann")
    seconds = []
    for _ in range(40):
        for ticket in project.next("bo", 1):
            if ticket.reason == "second":
                assert ticket.guess == ()
                assert project.decision(ticket.sample).person == "ann"  # type: ignore[union-attr]
                seconds.append(ticket.sample)
                project.label("bo", ticket.sample, "odd")
            else:
                project.label("bo", ticket.sample, truth(project, ticket.sample))
    assert 3 <= len(seconds) == len(set(seconds))
    assert all(project.labels()[sample] == truth(project, sample) for sample in seconds)
    pairs = project.answered_twice()
    assert {(a.person, b.person) for a, b in pairs} <= {("ann", "bo")}
    assert {a.sample for a, _ in pairs} == set(seconds)
    assert [b.label for _, b in pairs] == ["odd"] * len(seconds)
    project.label("ann", seconds[0], "odd")  # a later correction is not what was answered independently
    assert project.answered_twice() == pairs
    status = project.status()
    assert status.twice == len(pairs)
    assert set(status.disagreements) == {s for s in seconds if truth(project, s) == "even"}


def test_an_answer_does_not_turn_into_a_correction_when_it_is_sent_twice(make: Make) -> None:
    project = make(count=100, twice_share=0.9)
    label_some(project, 10, "ann")
    ticket = next(t for t in project.next("bo", 10) if t.reason == "second")
    wrong = "odd" if truth(project, ticket.sample) == "even" else "even"
    event = project.label("bo", ticket.sample, wrong, key="k")
    assert project.label("bo", ticket.sample, wrong, key="k") == event
    assert project.label("bo", ticket.sample, wrong) == event
    assert project.labels()[ticket.sample] == truth(project, ticket.sample)
    project.label("bo", ticket.sample, wrong, key="on purpose")
    assert project.labels()[ticket.sample] == wrong


def test_what_the_last_fit_asks_for_comes_first(make: Make) -> None:
    project = make(count=50, test_share=0.0)
    label_some(project, 2)
    left = [s for s in project.items.ids if s not in project.labels()]
    guesses = {left[3]: (("odd", 0.6), ("even", 0.4))}
    latest = Latest(1, (left[3], left[1], "0" * 16), (), guesses, 0.5, "w", "d", (2,))
    write_json(project.folder / "latest.json", vars(latest))
    tickets = project.next("ann", 3)
    assert [t.sample for t in tickets[:2]] == [left[3], left[1]]
    assert [t.reason for t in tickets] == ["query", "query", "random"]
    assert tickets[0].guess == guesses[left[3]]


def test_unseen_classes_are_searched_for(make: Make) -> None:
    project = make(count=50, test_share=0.0, classes=("even", "odd", "rare"))
    label_some(project, 4)
    left = [s for s in project.items.ids if s not in project.labels()]
    write_json(
        project.folder / "latest.json", vars(Latest(1, tuple(left[:5]), tuple(left[10:15]), {}, 0, "", "", (2,)))
    )
    reasons = [t.reason for t in project.next("ann", 6)]
    assert reasons.count("explore") == reasons.count("query") == 3
    project.label("ann", left[20], "rare")
    assert {t.reason for t in project.next("bo", 2)} == {"query"}


def test_the_first_samples_are_diverse(tmp_path: Path) -> None:
    """95 samples in one place and 5 in others: a random draw of 8 holds 0.4 of the five, a diverse one most."""
    rng = np.random.default_rng(0)
    x = np.concatenate([[[5.0, 1.0, 1.0, 1.0]]] * 95 + [[row] for row in 5 * np.eye(5, 4) + 9 * np.eye(5, 4)[::-1]])
    np.savez(tmp_path / "x.npz", x=(x + rng.normal(scale=0.01, size=x.shape)).astype(np.float32))
    config = ProjectConfig(tmp_path / "x.npz", ("a", "b"), test_share=0.0, training=QUICK)
    project = Project.create(tmp_path / "p", config)
    first = [int(project.name(t.sample)) for t in project.next("ann", 8)]
    assert sum(number >= 95 for number in first) >= 3
    again = Project.create(tmp_path / "q", config)
    assert [int(again.name(t.sample)) for t in again.next("ann", 8)] == first


def test_a_changed_or_deleted_image_is_set_aside_and_said(tmp_path: Path) -> None:
    write_images(tmp_path / "data", 6)
    config = ProjectConfig(tmp_path / "data", ("a", "b"), test_share=0.0, training=QUICK)
    project = Project.create(tmp_path / "p", config)
    samples = [t.sample for t in project.next("ann", 6)]
    for sample in samples[:4]:
        project.label("ann", sample, "a")
    project.path(samples[0]).unlink()
    Image.new("L", (12, 12), 3).save(project.path(samples[1]))
    project.path(samples[4]).unlink()
    assert project.skip("ann", samples[4], note="the file is gone") is None
    assert samples[4] not in {t.sample for t in project.next("ann", 6)}
    again = Project.open(tmp_path / "p")
    assert again.count == 4
    assert set(again.labels()) == set(samples[2:4])
    assert again.status().missing == 2
    assert samples[1] in {t.sample for t in again.next("bo", 6)}
    again.label("bo", samples[1], "b")
    assert again.labels()[samples[1]] == "b"
    assert [event.label for event in again.history(samples[1])] == ["a", "b"]


def test_a_project_moves_with_its_data(tmp_path: Path) -> None:
    write_images(tmp_path / "one" / "data", 4)
    config = ProjectConfig(tmp_path / "one" / "data", ("a", "b"), training=QUICK)
    project = Project.create(tmp_path / "one" / "p", config)
    sample = project.next("ann", 1)[0].sample
    project.label("ann", sample, "a")
    shutil.move(tmp_path / "one", tmp_path / "two")
    assert Project.open(tmp_path / "two" / "p").labels() == {sample: "a"}
    shutil.move(tmp_path / "two" / "data", tmp_path / "three")
    assert Project.open(tmp_path / "two" / "p", data=tmp_path / "three").labels() == {sample: "a"}
    with pytest.raises(DataError):
        Project.open(tmp_path / "two" / "p")


def test_going_on_keeps_what_was_drawn_and_takes_what_may_change(make: Make, tmp_path: Path) -> None:
    project = make()
    label_some(project, 3)
    config = project.config
    again = Project.create_or_open(
        project.folder, ProjectConfig(config.data, ("odd", "new"), strategy="entropy", training=QUICK)
    )
    assert again.classes == ("even", "odd", "new")
    assert again.labels() == project.labels()
    assert Project.open(project.folder).config.strategy == "entropy"
    with pytest.raises(ConfigError, match="was made with --seed 0, which cannot change: give the same"):
        Project.create_or_open(project.folder, ProjectConfig(config.data, seed=1))
    np.savez(tmp_path / "other.npz", x=np.ones((3, 2)))
    with pytest.raises(ConfigError, match="is the project of"):
        Project.create_or_open(project.folder, ProjectConfig(tmp_path / "other.npz"))
    with pytest.raises(ConfigError, match="holds a project already"):
        Project.create(project.folder, config)


def test_going_on_with_data_that_were_moved_remembers_where_they_are(make: Make, tmp_path: Path) -> None:
    project = make()
    label_some(project, 3)
    data, moved = project.config.data, tmp_path / "elsewhere" / "moved.npz"
    moved.parent.mkdir()
    shutil.move(data, moved)
    with pytest.raises(DataError, match=r"its samples are not at .*: put them back, or start `iale label DATA --out"):
        Project.open(project.folder)
    with pytest.raises(DataError, match="its samples are not at"):
        ProjectReader.open(project.folder)
    again = Project.create_or_open(project.folder, replace(project.config, data=moved))
    assert Project.open(project.folder).labels() == again.labels() == project.labels()


def test_a_folder_that_is_no_project_is_named(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="is not a labeling project"):
        Project.open(tmp_path)
    with pytest.raises(DataError):
        Project.create(tmp_path / "p", ProjectConfig(tmp_path / "nothing"))
    assert not (tmp_path / "p").exists()
    write_json(tmp_path / "project.json", {"data": "x"})
    with pytest.raises(StorageError, match="not the file of a labeling project"):
        Project.open(tmp_path)


@pytest.mark.parametrize(
    "values",
    [
        {"classes": ("a", "a")},
        {"classes": ("a", " ")},
        {"test_share": 1.0},
        {"twice_share": -0.1},
        {"resize": (3,)},
        {"target": 1.5},
        {"fit_every": 0},
        {"subset_size": 0},
        {"embedding_layer": "x"},
        {"lease_minutes": 0.0},
    ],
)
def test_a_configuration_that_cannot_be_is_named(tmp_path: Path, values: dict[str, object]) -> None:
    with pytest.raises((ConfigError, DataError)):
        ProjectConfig(tmp_path, **values)  # type: ignore[arg-type]


LABELING = """
import sys
import threading
from pathlib import Path
from iale.labeling.project import Project
project = Project.open(Path(sys.argv[1]))
print("ready", flush=True)
number = 0
while True:
    for ticket in project.next(sys.argv[2], 3):
        event = project.label(sys.argv[2], ticket.sample, "odd", key=f"{sys.argv[3]}-{number}")
        print(event.sample, flush=True)
        number += 1
"""


def test_two_processes_are_killed_and_every_acknowledged_label_is_there_once(make: Make) -> None:
    project = make(count=2000, twice_share=0.0)
    acknowledged: list[str] = []
    for turn in range(2):
        commands = [
            [sys.executable, "-c", LABELING, str(project.folder), person, str(turn)] for person in ("ann", "bo")
        ]
        running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for command in commands]
        for process in running:
            assert process.stdout is not None
            process.stdout.readline()
        time.sleep(0.15)
        for process in running:
            process.send_signal(signal.SIGKILL)
            out, _ = process.communicate()
            acknowledged += [line for line in out.split("\n")[:-1] if line]
    assert len(acknowledged) == len(set(acknowledged)) > 4
    labels = Project.open(project.folder).labels()
    assert set(acknowledged) <= set(labels)
    assert len(labels) - len(acknowledged) <= 4  # on the disk, and killed before it could say so
    assert all(len(project.history(sample)) == 1 for sample in labels)


def test_threads_of_one_project_and_another_process_label_at_once_while_fits_begin(make: Make) -> None:
    """One lock for threads and the file's lock for processes: nobody waits for ever, and no label is lost."""
    project = make(count=3000, twice_share=0.0, fit_every=3)
    project.start_fitting()
    command = [sys.executable, "-c", LABELING, str(project.folder), "bo", "1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        other.stdout.readline()
        acknowledged: list[str] = []
        end = time.monotonic() + 1.5

        def work(tab: str) -> None:
            number = 0
            while time.monotonic() < end:
                for ticket in project.next("ann", 2, tab=tab):
                    project.label("ann", ticket.sample, truth(project, ticket.sample), key=f"{tab}-{number}")
                    acknowledged.append(ticket.sample)
                    number += 1
                project.status()

        threads = [threading.Thread(target=work, args=(str(tab),), daemon=True) for tab in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert not any(thread.is_alive() for thread in threads)
        other.send_signal(signal.SIGKILL)
        acknowledged += [line for line in other.stdout.read().split("\n")[:-1] if line]
    project.close()
    assert len(acknowledged) == len(set(acknowledged)) > 8
    assert set(acknowledged) <= set(project.labels()) == set(Project.open(project.folder).labels())
