"""Embeddings that a user has made: every form of file, and every way in which one may be wrong."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.typing import NDArray

from iale.errors import ConfigError, DataError
from iale.geometry import Points, PointSamples, as_geometry, read_embeddings

NAMES = [f"cat/{number}.jpg" for number in range(40)]
ROWS = np.random.default_rng(0).normal(size=(40, 7)).astype(np.float32)
MIXED = np.random.default_rng(1).permutation(40)


def save(path: Path, rows: NDArray[np.generic] = ROWS, ids: object = None) -> Path:
    if path.suffix == ".npy":
        np.save(path, rows)
    elif path.name.startswith("packed"):
        np.savez_compressed(path, embeddings=rows, ids=np.array(ids))
    else:
        np.savez(path, embeddings=rows, ids=np.array(ids))
    return path


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", ">f4", "int8"])
@pytest.mark.parametrize("name", ["a.npy", "a.npz", "packed.npz"])
def test_each_sample_gets_its_own_row(tmp_path: Path, name: str, dtype: str) -> None:
    rows = (10 * ROWS).astype(dtype)
    if name.endswith(".npy"):
        path = save(tmp_path / name, rows)
    else:
        path = save(tmp_path / name, rows[MIXED], [NAMES[at] for at in MIXED])
    points = read_embeddings(path, NAMES)
    assert points.values.dtype == (torch.float16 if dtype == "float16" else torch.float32)
    torch.testing.assert_close(points.read(), torch.from_numpy(rows.astype(np.float32)), rtol=0, atol=0)
    torch.testing.assert_close(points.at(torch.tensor([7])).read()[0], points.read()[7])


def test_ids_may_be_numbers_and_arrays_may_lie_in_fortran_order(tmp_path: Path) -> None:
    path = save(tmp_path / "a.npz", np.asfortranarray(ROWS), np.arange(40)[::-1])
    torch.testing.assert_close(as_geometry(path, 40).read(), torch.from_numpy(ROWS[::-1].copy()))
    np.savez(tmp_path / "one.npz", ROWS)
    torch.testing.assert_close(as_geometry(str(tmp_path / "one.npz"), 40).read(), torch.from_numpy(ROWS))


def broken(row: int, value: float = np.nan) -> NDArray[np.float32]:
    rows = ROWS.copy()
    rows[row, 3] = value
    return rows


@pytest.mark.parametrize(
    ("file", "rows", "ids", "said"),
    [
        ("a.npy", ROWS[:-1], None, "has 39 rows for 40 samples"),
        ("a.npy", broken(5), None, "the embedding of 'cat/5.jpg' has NaN, infinity or numbers too large"),
        (
            "a.npy",
            broken(6, np.inf).astype(np.float16),
            None,
            "the embedding of 'cat/6.jpg' has NaN, infinity or numbers too large",
        ),
        (
            "a.npy",
            broken(6).astype(np.float64) * 1e300,
            None,
            "the embedding of 'cat/0.jpg' has NaN, infinity or numbers too large",
        ),
        ("a.npy", broken(7, 1e30), None, "the embedding of 'cat/7.jpg' has NaN, infinity or numbers too large"),
        ("a.npy", ROWS[:, 0], None, "holds float32 of shape \\(40,\\)"),
        ("a.npy", ROWS.astype(str), None, "numbers were expected"),
        ("a.npz", ROWS[1:], NAMES[1:], "has no embedding of 'cat/0.jpg': add it"),
        ("a.npz", ROWS[3:], NAMES[3:], "has no embedding of 'cat/0.jpg' and 2 more"),
        ("a.npz", ROWS, [*NAMES[:-1], "dog.jpg"], "has no embedding of 'cat/39.jpg'"),
        ("a.npz", np.concatenate([ROWS, ROWS[:1]]), [*NAMES, "dog.jpg"], "'dog.jpg', which is no sample"),
        ("a.npz", np.concatenate([ROWS, ROWS[:1]]), [*NAMES, NAMES[4]], "has 'cat/4.jpg' more than once"),
        ("a.npz", ROWS, NAMES[1:], "has 39 ids and 40 embeddings"),
        (
            "a.npz",
            broken(9)[MIXED],
            [NAMES[at] for at in MIXED],
            "the embedding of 'cat/9.jpg' has NaN, infinity or numbers too large",
        ),
        ("a.npz", ROWS, np.ones(40) / 3, "the ids of .* are float64"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(
    tmp_path: Path, file: str, rows: NDArray[np.generic], ids: object, said: str
) -> None:
    with pytest.raises(DataError, match=said) as raised:
        read_embeddings(save(tmp_path / file, rows, ids), NAMES)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("name", ["a.npy", "a.npz", "a.parquet"])
def test_a_damaged_or_absent_file_is_named(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    with pytest.raises((DataError, ConfigError), match=name):
        read_embeddings(path, NAMES)
    path.write_bytes(b"PK nothing")
    with pytest.raises((DataError, ConfigError), match=f"did you mean .*{name}|needs pyarrow"):
        read_embeddings(tmp_path / f"b{name}", NAMES)
    with pytest.raises((DataError, ConfigError), match=name):
        read_embeddings(path, NAMES)
    with pytest.raises(DataError, match=r"an .npy, .npz or .parquet file was expected"):
        read_embeddings(tmp_path / "a.csv", NAMES)


def test_pickles_are_never_opened(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.array([{"a": 1}], dtype=object))
    np.savez(tmp_path / "a.npz", embeddings=ROWS, ids=np.array(NAMES, dtype=object))
    for name in ("a.npy", "a.npz"):
        with pytest.raises(DataError, match=f"{name} holds an array of Python objects"):
            read_embeddings(tmp_path / name, NAMES)


def test_parquet(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    for column, dtype in (("ids", "float32"), ("sample", "float64"), ("id", "float16")):
        rows = ROWS.astype(dtype)
        frame = pd.DataFrame({column: [NAMES[at] for at in MIXED], "embedding": list(rows[MIXED]), "label": "x"})
        frame.to_parquet(tmp_path / "a.parquet")
        points = read_embeddings(tmp_path / "a.parquet", NAMES)
        torch.testing.assert_close(points.read(), torch.from_numpy(rows.astype(np.float32)))
    frame["embedding"] = [row[: 3 + (at > 30)] for at, row in enumerate(ROWS)]
    frame.to_parquet(tmp_path / "a.parquet")
    with pytest.raises(DataError, match="differ in length"):
        read_embeddings(tmp_path / "a.parquet", NAMES)
    (tmp_path / "a.parquet").write_bytes((tmp_path / "a.parquet").read_bytes()[:-50])
    with pytest.raises(DataError, match="truncated or altered"):
        read_embeddings(tmp_path / "a.parquet", NAMES)


def test_a_geometry_in_python_is_anything_like_an_array(tmp_path: Path) -> None:
    expected = torch.from_numpy(ROWS)
    np.save(tmp_path / "a.npy", ROWS)
    forms: list[object] = [
        ROWS,
        ROWS.astype(np.float64),
        ROWS[::-1][::-1],
        torch.from_numpy(ROWS),
        ROWS.tolist(),
        pd.DataFrame(ROWS),
        list(ROWS),
        np.load(tmp_path / "a.npy", mmap_mode="r"),
        tmp_path / "a.npy",
        Points(expected, torch.arange(40)),
    ]
    for form in forms:
        torch.testing.assert_close(as_geometry(form, 40).read(), expected)
    for wrong, said in (
        (ROWS[1:], "has 39 rows"),
        (broken(3), "3"),
        (np.zeros((40, 2, 2)), "give an array"),
        (5, "int"),
    ):
        with pytest.raises(DataError, match=said):
            as_geometry(wrong, 40)


def test_points_are_samples() -> None:
    samples = PointSamples(as_geometry(ROWS, 40))
    assert (samples.shape, samples.dtype, len(samples)) == ((7,), torch.float32, 40)
    lengths = np.linalg.norm(ROWS[[3, 1]], axis=1, keepdims=True)
    torch.testing.assert_close(samples.batch(torch.tensor([3, 1])), torch.from_numpy(ROWS[[3, 1]] / lengths))
    zeros = PointSamples(as_geometry(np.zeros((2, 3), np.float32), 2))
    assert zeros.batch(torch.arange(2)).tolist() == [[0, 0, 0], [0, 0, 0]]
    assert samples.batch(torch.empty(0, dtype=torch.int64)).shape == (0, 7)
    assert samples.fingerprint() == PointSamples(as_geometry(ROWS.tolist(), 40)).fingerprint()
    assert samples.fingerprint() != PointSamples(as_geometry(ROWS[::-1].copy(), 40)).fingerprint()
    with pytest.raises(DataError, match="sample 40 does not exist"):
        samples.batch(torch.tensor([40]))


_LARGE = """
import resource, sys, torch
from iale.geometry import read_embeddings
names = [str(number) for number in range(100_000)]
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
points = read_embeddings(sys.argv[1], names)
for start in range(0, 100_000, 5_000):
    points.read(start, start + 5_000)
points.at(torch.arange(0, 100_000, 37)).read()
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) >> 10)
"""


@pytest.mark.parametrize("kind", ["npy", "npz"])
def test_a_large_file_stays_on_disk(tmp_path: Path, kind: str) -> None:
    """100,000 x 768 of float16 are 147 MB; a million must fit into 1 GB with all else."""
    path = tmp_path / "large.npy"
    sparse = np.lib.format.open_memmap(path, "w+", np.float16, (100_000, 768))  # takes no room on the disk
    del sparse
    if kind == "npz":
        with zipfile.ZipFile(tmp_path / "large.npz", "w") as archive:
            archive.write(path, "embeddings.npy")
        path = tmp_path / "large.npz"
    said = subprocess.run([sys.executable, "-c", _LARGE, str(path)], capture_output=True, text=True, check=True)
    assert int(said.stdout) < 60
