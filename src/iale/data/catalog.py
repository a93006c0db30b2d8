"""Data sets by name or by path, and facts about them without loading them."""

from __future__ import annotations

import os
import unicodedata
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path

from torch import Tensor

from iale._closest import did_you_mean, meant, neighbors
from iale._given import path_of
from iale.data._downloads import RemoteFile, data_folders, find
from iale.data._formats import read_npz
from iale.data._sources import CIFAR_FEATURES, CIFAR_FILE, CIFAR_JPEG, FASHION_FILES, KMNIST_FILES, MNIST_FILES
from iale.data.arrays import ArraySamples
from iale.data.images import FolderSamples
from iale.data.samples import DataSet
from iale.data.splits import make_dataset
from iale.errors import DataError, UnknownNameError
from iale.registry import Registry

_NAMES = (
    "digits", "fashion-small", "mnist", "fashion-mnist", "kmnist", "kmnist-10k", "cifar10", "cifar10-jpeg",
    "cifar10-mobilenetv2",
)  # fmt: skip

DATASETS = Registry[Callable[[], DataSet]](
    "data set", {name: f"iale.data._sources:{name.replace('-', '_')}" for name in _NAMES}
)
"""Functions without arguments that return a `DataSet`; add your own with ``DATASETS.register``."""

_GROUP = "iale.datasets"
"""The group of entry points with which packages add data sets."""


@dataclass(frozen=True)
class DataSetInfo:
    """Facts about a data set that are known before it is loaded.

    Attributes:
        name: what `load_dataset` takes.
        classes: C.
        train: N, the number of training samples.
        test: M, the number of test samples.
        shape: of one input.
        license: under which it was published, and by whom.
        place: the folder or URL from which this machine would load it.
    """

    name: str
    classes: int
    train: int
    test: int
    shape: tuple[int, ...]
    license: str
    place: str


def load_dataset(name_or_path: str | Path, *, size: tuple[int, int] | None = None) -> DataSet:
    """The data set with a registered name, or the one at a path.

    A path is that of an .npz file with the arrays ``x_train``, ``y_train``, ``x_test`` and ``y_test``, or ``x`` and
    ``y``, and optionally ``classes``; or that of a folder of images with a subfolder for each class, or with folders
    ``train`` and ``test`` that contain these. Without a test split, a stratified 20 % is set apart (`make_dataset`).

    A registered name takes precedence over a path: write ``./mnist`` for a folder called mnist. Packages may add names
    as entry points in the group "iale.datasets": functions without arguments that return a `DataSet`.

    Args:
        name_or_path: the name or the path.
        size: (height, width) to which the images of a folder are resized; nothing else can be.

    Raises:
        ConfigError: the size is something else.
        UnknownNameError: it is neither a name nor a path.
        DataError: files are missing or damaged, or do not match each other.
    """
    path = path_of(name_or_path, "the name or the path of a data set")
    text = os.fspath(name_or_path)
    if _is_name(name_or_path):
        if size is not None:
            raise _not_resized(text)
        loaded = DATASETS[text]()
        if not isinstance(loaded, DataSet):
            raise DataError(
                f"the function registered for {text!r} returns {type(loaded).__name__}: a DataSet was expected."
            )
        return loaded
    if path.is_dir():
        return _from_folder(path, size)
    if size is not None and path.exists():
        raise _not_resized(path)
    if path.suffix == ".npz":
        return _from_npz(path)
    if path.exists():
        raise DataError(f"{path} is not a data set: an .npz file or a folder of images was expected.")
    if isinstance(name_or_path, Path) or "/" in text or os.sep in text:
        raise DataError(f"there is no {path}: {meant(path)}an .npz file or a folder of images was expected.")
    hint = did_you_mean(text, [*DATASETS, *neighbors(path)])
    raise UnknownNameError(
        f"there is no data set, file or folder {text!r}: {hint}the known data sets are {', '.join(DATASETS)}."
    )


def _is_name(name_or_path: str | Path) -> bool:
    text = os.fspath(name_or_path)
    added = {entry.name: entry.value for entry in entry_points(group=_GROUP)}
    if text in added and text not in DATASETS:
        DATASETS.register(text, added[text])
    return isinstance(name_or_path, str) and name_or_path in DATASETS


def _not_resized(what: str | Path) -> DataError:
    return DataError(f"{what} is not a folder of images, and only those are resized: leave the size out.")


