"""The real files, against figures that were published or measured by others."""

import gzip
import io
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from iale.data._sources import embedded_file
from iale.data.catalog import describe_datasets, load_dataset
from iale.data.samples import DataSet

pytestmark = [
    pytest.mark.data,
    pytest.mark.skipif("IALE_DATA" not in os.environ, reason="$IALE_DATA is not set: the real data sets are needed"),
]


def real_file(name: str) -> Path:
    path = Path(os.environ["IALE_DATA"]) / name
    if not path.exists():
        pytest.skip(f"{path} is absent")
    return path


def load(name: str) -> DataSet:
    loaded = load_dataset(name)
    info = next(info for info in describe_datasets() if info.name == name)
    assert (len(loaded.train), len(loaded.test), loaded.train.shape) == (info.train, info.test, info.shape)
    assert (loaded.num_classes, info.place.split("/")[0]) == (info.classes, "")
    return loaded


def all_images(loaded: DataSet) -> np.ndarray:
    return loaded.train.batch(torch.arange(len(loaded.train))).numpy()


def test_mnist() -> None:
    real_file("mnist")
    mnist = load("mnist")
    images = all_images(mnist)
    assert images.mean() == pytest.approx(33.3184, abs=1e-4)
    assert images.std() == pytest.approx(78.5675, abs=1e-4)
    train = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert torch.bincount(mnist.train_labels).tolist() == train
    test = [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert torch.bincount(mnist.test_labels).tolist() == test


def test_fashion_mnist() -> None:
    raw = gzip.decompress(real_file("fashion-mnist/t10k-images-idx3-ubyte.gz").read_bytes())
    fashion = load("fashion-mnist")
    images = all_images(fashion)
    assert images.mean() == pytest.approx(72.9404, abs=1e-4)
    assert images.std() == pytest.approx(90.0212, abs=1e-4)
    assert torch.bincount(fashion.train_labels).tolist() == [6000] * 10
    assert torch.bincount(fashion.test_labels).tolist() == [1000] * 10
    by_hand = np.frombuffer(raw, np.uint8, 28 * 28, offset=16 + 123 * 28 * 28).reshape(28, 28)
    np.testing.assert_array_equal(fashion.test.batch(torch.tensor([123]))[0, 0].numpy(), by_hand)


def test_fashion_small_is_part_of_fashion_mnist() -> None:
    real_file("fashion-mnist")
    whole, small = load_dataset("fashion-mnist"), load_dataset("fashion-small")
    with np.load(embedded_file("fashion-small.npz"), allow_pickle=False) as file:
        train, test = (torch.from_numpy(file[f"index_{split}"].astype(np.int64)) for split in ("train", "test"))
    assert len(torch.unique(train)) == 3000
    assert len(torch.unique(test)) == 1000
    assert torch.equal(small.train.batch(torch.arange(3000)), whole.train.batch(train))
    assert torch.equal(small.test.batch(torch.arange(1000)), whole.test.batch(test))
    assert torch.equal(small.train_labels, whole.train_labels[train])
    assert torch.equal(small.test_labels, whole.test_labels[test])


def test_kmnist_10k() -> None:
    real_file("kmnist")
    kmnist = load("kmnist-10k")
    assert torch.bincount(kmnist.train_labels).tolist() == [806, 806, 809, 805, 791, 796, 806, 803, 793, 785]
    assert torch.bincount(kmnist.test_labels).tolist() == [194, 194, 191, 195, 209, 204, 194, 197, 207, 215]


def test_cifar10_jpeg() -> None:
    path = real_file("cifar10-jpeg.npz")
    cifar = load("cifar10-jpeg")
    assert torch.bincount(cifar.train_labels).tolist() == [5000] * 10
    assert torch.bincount(cifar.test_labels).tolist() == [1000] * 10
    chosen = torch.arange(0, 50000, 25)
    images = cifar.train.batch(chosen).double() / 255
    # 2,000 of 50,000 images: the mean of a channel has a standard error below 0.004.
    assert images.mean(dim=(0, 2, 3)).tolist() == pytest.approx([0.4913, 0.4821, 0.4465], abs=0.02)
    assert images.transpose(0, 1).flatten(1).std(dim=1).tolist() == pytest.approx([0.2452, 0.2428, 0.2606], abs=0.02)
    with np.load(path, allow_pickle=False) as file:
        data, offsets, labels = file["test_jpeg"], file["test_offsets"], file["test_labels"]
    blob = data[offsets[77] : offsets[78]].tobytes()
    by_hand = np.asarray(Image.open(io.BytesIO(blob)).convert("RGB")).transpose(2, 0, 1)
    np.testing.assert_array_equal(cifar.test.batch(torch.tensor([77]))[0].numpy(), by_hand)
    assert cifar.test_labels[77] == labels[77]


def test_features_of_cifar10_are_those_of_its_images() -> None:
    real_file("cifar10-mobilenetv2.npz")
    features, images = load("cifar10-mobilenetv2"), load("cifar10-jpeg")
    assert (len(features.train), len(features.test), features.train.shape) == (10_000, 3_000, (1280,))
    assert features.train_labels.tolist() == images.train_labels[:10_000].tolist()
    assert features.test_labels.tolist() == images.test_labels[:3_000].tolist()
    assert features.classes == images.classes
    assert features.train.batch(torch.tensor([3])).dtype == torch.float32


def test_an_altered_official_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = real_file("kmnist")
    (tmp_path / "kmnist").mkdir()
    for path in source.iterdir():
        (tmp_path / "kmnist" / path.name).write_bytes(path.read_bytes())
    labels = tmp_path / "kmnist" / "t10k-labels-idx1-ubyte.gz"
    content = bytearray(gzip.decompress(labels.read_bytes()))
    content[500] = (content[500] + 1) % 10  # one label
    labels.write_bytes(gzip.compress(bytes(content)))
    monkeypatch.setenv("IALE_DATA", str(tmp_path))
    with pytest.raises(ValueError, match=f"{labels} does not have the expected SHA-256"):
        load_dataset("kmnist-10k")
