"""Embeddings that a user has made: every form of file, and every way in which one may be wrong."""

from __future__ import annotations

import pickle
import subprocess
import sys
import unicodedata
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import nn

from iale import ActiveLearner, FolderSamples, TrainingConfig
from iale.data._inputs import as_samples
from iale.errors import ConfigError, DataError
from iale.geometry import Points, PointSamples, as_geometry, read_embeddings
from iale.geometry._embedding_files import read_file

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


@pytest.mark.parametrize("called", ["names", "__index_level_0__"])
@pytest.mark.parametrize("kind", ["npz", "packed", "parquet"])
def test_names_that_are_not_called_ids_are_not_passed_over(tmp_path: Path, kind: str, called: str) -> None:
    """Rows in the order of another column would go to the wrong samples."""

    def saved(told: object) -> Path:
        path = tmp_path / ("packed.npz" if kind == "packed" else f"a.{kind}")
        if kind == "parquet":
            pytest.importorskip("pyarrow")
            pd.DataFrame({called: told, "embeddings": list(ROWS)}).to_parquet(path)
        else:
            save = np.savez_compressed if kind == "packed" else np.savez
            save(path, embeddings=ROWS, **{called: np.array(told)})  # type: ignore[arg-type]
        return path

    for told, names in (
        ([NAMES[at] for at in MIXED], NAMES),
        ([f"/home/photos/{NAMES[at]}" for at in MIXED], NAMES),
        ([Path(NAMES[at]).stem for at in MIXED], NAMES),
        ([NAMES[at].upper() for at in MIXED], NAMES),
        (MIXED, NAMES),  # the numbers of the files
        (MIXED, [str(number) for number in range(40)]),
    ):
        with pytest.raises(DataError, match=f"'{called}' in it names the samples in another order .* call it ids"):
            read_embeddings(saved(told), names)
    for numbers in (MIXED, MIXED + 1):
        with pytest.raises(DataError, match=f"'{called}' in it numbers the samples in another order .* call it ids"):
            read_embeddings(saved(numbers), [f"photo-{number}.jpg" for number in range(40)])
    if kind != "parquet":
        with pytest.raises(DataError, match="names the samples in another order"):
            read_embeddings(saved([[NAMES[at]] for at in MIXED]), NAMES)
    stems = [Path(name).stem for name in NAMES]
    for told in (
        NAMES,
        stems,
        [f"/home/photos/{name}" for name in NAMES],
        np.arange(40),
        np.arange(1, 41),
        MIXED % 3,
        ["x"] * 40,
    ):
        torch.testing.assert_close(read_embeddings(saved(told), NAMES).read(), torch.from_numpy(ROWS))


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
    with pytest.raises(DataError, match=r"there is no file .*a\.csv"):
        read_embeddings(tmp_path / "a.csv", NAMES)
    (tmp_path / "a.csv").write_text("a,b")
    with pytest.raises(DataError, match=r"an .npy, .npz or .parquet file was expected"):
        read_embeddings(tmp_path / "a.csv", NAMES)


def test_pickles_are_never_opened(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.array([{"a": 1}], dtype=object))
    np.savez(tmp_path / "a.npz", embeddings=ROWS, ids=np.array(NAMES, dtype=object))
    for name in ("a.npy", "a.npz"):
        with pytest.raises(DataError, match=f"{name} holds an array of Python objects"):
            read_embeddings(tmp_path / name, NAMES)


