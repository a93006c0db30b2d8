"""Rows of files: read as a memory map would give them, and an error, not the end of the process, if they are gone."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iale.data._row_files import RowFile, row_reader
from iale.errors import DataError

ROWS = np.random.default_rng(0).normal(size=(50, 3, 4))
VIEWS = {
    "whole": lambda a: a,
    "part": lambda a: a[7:31],
    "backwards": lambda a: a[::-2],
    "columns": lambda a: a[:, 1:2],
    "in pieces": lambda a: a[:, :, 1:3],
    "turned": lambda a: a.transpose(2, 0, 1),
}
CUT = """
import os, sys
import numpy as np, torch
from iale.data import ArraySamples
from iale.data._fingerprint import fingerprint
from iale.errors import DataError
from iale.geometry import PointSamples, as_geometry, build
from iale.geometry._views import Flat

rows = np.random.default_rng(0).normal(size=(4000, 300)).astype(np.float32)
def saved(array=rows):
    np.save("rows.npy", array)
    return "rows.npy"
def mapped(array=rows):
    return np.load(saved(array), mmap_mode="r")
def points():
    return as_geometry(saved(), len(rows))
def zipped():
    np.savez("rows.npz", embeddings=rows, ids=np.arange(len(rows)))
    return as_geometry("rows.npz", len(rows))
def kept():
    made = build(ArraySamples(rows), Flat("embeddings"), "kept")
    return made
every = torch.arange(len(rows))
cases = {
    "samples": (lambda: ArraySamples(mapped()), lambda s: s.batch(every)),
    "samples in pieces": (lambda: ArraySamples(mapped()[:, ::2]), lambda s: s.batch(every)),
    "not yet read": (lambda: ArraySamples(mapped()), lambda s: fingerprint(s)),
    "embeddings": (points, lambda p: p.read()),
    "some embeddings": (lambda: points().at(every[::3]), lambda p: p.read(10)),
    "inputs": (lambda: PointSamples(points()), lambda s: s.fingerprint()),
    "in an .npz": (zipped, lambda p: p.read()),
    "kept": (kept, lambda p: p.read()),
    "of another type": (lambda: mapped(rows.astype(np.float64)), lambda a: as_geometry(a, len(rows))),
}
for name, (make, read) in cases.items():
    made = make()
    if name in ("samples", "embeddings"):
        read(made)
    for folder, _, files in os.walk("."):
        for file in files:
            if file.endswith((".npy", ".npz")):
                os.truncate(os.path.join(folder, file), 5000)
    try:
        read(made)
    except DataError as error:
        print(name, "|", error, flush=True)
"""


@given(st.lists(st.integers(0, 49), max_size=20), st.sampled_from(["float64", "float16", "uint8", ">i4"]))
def test_rows_are_those_of_the_array(rows: list[int], kind: str) -> None:
    array, wanted = (100 * ROWS).astype(kind), np.array(rows, np.int64)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.npy"
        np.save(path, array)
        mapped = np.load(path, mmap_mode="r")
        np.testing.assert_array_equal(row_reader(mapped)(wanted), array[wanted])
        file = RowFile(path, mapped.offset, array.dtype, array.shape, array.strides[0])
    found = file.read(wanted)
    assert (found.dtype, found.flags.writeable) == (array.dtype, True)
    np.testing.assert_array_equal(found, array[wanted])
    np.testing.assert_array_equal(file.mapped(), array)


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("mode", ["r", "r+", "c"])
def test_rows_of_views_are_those_of_the_view(view: str, mode: Literal["r", "r+", "c"], tmp_path: Path) -> None:
    np.save(tmp_path / "rows.npy", ROWS)
    mapped = np.load(tmp_path / "rows.npy", mmap_mode=mode)
    if mode != "r":  # what is changed is seen, whether it reaches the file or not
        mapped[9] = 1
    seen = VIEWS[view](mapped)
    rows = np.array([0, 1, len(seen) - 1, 2, 0])
    np.testing.assert_array_equal(row_reader(seen)(rows), np.asarray(seen)[rows])


@pytest.mark.parametrize("how", ["gone", "replaced"])
def test_a_map_outlives_its_name(how: str, tmp_path: Path) -> None:
    np.save(tmp_path / "rows.npy", ROWS)
    mapped = np.load(tmp_path / "rows.npy", mmap_mode="r")
    (tmp_path / "rows.npy").unlink()
    if how == "replaced":
        np.save(tmp_path / "rows.npy", ROWS + 1)
    np.testing.assert_array_equal(row_reader(mapped)(np.arange(50)), ROWS)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> int:
        raise OSError(5, "Input/output error")

    np.save(tmp_path / "rows.npy", ROWS)
    read = row_reader(np.load(tmp_path / "rows.npy", mmap_mode="r"))
    monkeypatch.setattr(os, "preadv", broken)
    with pytest.raises(DataError, match=r"rows\.npy cannot be read \(Input/output error\): put it back"):
        read(np.arange(3))


def test_few_bytes_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.save(tmp_path / "rows.npy", ROWS)
    whole = os.preadv
    monkeypatch.setattr(os, "preadv", lambda file, rooms, at: whole(file, [rooms[0][:7]], at))
    found = row_reader(np.load(tmp_path / "rows.npy", mmap_mode="r"))(np.arange(50))
    np.testing.assert_array_equal(found, ROWS)


def test_files_are_closed(tmp_path: Path) -> None:
    np.save(tmp_path / "rows.npy", ROWS)
    before = os.listdir("/proc/self/fd")
    for _ in range(20):
        row_reader(np.load(tmp_path / "rows.npy", mmap_mode="r"))(np.arange(3))
    assert len(os.listdir("/proc/self/fd")) < len(before) + 10


def test_a_file_that_is_cut_short_is_an_error(tmp_path: Path) -> None:
    """In a process of its own, which a memory map would end with a bus error."""
    done = subprocess.run([sys.executable, "-c", CUT], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    told = dict(line.split(" | ") for line in done.stdout.splitlines())
    assert len(told) == 9
    assert all("was cut short since it was opened" in said for said in told.values()), told


STRATEGY = """
import os
from iale.strategies.base import QueryStrategy
class Cuts(QueryStrategy):
    name = "cuts"
    def select(self, context, k, *, rng):
        import torch
        os.truncate("vectors.npy", 2000)
        return torch.arange(k)
"""


def test_a_run_whose_embeddings_are_cut_short_ends_with_a_sentence(tmp_path: Path) -> None:
    np.savez(tmp_path / "mine.npz", x=np.zeros((4000, 2), np.float32), y=np.arange(4000) % 2)
    np.save(tmp_path / "vectors.npy", np.random.default_rng(0).normal(size=(4000, 64)).astype(np.float32))
    (tmp_path / "cutting.py").write_text(STRATEGY)
    run = (
        "run --dataset mine.npz --embeddings vectors.npy --strategies random,cutting:Cuts --seeds 1 --labeling-budget 8"
    )
    options = f"{run} --acquisition-size 2 --initial-size 4 --subset-size 10 --test-size 50 --out out".split()
    done = subprocess.run([sys.executable, "-m", "iale", *options], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2
    assert "vectors.npy" in done.stderr.splitlines()[-1]
    assert "cut short" in done.stderr.splitlines()[-1]
    assert len((tmp_path / "out" / "records.jsonl").read_text().splitlines()) == 1