def describe_datasets() -> list[DataSetInfo]:
    """Facts about each data set that comes with iale. Nothing is loaded or downloaded."""
    gray, color = (1, 28, 28), (3, 32, 32)
    share_alike = "CC BY-SA 4.0 (KMNIST Dataset, created by CODH, adapted from Kuzushiji Dataset, created by NIJL)"
    none_stated = "none stated (Krizhevsky 2009)"
    missing = "absent: " + " or ".join(f"put it into {folder}" for folder in data_folders())
    features = str(find("", CIFAR_FEATURES) or missing)
    return [
        DataSetInfo("digits", 10, 1438, 359, (1, 8, 8), "CC BY 4.0 (UCI, Alpaydin and Kaynak)", "scikit-learn"),
        DataSetInfo("fashion-small", 10, 3000, 1000, gray, "MIT (Zalando SE)", "embedded"),
        DataSetInfo("mnist", 10, 60000, 10000, gray, "CC BY-SA 3.0 (LeCun, Cortes, Burges)", _place(*MNIST_FILES)),
        DataSetInfo("fashion-mnist", 10, 60000, 10000, gray, "MIT (Zalando SE)", _place(*FASHION_FILES)),
        DataSetInfo("kmnist", 10, 60000, 10000, gray, share_alike, _place(*KMNIST_FILES)),
        DataSetInfo("kmnist-10k", 10, 8000, 2000, gray, share_alike, _place(*KMNIST_FILES[2:])),
        DataSetInfo("cifar10", 10, 50000, 10000, color, none_stated, _place(CIFAR_FILE)),
        DataSetInfo("cifar10-jpeg", 10, 50000, 10000, color, none_stated, str(find("", CIFAR_JPEG) or missing)),
        DataSetInfo("cifar10-mobilenetv2", 10, 10000, 3000, (1280,), f"{none_stated}; weights MIT", features),
    ]


def _place(*files: RemoteFile) -> str:
    """The folders that have the files, or the URL from which missing ones are downloaded."""
    found = [find(file.folder, file.name) for file in files]
    if None in found:
        return f"download from {files[0].mirrors[0]}"
    return ", ".join(sorted({str(path.parent) for path in found if path is not None}))


def _from_folder(root: Path, size: tuple[int, int] | None) -> DataSet:
    if (root / "train").is_dir() and (root / "test").is_dir():
        train, test = _whole_folder(root / "train", size), _whole_folder(root / "test", size)
        if train.classes != test.classes:
            odd = sorted(set(train.classes) ^ set(test.classes))[0]
            raise DataError(
                f"class {odd!r} is only in one of the folders train and test of {root}: add it to the other."
            )
        return make_dataset(str(root), train, _folder_labels(train), test, _folder_labels(test), train.classes)
    samples = _whole_folder(root, size)
    return make_dataset(str(root), samples, _folder_labels(samples), classes=samples.classes)


def _whole_folder(root: Path, size: tuple[int, int] | None) -> FolderSamples:
    """All images of a folder: an experiment means them all, so it does not begin without one of them."""
    samples = FolderSamples(root, size=size)
    faults = [*samples.listing(others=False), *samples.unreadable.values()]
    if faults:
        more = f" ({len(faults)} such files)" if len(faults) > 1 else ""
        first = faults[0].removeprefix("passed over: ").rstrip(".")
        raise DataError(f"a data set is read whole, and a file of {root} cannot be: {first}{more}.")
    return samples


def _folder_labels(samples: FolderSamples) -> Tensor:
    if samples.labels is None:
        raise DataError(f"{samples.root} has images outside of class folders: put each into the folder of its class.")
    for path in sorted(samples.root.iterdir()):  # an empty one would shift the numbers of the classes after it
        if path.is_dir() and not path.name.startswith(".") and path.name not in samples.classes:
            raise DataError(f"the class folder {path} holds no images: add images or remove it.")
    spelled = [unicodedata.normalize("NFC", name) for name in samples.classes]
    if twice := [name for name, count in Counter(spelled).items() if count > 1]:  # a and A may be meant
        raise DataError(
            f"{samples.root} has two class folders {twice[0]!r}, with different codes for a letter: merge them."
        )
    return samples.labels


def _from_npz(path: Path) -> DataSet:
    arrays = read_npz(path)
    classes = [str(name) for name in arrays["classes"].ravel()] if "classes" in arrays else None
    keys = ("x", "y") if "x" in arrays else ("x_train", "y_train")
    for key in keys:
        if key not in arrays:
            raise DataError(f"{path} lacks the array {key!r}: x and y, or x_train and y_train, were expected.")
    try:
        train = ArraySamples(arrays[keys[0]])
        test = ArraySamples(arrays["x_test"]) if "x_test" in arrays else None
    except DataError as error:
        raise DataError(f"{path}: {error}") from error
    return make_dataset(str(path), train, arrays[keys[1]], test, arrays.get("y_test"), classes)