def test_parquet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pyarrow")
    for column, dtype in (("ids", "float32"), ("sample", "float64"), ("id", "float16")):
        rows = ROWS.astype(dtype)
        frame = pd.DataFrame({column: [NAMES[at] for at in MIXED], "embedding": list(rows[MIXED]), "label": "x"})
        frame.to_parquet(tmp_path / "a.parquet")
        points = read_embeddings(tmp_path / "a.parquet", NAMES)
        torch.testing.assert_close(points.read(), torch.from_numpy(rows.astype(np.float32)))
    monkeypatch.setattr("iale.geometry._mapped.LARGE", 100)
    monkeypatch.setattr("iale.geometry._embedding_tables._ROWS", 16)
    frame.to_parquet(tmp_path / "a.parquet", row_group_size=30)  # of 40 rows
    on_disk = read_embeddings(tmp_path / "a.parquet", NAMES)
    for points in (on_disk, pickle.loads(pickle.dumps(on_disk.at(torch.arange(40))))):
        assert points.values.dtype == torch.float16
        torch.testing.assert_close(points.read(), torch.from_numpy(rows.astype(np.float32)))
    for wrong, said in ((["1, 2"] * 40, "string: a list of numbers"), ([1.0] * 40, "are double: a list of numbers")):
        frame.assign(embedding=wrong).to_parquet(tmp_path / "a.parquet")
        with pytest.raises(DataError, match=said):
            read_embeddings(tmp_path / "a.parquet", NAMES)
    frame[:0].to_parquet(tmp_path / "a.parquet")
    with pytest.raises(DataError, match=r"holds no rows|are null"):
        read_embeddings(tmp_path / "a.parquet", NAMES)
    frame["embedding"] = [row[: 3 + (at > 30)] for at, row in enumerate(ROWS)]
    frame.to_parquet(tmp_path / "a.parquet")
    with pytest.raises(DataError, match="differ in length"):
        read_embeddings(tmp_path / "a.parquet", NAMES)
    for ids, said in ((frame["id"], NAMES[MIXED[17]]), (None, NAMES[17])):
        lacking = frame.assign(embedding=[row if at != 17 else None for at, row in enumerate(ROWS)], id=ids)
        (lacking if ids is not None else lacking[["embedding"]]).to_parquet(tmp_path / "a.parquet", index=False)
        with pytest.raises(DataError, match=f"the embedding of sample '{said}' is missing"):
            read_embeddings(tmp_path / "a.parquet", NAMES)
    for wrong, said in ((frame[:0], "holds no rows"), (frame.assign(embedding=[["a"]] * 40), "numbers were expected")):
        wrong.to_parquet(tmp_path / "a.parquet")
        with pytest.raises(DataError, match=said):
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
        (np.zeros((40, 2, 2)), r"a geometry .*the shape \(40, 2, 2\): give an array"),
        (np.zeros((40, 0)), r"a geometry .*the shape \(40, 0\)"),
        (ROWS[:, 0], r"a geometry .*the shape \(40,\): give an array \[N, D\]"),
        (pd.Series(ROWS[:, 0]), r"a geometry .*the shape \(40,\)"),
        (5, "a geometry has a row of numbers for each sample, and int has none: give an array"),
    ):
        with pytest.raises(DataError, match=said):
            as_geometry(wrong, 40)


@pytest.mark.parametrize("large", [1 << 28, 1000])
def test_a_column_of_hugging_face_is_a_geometry(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, large: int) -> None:
    """In memory and, beyond a size, on disk; of the parts that are read, several are needed."""
    datasets = pytest.importorskip("datasets", reason="the library datasets is not installed")
    monkeypatch.setattr("iale.geometry._store.LARGE", large)
    rows = np.random.default_rng(2).normal(size=(600, 7)).astype(np.float32)
    data = datasets.Dataset.from_dict({"embedding": rows.tolist(), "label": list(range(600))})
    for form in (data, data.with_format("numpy"), data.with_format("torch"), data.with_transform(lambda some: some)):
        assert torch.equal(as_geometry(form["embedding"], 600).read(), torch.from_numpy(rows))
    assert torch.equal(as_samples(data["embedding"]).batch(torch.tensor([599, 3])), torch.from_numpy(rows[[599, 3]]))
    with pytest.raises(DataError, match="the geometry has 600 rows for 40 samples"):
        as_geometry(data["embedding"], 40)
    ragged = rows.tolist()
    ragged[500] = ragged[500][:4]
    for row, said in ((ragged[500], "sample 500 has 4 numbers and sample 0 has 7"), (None, "sample 500 is no list of")):
        ragged[500] = row
        with pytest.raises(DataError, match=said):
            as_geometry(datasets.Dataset.from_dict({"embedding": ragged})["embedding"], 600)


