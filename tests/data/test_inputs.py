"""What people hand over becomes samples with the right values, or is refused in a sentence that says what to pass."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from scipy import sparse
from torch import Tensor
from torch.utils.data import ConcatDataset, DataLoader, Dataset, IterableDataset, Subset, TensorDataset

from iale.active_learner import ActiveLearner
from iale.data._checks import as_labels, integers
from iale.data._inputs import as_samples
from iale.data.arrays import ArraySamples
from iale.data.samples import Samples
from iale.data.splits import make_dataset
from iale.errors import DataError, IaleWarning
from iale.geometry import as_geometry

X = np.random.default_rng(0).normal(size=(12, 5)).astype("float32")
ROWS = torch.from_numpy(X)
Y = torch.arange(12) % 2
PIXELS = np.random.default_rng(1).integers(0, 256, (6, 4, 7, 3)).astype("uint8")


class Endless(Dataset[Tensor]):
    """Never raises IndexError, as a data set of crops that takes the index modulo something."""

    def __len__(self) -> int:
        return 12

    def __getitem__(self, index: int) -> Tensor:
        assert 0 <= index < 12, "read beyond its length"
        return ROWS[index % 12]


class Column:
    """The interface of a column of a Hugging Face data set: lazy, with a length, items and no array."""

    def __init__(self, items: Any) -> None:
        self._items = items

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, index: int) -> object:
        return self._items[index]


class Lists(Column, Sequence[Any]):  # type: ignore[misc]
    """A column of Hugging Face is a sequence, too, with slices."""


class Table(Column):
    """The interface of a whole Hugging Face data set, which has a ``batch`` and a ``shape``, too."""

    column_names = ("image", "label")
    features = {"image": "Image", "label": "ClassLabel"}  # noqa: RUF012
    shape = (12, 2)

    def batch(self, size: int) -> None: ...


class Splits(dict[str, object]):
    """The interface of several splits of a Hugging Face data set."""

    column_names = {"train": ["image", "label"]}  # noqa: RUF012


class Stream(IterableDataset[Tensor]):
    def __iter__(self) -> Iterator[Tensor]:
        return iter(ROWS)


TAKEN: dict[str, Any] = {
    "array": X,
    "tensor": ROWS,
    "sparse tensor": ROWS.to_sparse(),
    "lists of numbers": X.tolist(),
    "matrix": X.view(np.matrix),
    "masked array without a mask": np.ma.masked_array(X),
    "view of memory": X.data,
    "list of arrays": list(X),
    "list of sparse tensors": [row.to_sparse() for row in ROWS],
    "tuple of tensors": tuple(ROWS),
    "list of pairs": [(row, int(label)) for row, label in zip(X, Y, strict=True)],
    "list of pairs with a name": [(row, "cat") for row in X],
    "TensorDataset": TensorDataset(ROWS),
    "TensorDataset with labels": TensorDataset(ROWS, Y),
    "data set that never ends": Endless(),
    "subset": Subset(TensorDataset(torch.cat([ROWS.flip(0), ROWS]), torch.zeros(24).long()), range(12, 24)),
    "joined data sets": ConcatDataset([TensorDataset(ROWS[:7]), TensorDataset(ROWS[7:])]),
    "data frame": pd.DataFrame(X, index=range(100, 112)),
    "series of arrays": pd.Series(list(X), index=range(100, 112)),
    "array of arrays": np.array([*list(X), None], dtype=object)[:12],
    "column": Column(ROWS),
    "column of lists": Lists(X.tolist()),
    "CSR": sparse.csr_array(X),
    "COO": sparse.coo_matrix(X),
    "DOK, a mapping": sparse.dok_matrix(X),
}


@pytest.mark.parametrize("kind", TAKEN)
def test_what_is_taken_keeps_its_values(kind: str) -> None:
    samples = as_samples(TAKEN[kind])
    assert isinstance(samples, Samples)
    assert len(samples) == 12
    assert samples.shape == (5,)
    order = torch.tensor([11, 0, 3, 3])
    assert torch.equal(samples.batch(order), ROWS[order])


def test_samples_stay_as_they_are() -> None:
    samples = ArraySamples(X)
    assert as_samples(samples) is samples


@pytest.mark.parametrize("kind", ["list", "pairs", "column"])
def test_pictures_are_taken(kind: str) -> None:
    pictures = [Image.fromarray(pixels) for pixels in PIXELS]
    data = {"list": pictures, "pairs": [(picture, 1) for picture in pictures], "column": Column(pictures)}[kind]
    inputs = as_samples(data).batch(torch.tensor([5, 2]))
    assert inputs.dtype == torch.uint8
    assert torch.equal(inputs, torch.from_numpy(PIXELS[[5, 2]]).permute(0, 3, 1, 2))


def test_a_data_frame_of_several_types_becomes_numbers() -> None:
    frame = pd.DataFrame({"a": [1, 2], "b": [True, False], "c": [0.5, 1.5]}, index=[7, 9])
    assert as_samples(frame).batch(torch.arange(2)).tolist() == [[1, 1, 0.5], [2, 0, 1.5]]
    with pytest.raises(DataError, match="column 'd' of the data frame does not hold numbers"):
        as_samples(frame.assign(d=["x", "y"]))
    with pytest.raises(DataError, match="two columns of the data frame are called 'b'"):
        as_samples(frame.rename(columns={"a": "b"}))
    with pytest.raises(DataError, match="sample 1 has a value that is NaN"):
        as_samples(pd.DataFrame({"a": [1.0, None]}))


def test_a_column_of_embeddings_is_passed_alone() -> None:
    frame = pd.DataFrame({"ids": range(12), "embeddings": list(X)})
    with pytest.raises(DataError, match=r"column 'embeddings' .* pass that column alone, as frame\['embeddings'\]"):
        as_geometry(frame, 12)
    assert as_geometry(frame["embeddings"], 12).dim == 5


@pytest.mark.parametrize("name", ["Label", "id", "Unnamed: 0"])
def test_names_and_labels_in_a_data_frame_are_not_learned_from(name: str) -> None:
    frame = pd.DataFrame(X).assign(**{name: range(12)})
    for read in (lambda: as_samples(frame), lambda: as_geometry(frame, 12)):
        with pytest.raises(
            DataError, match=f"column '{name}' of the data frame names or counts samples, or holds labels"
        ):
            read()
    assert as_samples(frame.drop(columns=name)).shape == (5,)


@pytest.mark.parametrize("name", ["target", "Class", "y"])
def test_what_may_be_the_labels_in_a_data_frame_is_told(name: str) -> None:
    frame = pd.DataFrame(X).assign(**{name: range(12)})
    with pytest.warns(IaleWarning, match=f"the column '{name}' of the data frame is learned from: if it holds") as told:
        assert as_samples(frame).shape == (6,)
    assert told[0].filename == __file__
    assert as_samples(frame[[name]]).shape == (1,)  # nothing else to learn from


def test_an_index_in_another_order_is_not_passed_over() -> None:
    """Numbers are matched by their places, and a person who uses pandas may expect them to be matched by the index."""
    frame, model = pd.DataFrame(X), torch.nn.Linear(5, 2)
    mixed = frame.sample(frac=1, random_state=0)
    for samples, geometry in ((frame, mixed), (mixed, frame)):
        with pytest.raises(DataError, match=r"one index in two orders: pass geometry\.loc\[samples\.index\]"):
            ActiveLearner(model, samples, geometry=geometry)
    for taken in (mixed, mixed.to_numpy(), frame.set_index(np.arange(5, 17))):
        ActiveLearner(model, mixed, geometry=taken)
    learner = ActiveLearner(model, frame, "margin")
    labels = pd.Series(Y.tolist(), index=frame.index)[frame.index.isin([7, 2, 5])]
    with pytest.raises(DataError, match=r"names the samples in another order: pass labels\.loc\[indices\]"):
        learner.tell([7, 2, 5], labels)
    learner.tell([7, 2, 5], labels.loc[[7, 2, 5]])
    learner.tell([8, 1], labels[:2].set_axis([17, 3]))  # not an index of these
    assert learner.labeled == [7, 2, 5, 8, 1]


def test_a_data_set_is_made_of_what_a_learner_takes() -> None:
    made = make_dataset("mine", X, Y, pd.DataFrame(X[:4]), Y[:4])  # type: ignore[arg-type]
    assert (made.train.shape, made.test.shape, made.test.batch(torch.tensor([3])).tolist()) == (
        (5,),
        (5,),
        [X[3].tolist()],
    )


def test_an_npz_file_is_several_arrays(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", embeddings=X, ids=np.arange(12))
    with pytest.raises(DataError, match=r"holds embeddings, ids: pass one array of it, as file\[name\]"):
        as_samples(np.load(tmp_path / "x.npz"))


def test_a_sparse_matrix_stays_sparse(monkeypatch: pytest.MonkeyPatch) -> None:
    """A million columns: a dense copy of all rows would take 40 GB."""
    rows, columns = np.arange(10_000), np.arange(10_000) * 97 % 1_000_000
    samples = as_samples(sparse.csc_array((np.arange(10_000) + 1.0, (rows, columns)), shape=(10_000, 1_000_000)))
    batch = samples.batch(torch.tensor([4, 9_999]))
    assert batch.shape == (2, 1_000_000)
    assert batch.dtype == torch.float32
    assert batch.sum(dim=1).tolist() == [5, 10_000]
    assert [int(row.argmax()) for row in batch] == [4 * 97, 9_999 * 97]
    other = as_samples(sparse.csr_array(X))
    assert other.fingerprint() != as_samples(sparse.csr_array(X[:, ::-1].copy())).fingerprint()  # type: ignore[attr-defined]
    with pytest.raises(DataError, match="sample 12 does not exist"):
        other.batch(torch.tensor([12]))
    bad = sparse.lil_array((3, 4))
    bad[1, 2] = np.inf
    with pytest.raises(DataError, match="sample 1 has a value that is NaN, infinite"):
        as_samples(bad)
    with pytest.raises(DataError, match="holds no samples"):
        as_samples(sparse.csr_array((0, 4)))


REFUSED: dict[str, tuple[Any, str]] = {
    "path": (Path("photos"), "is a path: pass FolderSamples"),
    "path of a file": ("my/rows.npy", r"is a path: pass iale\.data\.load_unlabeled\('my/rows\.npy'\)\[0\] or an array"),
    "splits": (Splits(train=Column(X)), r"pass one column of one, data\['train'\]"),
    "texts": (["a cat", "a dog"], "sample 0 is str, and models read numbers: pass embeddings or token ids"),
    "series of texts": (pd.Series(["a cat", "a dog"]), "sample 0 is str"),
    "loader": (DataLoader(TensorDataset(ROWS)), r"pass its data set, as loader\.dataset"),
    "iterable data set": (Stream(), "cannot be asked for one sample"),
    "generator": ((row for row in X), "can be read only once: pass a list"),
    "set": ({1, 2}, "has no order"),
    "table": (Table(X), r"pass one column of it, as data\['image'\]"),
    "lists that may be pairs": (Column(X.tolist()), r"sample 0 is a list of numbers, an input or a pair \(x, y\)"),
    "lazy ragged lists": (Lists([[1.0, 2.0]] * 300 + [[3.0], [4.0]]), "sample 300 has 1 numbers and sample 0 has 2"),
    "lists and nothing": (Lists([[1.0, 2.0], None]), "sample 1 is no list of numbers"),
    "lists with gaps": (Lists([[1.0, 2.0], [1.0, None]]), "sample 1 is no list of numbers"),
    "lists of lists": (Lists([[1.0, 2.0], [[1.0], [2.0]]]), "sample 1 is no list of numbers"),
    "lists with NaN": (Lists([[1.0], [float("nan")]]), "sample 1 has a value that is NaN"),
    "lists of huge integers": (Lists([[1], [1 << 70]]), "samples 0 to 1 have an integer beyond 64 bits"),
    "lists of large integers": (Lists([[1], [(1 << 24) + 1]]), "sample 1 has an integer beyond 16,777,216"),
    "empty list": ([], "the list of samples is empty"),
    "ragged lists": ([[1.0, 2.0], [3.0]], "differ in length"),
    "one number each": (pd.Series([1.0, 2.0]), "holds no samples"),
    "masked array": (np.ma.masked_greater(X, 1.0), "says that values are missing"),
    "number": (3, "int holds no samples"),
    "nothing": (None, "NoneType holds no samples"),
    "two inputs": (TensorDataset(ROWS, torch.ones(12, 5)), "not one integer class"),
    "tokens and mask": (TensorDataset(torch.ones(12, 5).long(), torch.ones(12, 5).long(), Y), "not one integer class"),
    "an amount": (TensorDataset(ROWS, torch.rand(12)), "not one integer class"),
    "several labels": ([(row, [0, 1]) for row in X], "not one integer class"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_refused_says_what_to_pass(kind: str) -> None:
    data, message = REFUSED[kind]
    with pytest.raises(DataError, match=message):
        ActiveLearner(torch.nn.Linear(5, 2), data)


@pytest.mark.parametrize(
    "labels", [[0, 1, 1], (0, 1, 1), np.array([0, 1, 1], "uint8"), pd.Series([0, 1, 1], index=[17, 3, 44]), iter]
)
def test_integers_of_every_kind(labels: Any) -> None:
    if labels is iter:
        labels = [torch.tensor(0), np.int64(1), 1]
    assert integers(labels, "labels").tolist() == [0, 1, 1]


@pytest.mark.parametrize(
    "labels", [[[0, 1], [1, 0]], [[0], [0, 1]], np.eye(3, dtype=int), pd.DataFrame({"a": [0, 1], "b": [1, 1]})]
)
def test_several_labels_for_a_sample_are_not_supported(labels: Any) -> None:
    with pytest.raises(DataError, match="not supported"):
        integers(labels, "labels")
    with pytest.raises(DataError, match="not supported"):
        as_labels(labels)


def test_names_of_classes_are_told_how_to_become_numbers() -> None:
    with pytest.raises(DataError, match=r"np\.unique\(labels, return_inverse=True\) turns names into numbers\.$"):
        as_labels(np.array(["ant", "bee"]))


def test_an_integer_of_a_sparse_matrix_is_not_rounded() -> None:
    values = np.zeros((3, 2), np.int64)
    values[1, 1] = (1 << 24) + 1
    with pytest.raises(DataError, match="sample 1 has an integer beyond 16,777,216 that float32 cannot hold"):
        as_samples(sparse.csr_array(values))


def test_what_is_masked_is_missing_and_not_read() -> None:
    hidden = np.ma.masked_equal([0, 1, 1], 1)
    for read in (lambda: integers(hidden, "labels"), lambda: as_labels(hidden), lambda: as_samples({"x": hidden})):
        with pytest.raises(DataError, match="says that values are missing"):
            read()
