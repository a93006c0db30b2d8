"""The fingerprint of a data set depends on all that it holds, and on nothing else."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from iale.data._contents import fingerprint_of
from iale.data.arrays import ArraySamples
from iale.data.catalog import load_dataset
from iale.data.images import FolderSamples
from iale.data.samples import DataSet, Samples
from iale.data.splits import Subset, make_dataset
from iale.errors import DataError

X = np.random.default_rng(0).normal(size=(50, 7)).astype(np.float32)
Y = np.arange(50) % 3


def of(train: Samples, labels: np.ndarray = Y, test: Samples | None = None) -> DataSet:
    return make_dataset("mine", train, labels, test or ArraySamples(X[:5]), labels[:5])


def test_the_digests_are_those_of_the_bytes_written_down_by_hand() -> None:
    found = fingerprint_of(of(ArraySamples(X)))
    inputs = b"50 torch.float32 (7,);" + X.tobytes() + b"5 torch.float32 (7,);" + X[:5].tobytes()
    labels = b"3;50;" + Y.astype("<i8").tobytes() + b"5;" + Y[:5].astype("<i8").tobytes()
    assert found.inputs == hashlib.sha256(inputs).hexdigest()
    assert found.labels == hashlib.sha256(labels).hexdigest()


def test_the_same_samples_have_one_fingerprint_wherever_they_are(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.concatenate([X[::-1], X]))
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    known = fingerprint_of(of(ArraySamples(X)))
    others: list[Samples] = [
        ArraySamples(torch.from_numpy(X)),
        ArraySamples(np.asfortranarray(X)),
        ArraySamples(mapped[50:]),
    ]
    others += [Subset(ArraySamples(mapped), torch.arange(99, 49, -1).flip(0)), ArraySamples(X.astype(np.float64))]
    assert {fingerprint_of(of(samples)) for samples in others} == {known}
    assert fingerprint_of(replace(of(ArraySamples(X)), name="elsewhere")) == known


@pytest.mark.parametrize("row", [0, 23, 49])
def test_any_sample_and_any_label_counts(row: int) -> None:
    base = of(ArraySamples(X))
    changed, other = X.copy(), Y.copy()
    changed[row, 6] = np.nextafter(changed[row, 6], 9)
    other[row] = (other[row] + 1) % 3
    known, inputs, labels = (fingerprint_of(d) for d in (base, of(ArraySamples(changed)), of(ArraySamples(X), other)))
    assert (inputs.inputs == known.inputs, inputs.labels == known.labels) == (False, True)
    assert (labels.inputs == known.inputs, labels.labels == known.labels) == (True, False)


def test_another_order_split_scale_or_number_of_classes_is_another_data_set() -> None:
    pixels = np.arange(50 * 4, dtype=np.uint8).reshape(50, 2, 2)
    base = of(ArraySamples(X))
    found = [
        base,
        of(ArraySamples(X[::-1])),
        replace(base, train=base.test, train_labels=base.test_labels, test=base.train, test_labels=base.train_labels),
        replace(base, classes=(*base.classes, "another")),
        of(ArraySamples(X.reshape(50, 7, 1)), test=ArraySamples(X[:5].reshape(5, 7, 1))),
        of(ArraySamples(pixels), test=ArraySamples(pixels[:5])),
        of(ArraySamples(pixels.astype(np.float32)), test=ArraySamples(pixels[:5].astype(np.float32))),
    ]
    assert len({fingerprint_of(data) for data in found}) == len(found)


def test_images_count_as_they_are_stored_and_not_where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    for number in range(20):
        folder = tmp_path / "one" / "ab"[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (6, 6), dtype=np.uint8)).save(folder / f"{number}.png")
    shutil.copytree(tmp_path / "one", tmp_path / "two", copy_function=shutil.copyfile)  # with other times
    one = load_dataset(tmp_path / "one")
    monkeypatch.setattr("iale.data.images.decode", lambda *_: pytest.fail("decoders differ between versions"))
    known = fingerprint_of(one)
    monkeypatch.undo()
    assert fingerprint_of(load_dataset(tmp_path / "two")) == known
    image = tmp_path / "two" / "a" / "0.png"
    Image.open(image).save(image, compress_level=0)  # equal pixels, other bytes: not known to be equal
    assert fingerprint_of(load_dataset(tmp_path / "two")).inputs != known.inputs
    image.unlink()
    with pytest.raises(DataError, match=r"0\.png cannot be read .*: put it back"):
        fingerprint_of(replace(one, train=FolderSamples(tmp_path / "one"), test=_gone(one.test, tmp_path / "two")))


def _gone(samples: Samples, root: Path) -> Samples:
    """A test split whose folder has lost an image since it was opened."""
    assert isinstance(samples, Subset)
    assert isinstance(samples.samples, FolderSamples)
    samples.samples.root = root
    return samples.samples


class Wide:
    """Samples that are made when they are asked for, and remember how many were asked for at a time."""

    shape, dtype = (3, 600, 600), torch.uint8

    def __init__(self) -> None:
        self.most = 0

    def __len__(self) -> int:
        return 40

    def batch(self, indices: Tensor) -> Tensor:
        self.most = max(self.most, len(indices))
        return torch.zeros((len(indices), *self.shape), dtype=torch.uint8) + indices[:, None, None, None].byte()


def test_large_samples_are_read_a_few_at_a_time() -> None:
    wide = Wide()
    labels = torch.arange(40) % 2
    fingerprint_of(DataSet("wide", wide, labels, Subset(wide, torch.arange(10)), labels[:10], ("a", "b")))
    assert wide.most * 3 * 600 * 600 <= 1 << 22