def test_columns_beside_embeddings_name_samples_whatever_their_type(tmp_path: Path) -> None:
    """Also categories; texts that name nothing are not kept."""
    pytest.importorskip("pyarrow")
    mixed = [NAMES[at] for at in MIXED]
    for column in (mixed, pd.Categorical(mixed)):
        frame = pd.DataFrame(
            {"file": column, "text": [f"what was said: {at}" for at in MIXED], "embedding": list(ROWS)}
        )
        frame.to_parquet(tmp_path / "a.parquet")
        with pytest.raises(DataError, match="'file' in it names the samples in another order"):
            read_embeddings(tmp_path / "a.parquet", NAMES)
        assert list(read_file(tmp_path / "a.parquet", NAMES).others) == ["file"]


@pytest.mark.parametrize("large", [1 << 28, 100])
def test_a_data_set_that_save_to_disk_wrote(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, large: int) -> None:
    """In several files, with ids and without; damaged ones, and those of several splits, end in one sentence."""
    datasets = pytest.importorskip("datasets", reason="the library datasets is not installed")
    monkeypatch.setattr("iale.geometry._mapped.LARGE", large)
    monkeypatch.setattr("iale.geometry._embedding_tables._ROWS", 7)
    folder = tmp_path / "saved"
    columns = {"id": [NAMES[at] for at in MIXED], "embeddings": ROWS[MIXED].tolist(), "label": [3] * 40}
    data = datasets.Dataset.from_dict(columns)
    data.save_to_disk(folder, num_shards=3)
    torch.testing.assert_close(read_embeddings(folder, NAMES).read(), torch.from_numpy(ROWS))
    numbers = datasets.Sequence(datasets.Value("float16"), length=ROWS.shape[1])
    plain = datasets.Dataset.from_dict({"embedding": ROWS}, features=datasets.Features(embedding=numbers))
    plain.save_to_disk(tmp_path / "plain")
    assert read_embeddings(tmp_path / "plain", NAMES).values.dtype == torch.float16
    torch.testing.assert_close(
        as_geometry(tmp_path / "plain", 40).read(), torch.from_numpy(ROWS.astype(np.float16)).float()
    )
    data.select(MIXED[:39]).save_to_disk(tmp_path / "short")
    datasets.DatasetDict(train=data, test=data).save_to_disk(tmp_path / "splits")
    data.remove_columns("embeddings").save_to_disk(tmp_path / "none")
    data.select([]).save_to_disk(tmp_path / "empty")
    for name, said in (
        ("short", NAMES[MIXED[MIXED[39]]]),
        ("splits", "holds the splits train, test: name the folder of one, .*train"),
        ("none", "holds id, label, but nothing called embeddings"),
        ("empty", "holds no rows"),
    ):
        with pytest.raises(DataError, match=said):
            read_embeddings(tmp_path / name, NAMES)
    data.save_to_disk(tmp_path / "v1.npy")
    torch.testing.assert_close(read_embeddings(tmp_path / "v1.npy", NAMES).read(), torch.from_numpy(ROWS))
    datasets.Dataset.from_dict({"embedding": [1] * 40}).save_to_disk(tmp_path / "scalar")
    with pytest.raises(DataError, match="int64: a list of numbers was expected"):
        read_embeddings(tmp_path / "scalar", NAMES)
    for name in ("data-00001-of-00003.arrow", "state.json"):
        (folder / name).write_bytes((folder / name).read_bytes()[:-40])
        with pytest.raises(DataError, match=r"saved is truncated or altered: .*save it again"):
            read_embeddings(folder, NAMES)
        data.save_to_disk(folder, num_shards=3)
    (folder / "data-00001-of-00003.arrow").unlink()
    with pytest.raises(DataError, match=r"saved"):
        read_embeddings(folder, NAMES)


