from __future__ import annotations

import errno
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iale.errors import StorageError
from iale.labeling.record._journal import Journal

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
NAMES = TEXTS.filter(bool)  # what is labeled, and with what, is never empty
EVENTS = st.one_of(
    st.fixed_dictionaries({"kind": st.just("label"), "person": TEXTS, "sample": NAMES, "label": NAMES, "key": TEXTS}),
    st.fixed_dictionaries({"kind": st.just("skip"), "person": TEXTS, "sample": NAMES, "note": TEXTS}),
    st.fixed_dictionaries({"kind": st.just("undo"), "person": TEXTS, "sample": TEXTS, "of": st.integers(1, 9)}),
    st.fixed_dictionaries({"kind": st.just("class"), "person": TEXTS, "label": TEXTS}),
    st.fixed_dictionaries(
        {
            "kind": st.just("lease"),
            "person": TEXTS,
            "samples": st.dictionaries(TEXTS, st.just("query"), max_size=3),
            "until": st.floats(0, 1e10),
        }
    ),
)


def test_events_come_back_in_order(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "folder" / "journal.jsonl")
    first = journal.append(kind="label", person="ann", sample="a", label="cat")
    assert (first.number, first.kind, first.label) == (1, "label", "cat")
    journal.extend([{"kind": "skip", "person": "bo", "sample": "b"}, {"kind": "class", "person": "bo", "label": "dog"}])
    again = Journal(tmp_path / "folder" / "journal.jsonl")
    assert list(again.events) == list(journal.events)
    assert [event.number for event in again.events] == [1, 2, 3]
    lines = (tmp_path / "folder" / "journal.jsonl").read_text().splitlines()
    assert "note" not in json.loads(lines[0])


@settings(max_examples=60, deadline=None)
@given(batches=st.lists(st.lists(EVENTS, min_size=1, max_size=3), max_size=6), data=st.data())
def test_cut_at_any_byte_every_whole_event_is_there_once(
    batches: list[list[dict[str, object]]], data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The file after a kill is some beginning of what was written; whatever was acknowledged before is in it."""
    path = tmp_path_factory.mktemp("journal") / "journal.jsonl"
    path.touch()
    journal = Journal(path)
    sizes = [(0, 0)]
    for batch in batches:
        journal.extend(batch)
        sizes.append((path.stat().st_size, len(journal)))
    whole = path.read_bytes()
    cut = data.draw(st.integers(0, 2**32)) % (len(whole) + 1)  # the length varies with the time
    garbage = data.draw(st.sampled_from([b"", b"\0" * 7, b'{"kind"']))
    path.write_bytes(whole[:cut] + garbage)
    acknowledged = max(count for size, count in sizes if size <= cut)
    reopened = Journal(path)
    assert list(reopened.events)[:acknowledged] == list(journal.events)[:acknowledged]
    kept = list(reopened.events)
    assert kept == list(journal.events)[: len(kept)]
    torn = path.stat().st_size - sum(map(len, whole.splitlines(keepends=True)[: len(kept)]))
    added = reopened.append(kind="label", person="ann", sample="new", label="cat")
    assert list(Journal(path).events) == [*kept, added]
    assert len(reopened.notices) == (torn > 0)
    assert path.read_bytes().count(b"\n") == len(kept) + 1


def test_a_line_feed_behind_a_gap_is_torn_too(tmp_path: Path) -> None:
    """After a power cut the end of a write may be on the disk without its beginning."""
    path = tmp_path / "journal.jsonl"
    Journal(path).append(kind="label", person="ann", sample="a", label="cat")
    path.write_bytes(path.read_bytes() + b"\0" * 30 + b'"}\n')
    journal = Journal(path)
    assert len(journal) == 1
    assert journal.append(kind="label", person="ann", sample="b", label="cat").number == 2
    assert "never acknowledged" in journal.notices[0]
    assert len(Journal(path)) == 2


@pytest.mark.parametrize("line", [b"{}", b"[1]", b'{"number": 2, "kind": "label"}', b'{"number": 3, "kind": "skip"}'])
def test_a_damaged_line_in_the_middle_is_named_and_nothing_is_cut(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "journal.jsonl"
    journal = Journal(path)
    for sample in "abc":
        journal.append(kind="label", person="ann", sample=sample, label="cat")
    lines = path.read_bytes().splitlines(keepends=True)
    data = lines[0] + line + b"\n" + lines[2]
    path.write_bytes(data)
    with pytest.raises(StorageError, match=r"line 2, is not event 2: the journal is damaged"):
        Journal(path)
    assert path.read_bytes() == data


@pytest.mark.parametrize("step", ["fsync", "write"])
def test_a_full_disk_refuses_the_label_and_leaves_the_journal_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    path = tmp_path / "journal.jsonl"
    journal = Journal(path)
    journal.append(kind="label", person="ann", sample="a", label="cat")
    before = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, step, full)
        with pytest.raises(StorageError, match="No space left on device"):
            journal.append(kind="label", person="ann", sample="b", label="cat")
    assert path.read_bytes() == before
    assert len(journal) == 1
    assert journal.append(kind="label", person="ann", sample="b", label="dog").number == 2
    assert [event.label for event in Journal(path).events] == ["cat", "dog"]


LIMITED = """
import resource, signal, sys
from pathlib import Path
from iale.errors import StorageError
from iale.labeling.record._journal import Journal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))
journal = Journal(Path(sys.argv[1]))
try:
    while True:
        journal.append(kind="label", person="ann", sample="x" * 300, label="cat")
