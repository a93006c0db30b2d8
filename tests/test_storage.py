from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from iale._storage import (
    append_line,
    read_bytes,
    read_json,
    read_lines,
    read_more_lines,
    read_tensors,
    sha256,
    to_json,
    write_bytes,
    write_json,
    write_tensors,
)
from iale.cli._output import check_file
from iale.errors import StorageError

TENSORS = {"weight": torch.arange(6.0).reshape(2, 3), "labels": torch.tensor([3, 1]), "flag": torch.tensor(True)}


def full_disk(*_: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_pipe_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    write_bytes(pipe, b"rank,sample")
    assert os.read(reader, 99) == b"rank,sample"
    os.close(reader)
    assert pipe.is_fifo()
    assert [path.name for path in tmp_path.iterdir()] == ["pipe"]


def test_a_command_may_write_to_an_open_pipe() -> None:
    reader, writer = os.pipe()
    write_bytes(check_file(Path(f"/dev/fd/{writer}")), b"rank,sample")
    assert os.read(reader, 99) == b"rank,sample"
    os.close(reader)
    os.close(writer)


def test_what_a_process_has_open_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    link = tmp_path / "stdout"
    link.symlink_to("/proc/self/fd/1")  # as /dev/stdout is
    code = "import sys, pathlib, iale._storage as s; s.write_bytes(pathlib.Path(sys.argv[1]), b'x')"
    with open(tmp_path / "to", "wb") as to:
        for stdout in (to, subprocess.PIPE):
            done = subprocess.run([sys.executable, "-c", code, str(link)], stdout=stdout, check=True)
            assert done.stdout in (None, b"x")
    assert (tmp_path / "to").read_bytes() == b"x"
    assert link.is_symlink()


def test_bytes_come_back_and_folders_are_made(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "file"
    write_bytes(path, b"first")
    write_bytes(path, b"second")
    assert read_bytes(path) == b"second"
    assert [child.name for child in path.parent.iterdir()] == ["file"]


@pytest.mark.parametrize("step", ["fsync", "replace", "chmod"])
def test_a_full_disk_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    path = tmp_path / "card.json"
    write_json(path, {"a": 1})
    before = read_bytes(path)
    monkeypatch.setattr(os, step, full_disk)
    with pytest.raises(StorageError, match=r"cannot write .*card\.json: No space left on device; check the path"):
        write_json(path, {"a": 2})
    assert read_bytes(path) == before
    assert [child.name for child in tmp_path.iterdir()] == ["card.json"]


LIMITED = """
import resource, signal, sys
from pathlib import Path
from iale.errors import StorageError
from iale._storage import append_line, write_bytes
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
try:
    if sys.argv[1] == "whole":
        write_bytes(Path(sys.argv[2]), b"x" * 20000)
    else:
        append_line(Path(sys.argv[2]), {"long": "x" * int(sys.argv[1])})
except StorageError as error:
    sys.exit(f"one sentence: {error}")
"""


@pytest.mark.parametrize("how", ["whole", "5500", "20000"])
def test_a_write_that_stops_half_way_leaves_what_was_there(tmp_path: Path, how: str) -> None:
    """The kernel refuses to write more: a file must not grow beyond 5,000 bytes."""
    path = tmp_path / "file"
    append_line(path, {"a": 1})
    before = read_bytes(path)
    done = subprocess.run([sys.executable, "-c", LIMITED, how, str(path)], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("one sentence: cannot write")
    assert done.stderr.count("\n") == 1
    assert read_bytes(path) == before
    assert [child.name for child in tmp_path.iterdir()] == ["file"]


WRITING = """
import itertools, sys
from pathlib import Path
from iale._storage import append_line, write_json
folder = Path(sys.argv[1])
for number in itertools.count():
    write_json(folder / "state.json", {"number": number, "filling": [number] * 2000})
    append_line(folder / "lines.jsonl", {"number": number, "filling": [number] * 2000})
    if number == 3:
        print("going", flush=True)
"""


def test_a_kill_leaves_whole_files(tmp_path: Path) -> None:
    for _ in range(3):
        with subprocess.Popen([sys.executable, "-c", WRITING, str(tmp_path)], stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()
            process.send_signal(signal.SIGKILL)
        state = read_json(tmp_path / "state.json")
        assert state["filling"] == [state["number"]] * 2000
        records = read_lines(tmp_path / "lines.jsonl")
        assert [record["number"] for record in records] == list(range(len(records)))
        (tmp_path / "lines.jsonl").unlink()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write to a read-only folder")
def test_a_read_only_folder_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(StorageError, match="Permission denied"):
            write_bytes(tmp_path / "file", b"")
    finally:
        tmp_path.chmod(0o700)


def test_a_file_in_the_place_of_a_folder_is_named(tmp_path: Path) -> None:
    write_bytes(tmp_path / "file", b"")
    for path in (tmp_path / "file" / "below", tmp_path):
        with pytest.raises(StorageError, match="cannot write"):
            write_bytes(path, b"")
        with pytest.raises(StorageError, match="cannot write"):
            append_line(path, {})
    assert sorted(child.name for child in tmp_path.iterdir()) == ["file"]


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"cannot read .*card\.json: No such file or directory"):
        read_json(tmp_path / "card.json")
    assert read_lines(tmp_path / "records.jsonl") == []


def test_equal_values_give_equal_bytes(tmp_path: Path) -> None:
    write_json(tmp_path / "a", {"x": 1, "y": ["ü", None]})
    write_json(tmp_path / "b", {"y": ["ü", None], "x": 1})
    assert read_bytes(tmp_path / "a") == read_bytes(tmp_path / "b")
    assert read_json(tmp_path / "a") == {"schema": 1, "x": 1, "y": ["ü", None]}
    assert to_json({"b": 1, "a": "ü"}) == '{"a": "ü", "b": 1}'
    with pytest.raises(ValueError):
        to_json({"a": float("nan")})


@pytest.mark.parametrize("data", [b"", b"{", b'{"schema": 1', b"\xff\xfe", b"not json"])
def test_json_that_was_cut_or_altered_is_named(tmp_path: Path, data: bytes) -> None:
    write_bytes(tmp_path / "card.json", data)
    with pytest.raises(StorageError, match=r"card\.json is not readable JSON .* truncated or altered"):
        read_json(tmp_path / "card.json")


@pytest.mark.parametrize("data", [b"[]", b"3", b"{}", b'{"schema": 2}', b'{"schema": "1"}'])
def test_another_layout_is_refused(tmp_path: Path, data: bytes) -> None:
    write_bytes(tmp_path / "card.json", data)
    with pytest.raises(StorageError, match="does not have schema version 1"):
        read_json(tmp_path / "card.json")


def test_tensors_come_back_and_their_digest_is_that_of_the_file(tmp_path: Path) -> None:
    digest = write_tensors(tmp_path / "t", {**TENSORS, "transposed": TENSORS["weight"].T})
    assert digest == sha256(read_bytes(tmp_path / "t"))
    loaded = read_tensors(tmp_path / "t", digest)
    assert loaded.keys() == {*TENSORS, "transposed"}
    assert all(torch.equal(loaded[name], value) for name, value in TENSORS.items())
    assert torch.equal(loaded["transposed"], TENSORS["weight"].T)


def test_views_of_one_tensor_may_be_written(tmp_path: Path) -> None:
    whole = torch.arange(6.0)
    write_tensors(tmp_path / "t", {"whole": whole, "part": whole[:3], "same": whole})
    assert read_tensors(tmp_path / "t")["part"].tolist() == [0.0, 1.0, 2.0]


def test_an_altered_byte_does_not_match_the_digest(tmp_path: Path) -> None:
    digest = write_tensors(tmp_path / "t", TENSORS)
    data = bytearray(read_bytes(tmp_path / "t"))
    data[-1] ^= 1
    write_bytes(tmp_path / "t", bytes(data))
    with pytest.raises(StorageError, match="does not match its recorded SHA-256: it is truncated or altered"):
        read_tensors(tmp_path / "t", digest)


def damaged() -> Iterator[bytes]:
    from safetensors.torch import save

    data = save(TENSORS)
    yield from (data[:length] for length in range(0, len(data), 7))
    yield b"garbage" * 20
    yield data + b"more"
    yield data.replace(b'"F32"', b'"F99"')
    yield data.replace(b'"F32"', b'"F64"')
    yield data.replace(b"[2,3]", b"[9,3]")


def test_tensors_that_were_cut_or_altered_are_named_without_a_digest_too(tmp_path: Path) -> None:
    for data in damaged():
        write_bytes(tmp_path / "t", data)
        with pytest.raises(StorageError, match="is not a whole safetensors file"):
            read_tensors(tmp_path / "t")


def test_lines_come_back(tmp_path: Path) -> None:
    path = tmp_path / "runs" / "records.jsonl"
    for number in range(3):
        append_line(path, {"number": number})
    assert read_lines(path) == [{"number": number} for number in range(3)]
    assert path.read_text().endswith("}\n")


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_a_line_that_a_kill_cut_short_is_left_out_and_then_dropped(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("lines") / "records.jsonl"
    records = [{"number": number, "filling": "x" * data.draw(st.sampled_from([0, 10, 70_000]))} for number in range(3)]
    for record in records:
        append_line(path, record)
    whole = read_bytes(path)
    cut = data.draw(st.integers(0, len(whole)))
    path.write_bytes(whole[:cut])
    kept = records[: whole[:cut].count(b"\n")]
    assert read_lines(path) == kept
    append_line(path, {"number": 99})
    assert read_lines(path) == [*kept, {"number": 99}]


@pytest.mark.parametrize("step", ["fsync"])
def test_a_line_that_could_not_be_written_leaves_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    append_line(tmp_path / "lines", {"a": 1})
    before = read_bytes(tmp_path / "lines")
    monkeypatch.setattr(os, step, full_disk)
    with pytest.raises(StorageError, match="No space left on device"):
        append_line(tmp_path / "lines", {"a": 2})
    assert read_bytes(tmp_path / "lines") == before


def test_several_writers_take_turns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is in the middle of a line has not been killed: its half of a line is not cut off."""
    write = os.write

    def a_little(file: int, data: bytes) -> int:
        time.sleep(0.0005)
        return write(file, data[:5])

    monkeypatch.setattr(os, "write", a_little)
    records = [{"number": number, "filling": "x" * 20} for number in range(24)]
    with ThreadPoolExecutor(4) as writers:
        list(writers.map(lambda record: append_line(tmp_path / "lines", record), records))
    assert sorted(record["number"] for record in read_lines(tmp_path / "lines")) == list(range(24))


@pytest.mark.parametrize(("line", "message"), [(b"{oops", "line 2, is not readable JSON"), (b"3", "line 2, is not a")])
def test_a_damaged_line_in_the_middle_is_named(tmp_path: Path, line: bytes, message: str) -> None:
    write_bytes(tmp_path / "lines", b'{"a": 1}\n' + line + b'\n{"a": 2}\n')
    with pytest.raises(StorageError, match=message):
        read_lines(tmp_path / "lines")


def test_a_damaged_line_that_comes_later_has_its_number_in_the_file(tmp_path: Path) -> None:
    for number in range(3):
        append_line(tmp_path / "a.jsonl", {"number": number})
    _, end = read_more_lines(tmp_path / "a.jsonl", 0)
    append_line(tmp_path / "a.jsonl", {"number": 3})
    with (tmp_path / "a.jsonl").open("ab") as file:
        file.write(b"{damaged\n")
    with pytest.raises(StorageError, match="line 5, is not readable JSON"):
        read_more_lines(tmp_path / "a.jsonl", end)


def test_lines_are_read_on_from_where_the_last_ones_ended(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    assert read_more_lines(path, 0) == ([], 0)
    append_line(path, {"a": 1})
    first, end = read_more_lines(path, 0)
    append_line(path, {"a": 2})
    with open(path, "ab") as file:
        file.write(b'{"a": 3')
    second, after = read_more_lines(path, end)
    assert (first, second) == ([{"a": 1}], [{"a": 2}])
    assert read_more_lines(path, after) == ([], after)
