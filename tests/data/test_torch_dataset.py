"""TorchSamples against the items of the data set itself."""

import pickle
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import Dataset, TensorDataset

from iale.data.samples import Samples
from iale.data.torch_dataset import TorchSamples
from iale.errors import DataError


class Items(Dataset[Any]):
    """Items from a list; an item that is an exception is raised."""

    def __init__(self, items: list[Any]) -> None:
        self.items = items
        self.reads: list[int] = []

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> Any:
        self.reads.append(index)
        if isinstance(self.items[index], Exception):
            raise self.items[index]
        return self.items[index]


def test_a_tensor_dataset() -> None:
    x = torch.arange(60, dtype=torch.float64).reshape(5, 3, 2, 2)
    samples = TorchSamples(TensorDataset(x, torch.tensor([0, 1, 0, 1, 1])))
    assert isinstance(samples, Samples)
    assert (len(samples), samples.shape) == (5, (3, 2, 2))
    batch = samples.batch(torch.tensor([4, 0]))
    assert batch.dtype == torch.float32
    assert torch.equal(batch, x[[4, 0]].float())
    assert samples.labels().tolist() == [0, 1, 0, 1, 1]
    assert torch.equal(pickle.loads(pickle.dumps(samples)).batch(torch.tensor([4, 0])), batch)


@pytest.mark.parametrize(
    ("item", "shape", "dtype"),
    [
        (torch.zeros(7), (7,), torch.float32),
        (torch.zeros(4, 5, dtype=torch.uint8), (1, 4, 5), torch.uint8),
        (torch.zeros(3, 5, 4), (3, 5, 4), torch.float32),
        (torch.zeros(5, 4, 3), (5, 4, 3), torch.float32),
        (np.zeros((5, 4, 3), np.uint8), (3, 5, 4), torch.uint8),
        (np.zeros((2, 5, 6), np.float16), (2, 5, 6), torch.float32),
        (np.zeros(7, np.int64), (7,), torch.float32),
        (Image.new("L", (5, 4)), (1, 4, 5), torch.uint8),
        (Image.new("RGB", (5, 4)), (3, 4, 5), torch.uint8),
        (Image.new("P", (5, 4)), (3, 4, 5), torch.uint8),
    ],
)
def test_kinds_of_items(item: Any, shape: tuple[int, ...], dtype: torch.dtype) -> None:
    for whole in (item, (item, 3), [item, 3, "more"]):
        samples = TorchSamples(Items([whole, whole]))
        assert samples.shape == shape
        batch = samples.batch(torch.tensor([1, 0]))
        assert batch.shape == (2, *shape)
        assert batch.dtype == dtype


def test_only_the_samples_asked_for_are_read() -> None:
    items = Items([torch.zeros(2)] * 100)
    samples = TorchSamples(items)
    items.reads.clear()
    samples.batch(torch.tensor([7, 93]))
    assert items.reads == [7, 93]


@pytest.mark.parametrize(
    ("bad", "match"),
    [
        (torch.tensor([0.0, torch.nan]), "sample 1 has a value that is NaN"),
        (torch.zeros(3), "sample 1 is torch.float32 of shape"),
        (torch.zeros(2, 2, dtype=torch.uint8), "sample 1 is torch.uint8"),
        (torch.tensor([0, 2**24 + 1]), "sample 1 has an integer beyond 16,777,216"),
        (Image.fromarray(np.zeros((2, 2), np.uint16)), "sample 1 has more than 8 bits a channel"),
        (Image.fromarray(np.zeros((2, 2), np.int32)), "sample 1 has more than 8 bits a channel"),
        (Image.fromarray(np.zeros((2, 2), np.float32)), "sample 1 has more than 8 bits a channel"),
        (KeyError("lost"), r"sample 1 of the data set cannot be read \(KeyError: 'lost'\)"),
        ("text", "sample 1 is str"),
        (np.array(["a", "b"]), "sample 1 is of <U1"),
        (torch.zeros(1, 1, 1, 1), "sample 1 is Tensor"),
        ((), "sample 1 is tuple"),
    ],
)
def test_bad_items_name_the_sample(bad: Any, match: str) -> None:
    samples = TorchSamples(Items([torch.zeros(2), bad]))
    with pytest.raises(DataError, match=match):
        samples.batch(torch.tensor([0, 1]))


def test_random_augmentation_is_refused() -> None:
    class Noisy(Items):
        def __getitem__(self, index: int) -> Any:
            self.reads.append(index)
            return torch.full((2,), float(len(self.reads)))

    with pytest.raises(DataError, match="differs between two reads"):
        TorchSamples(Noisy([0, 0]))


@pytest.mark.parametrize("dataset", [[], iter([1]), 3])
def test_what_is_no_dataset(dataset: Any) -> None:
    with pytest.raises(DataError):
        TorchSamples(dataset)


@pytest.mark.parametrize("items", [[torch.zeros(2)], [(torch.zeros(2), 0.5)], [(torch.zeros(2), [1, 0])]])
def test_labels_that_are_none(items: list[Any]) -> None:
    with pytest.raises(DataError, match="label"):
        TorchSamples(Items(items)).labels()