def test_a_geometry_is_what_the_array_holds_and_not_its_file(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", ROWS)
    changed = np.load(tmp_path / "a.npy", mmap_mode="c")
    changed /= np.linalg.norm(changed, axis=1, keepdims=True)
    torch.testing.assert_close(as_geometry(changed, 40).read(), torch.from_numpy(np.array(changed)))
    mapped = np.load(tmp_path / "a.npy", mmap_mode="r")
    (tmp_path / "a.npy").unlink()
    with pytest.raises(DataError, match=r"a\.npy was moved or cut short"):
        as_geometry(mapped, 40)
    np.save(tmp_path / "a.npy", 2 * ROWS)  # the map still holds what was there before
    with pytest.raises(DataError, match=r"a\.npy was replaced"):
        as_geometry(mapped, 40)
    with pytest.raises(DataError, match="says that values are missing"):
        as_geometry(np.ma.masked_greater(ROWS, 2), 40)


def test_accents_of_ids_may_be_signs_of_their_own(tmp_path: Path) -> None:
    """As macOS writes names of files; two files that differ in nothing else are still two."""
    names = [f"für {number}.png" for number in range(40)]
    ids = [unicodedata.normalize("NFD", names[at]) for at in MIXED]
    path = save(tmp_path / "a.npz", ROWS[MIXED], ids)
    torch.testing.assert_close(read_embeddings(path, names).read(), torch.from_numpy(ROWS))
    both = [names[0], unicodedata.normalize("NFD", names[0])]
    path = save(tmp_path / "a.npz", ROWS[:2], both[::-1])
    torch.testing.assert_close(read_embeddings(path, both).read(), torch.from_numpy(ROWS[[1, 0]]))


def test_a_learner_on_a_folder_takes_the_file_whose_ids_are_the_names_of_its_images(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    for number in range(12):
        Image.fromarray(np.full((4, 4), number, np.uint8)).save(tmp_path / "photos" / f"ö {number}.png")
    folder, mixed = FolderSamples(tmp_path / "photos"), [7, 3, 11, 0, 9, 1, 10, 2, 8, 4, 6, 5]
    path = save(tmp_path / "a.npz", ROWS[mixed], [folder.names[at] for at in mixed])
    asked = []
    for geometry in (path, ROWS[:12]):
        net = nn.Sequential(nn.Flatten(), nn.Linear(16, 2))
        learner = ActiveLearner(net, folder, "maxherding", geometry=geometry, training=TrainingConfig(epochs=1))
        learner.tell([0], [1])
        asked.append(learner.ask(6))
    assert asked[0] == asked[1]
    frame = pd.DataFrame(ROWS[mixed], index=[folder.names[at] for at in mixed])
    with pytest.raises(DataError, match=r"in two orders: pass geometry\.loc\[samples\.names\]"):
        ActiveLearner(net, folder, geometry=frame)
    ActiveLearner(net, folder, geometry=frame.loc[folder.names])


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
if sys.argv[1].endswith("parquet"):
    import pyarrow.parquet
names = [str(number) for number in range(100_000)]
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
points = read_embeddings(sys.argv[1], names)
for start in range(0, 100_000, 5_000):
    points.read(start, start + 5_000)
points.at(torch.arange(0, 100_000, 37)).read()
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) >> 10)
"""


@pytest.mark.parametrize("kind", ["npy", "npz", "parquet"])
def test_a_large_file_stays_on_disk(tmp_path: Path, kind: str) -> None:
    """100,000 x 768 of float16 are 147 MB, of float32 293 MB; a million must fit into 1 GB with all else."""
    path = tmp_path / f"large.{kind}"
    if kind == "parquet":
        pyarrow = pytest.importorskip("pyarrow", reason="the extra 'parquet' is not installed")
        pytest.importorskip("pyarrow.parquet")
        rows = pyarrow.FixedSizeListArray.from_arrays(pyarrow.array(np.zeros(76_800_000, np.float32)), 768)
        pyarrow.parquet.write_table(pyarrow.table({"embeddings": rows}), path, row_group_size=50_000)
        assert measured(path) < 80
        return
    path = tmp_path / "large.npy"
    sparse = np.lib.format.open_memmap(path, "w+", np.float16, (100_000, 768))  # takes no room on the disk
    del sparse
    if kind == "npz":
        with zipfile.ZipFile(tmp_path / "large.npz", "w") as archive:
            archive.write(path, "embeddings.npy")
        path = tmp_path / "large.npz"
    assert measured(path) < 60


def measured(path: Path) -> int:
    """MiB of memory that it takes to read a file of 100,000 embeddings."""
    said = subprocess.run([sys.executable, "-c", _LARGE, str(path)], capture_output=True, text=True, check=True)
    return int(said.stdout)
