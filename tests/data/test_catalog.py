"""Data sets by name and by path, and their splits."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from sklearn.datasets import load_digits

from iale.data._sources import embedded_file
from iale.data.arrays import ArraySamples
from iale.data.catalog import DATASETS, describe_datasets, load_dataset
from iale.data.samples import DataSet
from iale.data.splits import Subset, make_dataset
from iale.data.splits import _stratified_split as stratified_split
from iale.data.unlabeled import load_unlabeled
from iale.errors import DataError, UnknownNameError
from iale.seeding import Stream

RNG = np.random.default_rng(0)
X = RNG.integers(0, 256, (50, 4, 4), dtype=np.uint8)
Y = np.arange(50) % 5


def everything(samples: Any) -> np.ndarray:
    return samples.batch(torch.arange(len(samples))).numpy()  # type: ignore[no-any-return]


@pytest.mark.parametrize("name", ["digits", "fashion-small"])
def test_embedded_sets_are_as_described(name: str) -> None:
    loaded = load_dataset(name)
    info = next(info for info in describe_datasets() if info.name == name)
    assert (len(loaded.train), len(loaded.test)) == (info.train, info.test)
    assert loaded.train.shape == loaded.test.shape == info.shape
    assert loaded.num_classes == info.classes
    assert loaded.train_labels.dtype == loaded.test_labels.dtype == torch.int64
    assert loaded.name == name


def test_every_name_is_described() -> None:
    assert [info.name for info in describe_datasets()] == list(DATASETS)


def test_digits_are_those_of_scikit_learn() -> None:
    images, labels = load_digits(return_X_y=True)
    digits = load_dataset("digits")
    assert isinstance(digits.train, Subset)
    assert isinstance(digits.test, Subset)
    for part, part_labels in ((digits.train, digits.train_labels), (digits.test, digits.test_labels)):
        rows = part.indices.numpy()
        np.testing.assert_array_equal(np.rint(everything(part).reshape(-1, 64) / 255 * 16), images[rows])
        np.testing.assert_array_equal(part_labels.numpy(), labels[rows])
    both = torch.cat([digits.train.indices, digits.test.indices])
    assert torch.equal(both.sort().values, torch.arange(1797))
    counts = np.bincount(labels)
    np.testing.assert_array_equal(np.bincount(digits.test_labels), np.rint(counts * 0.2))


def test_the_test_split_of_digits_does_not_move() -> None:
    digits = load_dataset("digits")
    assert isinstance(digits.test, Subset)
    assert digits.test.indices[:10].tolist() == [6, 10, 11, 12, 18, 23, 28, 30, 35, 39]


def test_fashion_small_is_balanced_and_small() -> None:
    assert embedded_file("fashion-small.npz").stat().st_size <= 2_000_000
    assert "Zalando SE" in embedded_file("fashion-small.LICENSE.txt").read_text(encoding="utf-8")
    fashion = load_dataset("fashion-small")
    assert torch.bincount(fashion.train_labels).tolist() == [300] * 10
    assert torch.bincount(fashion.test_labels).tolist() == [100] * 10


def test_an_unknown_name_lists_the_known_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UnknownNameError, match=r"did you mean 'digits'.*fashion-small, mnist"):
        load_dataset("digit")
    for path in (tmp_path / "absent", "./absent", tmp_path / "absent.npz"):
        with pytest.raises(DataError, match="absent"):
            load_dataset(path)
    (tmp_path / "photos").mkdir()
    with pytest.raises(UnknownNameError, match=r"no data set, file or folder 'fotos': did you mean 'photos'\?"):
        load_dataset("fotos")
    with pytest.raises(DataError, match=r"there is no .*/fotos: did you mean .*/photos\?"):
        load_dataset(tmp_path / "fotos")
    with pytest.raises(DataError, match=r"there is no .*/nowhere/fotos: an \.npz file"):
        load_dataset(tmp_path / "nowhere" / "fotos")
    with pytest.raises(DataError, match=r"there is no fotos: did you mean photos\? a folder of images, an \.npy"):
        load_unlabeled("fotos")
    (tmp_path / "x.txt").touch()
    with pytest.raises(DataError, match=r"x\.txt is not a data set"):
        load_dataset("x.txt")


def test_registered_sets() -> None:
    registry_size = len(list(DATASETS))
    try:
        DATASETS.register("mine", lambda: make_dataset("mine", ArraySamples(X), Y))
        DATASETS.register("broken", lambda: 3)  # type: ignore[arg-type, return-value]
        assert load_dataset("mine").num_classes == 5
        with pytest.raises(DataError, match="'broken'"):
            load_dataset("broken")
    finally:
        for name in ("mine", "broken"):
            DATASETS._entries.pop(name)
    assert len(list(DATASETS)) == registry_size


def test_npz_with_a_test_split(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    np.savez(path, x_train=X, y_train=Y, x_test=X[:10], y_test=Y[:10], classes=np.array(list("abcde")))
    loaded = load_dataset(path)
    assert loaded.classes == ("a", "b", "c", "d", "e")
    np.testing.assert_array_equal(everything(loaded.train)[:, 0], X)
    np.testing.assert_array_equal(loaded.test_labels, Y[:10])
    assert load_dataset(str(path)).name == str(path)


@pytest.mark.parametrize("keys", [("x", "y"), ("x_train", "y_train")])
def test_npz_without_a_test_split(keys: tuple[str, str], tmp_path: Path) -> None:
    arrays: dict[str, Any] = {keys[0]: X, keys[1]: Y}
    np.savez(tmp_path / "x.npz", allow_pickle=False, **arrays)
    loaded = load_dataset(tmp_path / "x.npz")
    assert loaded.classes == ("0", "1", "2", "3", "4")
    assert torch.bincount(loaded.test_labels).tolist() == [2] * 5
    rows = np.concatenate([everything(loaded.train), everything(loaded.test)])[:, 0]
    assert sorted(row.tobytes() for row in rows) == sorted(row.tobytes() for row in X)
    again = load_dataset(tmp_path / "x.npz")
    np.testing.assert_array_equal(everything(again.test), everything(loaded.test))


@pytest.mark.parametrize(
    ("arrays", "match"),
    [
        ({"x": X}, "lacks the array 'y'"),
        ({"y": Y}, "lacks the array 'x_train'"),
        ({"x": X, "y": Y[:-1]}, "50 samples and 49 labels"),
        ({"x": X, "y": Y + 1}, "no sample of class 0"),
        ({"x": X, "y": Y - 1}, "contain -1"),
        ({"x": X, "y": Y * 10**6}, "label 4000000"),
        ({"x": X, "y": Y * 0}, "at least 2 classes"),
        ({"x": X, "y": Y.astype(float)}, "float64"),
        ({"x": X, "y": Y[:, None]}, r"\(50, 1\)"),
        ({"x": X, "y": Y, "classes": np.array(["a", "b"])}, "label 4: labels of 2 classes are 0 to 1"),
        ({"x": X, "y": Y, "classes": np.array(list("aabcd"))}, "names a class twice"),
        ({"x": X[:5], "y": Y[:5]}, "class 0 has 1 sample"),
        ({"x": np.where(X[7, 0, 0] == X, np.nan, 1.0), "y": Y}, "x.npz: sample"),
        ({"x": X, "y": Y, "x_test": X}, "lacks its labels"),
        ({"x": X, "y": Y, "y_test": Y}, "lacks its inputs"),
        ({"x": X, "y": Y, "x_test": X[:, :3], "y_test": Y}, r"shape \(1, 4, 4\) and the test inputs .* \(1, 3, 4\)"),
        ({"x": X, "y": Y, "x_test": X, "y_test": Y + 1}, "the test split of .* label 5"),
    ],
)
def test_bad_npz_files(arrays: dict[str, Any], match: str, tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", allow_pickle=False, **arrays)
    with pytest.raises(DataError, match=match) as caught:
        load_dataset(tmp_path / "x.npz")
    assert "x.npz" in str(caught.value) or "class 0" in str(caught.value)
    assert "\n" not in str(caught.value)


def write_images(root: Path, names: list[str]) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(RNG.integers(0, 256, (4, 4), dtype=np.uint8)).save(root / name)


def test_an_image_folder(tmp_path: Path) -> None:
    write_images(tmp_path, [f"{label}/{i}.png" for label in "ab" for i in range(5)])
    loaded = load_dataset(tmp_path)
    assert loaded.classes == ("a", "b")
    assert torch.bincount(loaded.train_labels).tolist() == [4, 4]
    assert loaded.test_labels.tolist() == [0, 1]
    assert loaded.train.batch(torch.tensor([7])).shape == (1, 1, 4, 4)


def test_an_image_folder_with_splits(tmp_path: Path) -> None:
    write_images(tmp_path, ["train/a/0.png", "train/a/1.png", "train/b/0.png", "test/a/0.png", "test/b/0.png"])
    loaded = load_dataset(tmp_path)
    assert loaded.train_labels.tolist() == [0, 0, 1]
    assert loaded.test_labels.tolist() == [0, 1]
    write_images(tmp_path, ["test/c/0.png"])
    with pytest.raises(DataError, match="class 'c' is only in one"):
        load_dataset(tmp_path)


def test_an_image_folder_without_classes(tmp_path: Path) -> None:
    write_images(tmp_path, ["0.png", "1.png"])
    with pytest.raises(DataError, match="outside of class folders"):
        load_dataset(tmp_path)


@given(st.lists(st.integers(0, 6), min_size=1, max_size=60), st.floats(0.05, 0.95), st.integers(0, 99))
def test_stratified_split(labels: list[int], share: float, seed: int) -> None:
    tensor = torch.tensor(labels)
    counts = torch.bincount(tensor)
    if (counts == 1).any():
        with pytest.raises(DataError, match="has 1 sample"):
            stratified_split(tensor, share, Stream(seed))
        return
    first, second = stratified_split(tensor, share, Stream(seed))
    assert sorted(torch.cat([first, second]).tolist()) == list(range(len(labels)))
    assert first.tolist() == sorted(first.tolist())
    for label, count in enumerate(counts.tolist()):
        if count:
            held_out = int((tensor[second] == label).sum())
            assert 1 <= held_out < count
            assert abs(held_out - share * count) <= 1
    again = stratified_split(tensor, share, Stream(seed))
    assert torch.equal(first, again[0])


def test_the_split_depends_on_the_stream() -> None:
    labels = torch.arange(200) % 4
    first, second = (stratified_split(labels, 0.2, Stream(seed))[1] for seed in (0, 1))
    assert not torch.equal(first, second)


def test_a_subset_reads_through() -> None:
    subset = Subset(ArraySamples(X), torch.tensor([9, 3, 9]))
    assert (len(subset), subset.shape) == (3, (1, 4, 4))
    np.testing.assert_array_equal(subset.batch(torch.tensor([2, 1]))[:, 0].numpy(), X[[9, 3]])
    for indices in ([3], [-1]):
        with pytest.raises(DataError, match="does not exist"):
            subset.batch(torch.tensor(indices))
    with pytest.raises(DataError, match="does not exist"):
        Subset(ArraySamples(X), torch.tensor([50]))


def test_make_dataset_takes_lists_and_tensors() -> None:
    for labels in (Y.tolist(), torch.from_numpy(Y), Y.astype(np.uint8)):
        loaded = make_dataset("mine", ArraySamples(X), labels)
        assert isinstance(loaded, DataSet)
        assert loaded.train_labels.dtype == torch.int64