except StorageError as error:
    print(len(journal), error)
try:
    journal.append(kind="label", person="ann", sample="x" * 300, label="cat")
except StorageError:
    print(journal.append(kind="label", person="a", sample="b", label="c").number)
"""


def test_a_write_that_the_kernel_stops_half_way_is_taken_back(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    done = subprocess.run([sys.executable, "-c", LIMITED, str(path)], capture_output=True, text=True, check=True)
    count, second = done.stdout.splitlines()
    assert "cannot write" in count
    assert int(second) == int(count.split()[0]) + 1 == len(Journal(path))


WRITING = """
import sys
from pathlib import Path
from iale.labeling.record._journal import Journal
journal = Journal(Path(sys.argv[1]))
print("ready", flush=True)
while True:
    event = journal.append(kind="label", person=sys.argv[2], sample="s" * 50, label=str(len(journal)))
    print(event.number, flush=True)
"""


def start(path: Path, person: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITING, str(path), person]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.readline()
    return process


def test_what_was_acknowledged_before_a_kill_is_there_once(tmp_path: Path) -> None:
    path, rng, acknowledged = tmp_path / "journal.jsonl", random.Random(0), list[int]()
    for _ in range(4):
        with start(path, "ann") as process:
            time.sleep(rng.uniform(0, 0.1))
            process.send_signal(signal.SIGKILL)
            assert process.stdout is not None
            acknowledged += [int(line) for line in process.stdout.read().split("\n") if line]
        numbers = [event.number for event in Journal(path).events]
        assert numbers == list(range(1, len(numbers) + 1))
        assert set(acknowledged) <= set(numbers)
    assert len(acknowledged) == len(set(acknowledged)) > 4


def test_processes_write_by_turns(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    with start(path, "ann") as ann, start(path, "bo") as bo:
        mine = Journal(path)
        while {event.person for event in mine.events} != {"ann", "bo", "me"}:
            mine.append(kind="skip", person="me", sample="x")
        for process in (ann, bo):
            process.send_signal(signal.SIGKILL)
            assert process.stdout is not None
    events = Journal(path).events
    assert [event.number for event in events] == list(range(1, len(events) + 1))
    assert {event.person for event in events} == {"ann", "bo", "me"}
    mine.refresh()
    assert len(mine) >= len(events) - 1


def test_a_reader_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    journal = Journal(path)
    journal.append(kind="label", person="ann", sample="a", label="cat")
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"numb')
    assert len(Journal(path)) == 1
    assert path.read_bytes() == whole + b'{"numb'


def test_a_journal_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match=r"cannot read .*journal.*Not a directory"):
        Journal(tmp_path / "file" / "journal.jsonl")
    (tmp_path / "folder.jsonl").mkdir()
    with pytest.raises(StorageError, match="Is a directory"):
        Journal(tmp_path / "folder.jsonl")
    path = tmp_path / "journal.jsonl"
    journal = Journal(path)
    journal.append(kind="label", person="ann", sample="a", label="cat")
    path.write_bytes(b"")
    with pytest.raises(StorageError, match="became shorter while it was in use"):
        journal.refresh()
