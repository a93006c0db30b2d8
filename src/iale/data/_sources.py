"""The data sets that have a name, one function for each."""

from __future__ import annotations

import hashlib
from importlib import resources
from pathlib import Path

import numpy as np

from iale.data._downloads import RemoteFile, cache_folder, fetch, find
from iale.data._formats import parse_cifar, parse_idx, read_npz
from iale.data._layout import Array
from iale.data.arrays import ArraySamples
from iale.data.images import EncodedSamples
from iale.data.samples import DataSet
from iale.data.splits import make_dataset
from iale.errors import DataError

DIGITS = tuple("0123456789")
CLOTHES = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip
HIRAGANA = ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo")
CIFAR = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


def _idx_files(folder: str, mirrors: tuple[str, ...], *digests: tuple[str, bool]) -> tuple[RemoteFile, ...]:
    names = ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")
    return tuple(
        RemoteFile(folder, f"{name}-ubyte.gz", digest, mirrors, packed)
        for name, (digest, packed) in zip(names, digests, strict=True)
    )


# SHA-256 of the uncompressed files, from copies whose MD5 and Git blob ids equal those of the originals.
MNIST_FILES = _idx_files(
    "mnist",
    ("https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/"),
    ("ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db", False),
    ("65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5", False),
    ("0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7", False),
    ("ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2", False),
)
FASHION_FILES = _idx_files(
    "fashion-mnist",
    (
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
    ),
    ("c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888", False),
    ("bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9", False),
    ("5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b", False),
    ("0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34", False),
)
# SHA-256 of the two .gz training files, from TensorFlow Datasets (url_checksums/kmnist.txt), and of the uncompressed
# test files, whose .gz files match the same list.
KMNIST_FILES = _idx_files(
    "kmnist",
    ("https://codh.rois.ac.jp/kmnist/dataset/kmnist/", "http://codh.rois.ac.jp/kmnist/dataset/kmnist/"),
    ("51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4", True),
    ("e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17", True),
    ("76fbd229ce87db80dd281af5e6670de4ad0e42fb30a7bd643972994c47c1f42e", False),
    ("a11dc742be8e781a40a92f53d6a4957e7b7d36df2faa097659131ebfd8fd60c6", False),
)
# From TensorFlow Datasets (url_checksums/cifar10.txt), 170,052,171 bytes. The "python" archive holds pickles.
CIFAR_FILE = RemoteFile(
    "cifar10",
    "cifar-10-binary.tar.gz",
    "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
    ("https://www.cs.toronto.edu/~kriz/",),
    packed=True,
)
CIFAR_JPEG = "cifar10-jpeg.npz"
# SHA-256 of the arrays below, one after another, so that a file made again from the same images (docs/data.md) matches.
CIFAR_JPEG_ARRAYS = ("train_jpeg", "train_offsets", "train_labels", "test_jpeg", "test_offsets", "test_labels")
CIFAR_JPEG_SHA256 = "43bd1f54727a64346d031f25f16a1b3d2c62b5470709902dfcbde891af32dd1a"
CIFAR_FEATURES = "cifar10-mobilenetv2.npz"
CIFAR_FEATURES_ARRAYS = ("x_train", "y_train", "x_test", "y_test")
CIFAR_FEATURES_SHA256 = "f44fa86cb7394cfc6f7ff1c6bec8aca2982ca759c9e68ecca2651815cd5cb79d"


def embedded_file(name: str) -> Path:
    return Path(str(resources.files("iale.data"))) / "embedded" / name


def digits() -> DataSet:
    """scikit-learn's 1,797 digits of 8 × 8 pixels, their 17 gray levels scaled to 0 … 255."""
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    pixels = np.rint(images.reshape(-1, 8, 8) * (255 / 16)).astype(np.uint8)
    return make_dataset("digits", ArraySamples(pixels), labels.astype(np.int64), classes=DIGITS)


def fashion_small() -> DataSet:
    """3,000 training and 1,000 test images of Fashion-MNIST, balanced over the classes, from the official splits."""
    arrays = read_npz(embedded_file("fashion-small.npz"))
    train, train_labels, test, test_labels = (arrays[key] for key in ("x_train", "y_train", "x_test", "y_test"))
    return _from_arrays("fashion-small", train, train_labels, test, test_labels, CLOTHES)


def mnist() -> DataSet:
    """MNIST: 60,000 and 10,000 handwritten digits of 28 × 28 pixels."""
    return _from_idx("mnist", MNIST_FILES, DIGITS)


def fashion_mnist() -> DataSet:
    """Fashion-MNIST: 60,000 and 10,000 articles of clothing of 28 × 28 pixels."""
    return _from_idx("fashion-mnist", FASHION_FILES, CLOTHES)


def kmnist() -> DataSet:
    """Kuzushiji-MNIST: 60,000 and 10,000 handwritten hiragana of 28 × 28 pixels."""
    return _from_idx("kmnist", KMNIST_FILES, HIRAGANA)


def kmnist_10k() -> DataSet:
    """The test images of KMNIST alone: the first 8,000 to train, the last 2,000 to test.

    Results are not comparable with published KMNIST accuracies.
    """
    images, labels = (parse_idx(fetch(file), file.name) for file in KMNIST_FILES[2:])
    return _from_arrays("kmnist-10k", images[:8000], labels[:8000], images[8000:], labels[8000:], HIRAGANA)


def cifar10() -> DataSet:
    """CIFAR-10: 50,000 and 10,000 color photographs of 32 × 32 pixels."""
    archive = fetch(CIFAR_FILE)
    folder = "cifar-10-batches-bin"
    members = [f"{folder}/data_batch_{number}.bin" for number in range(1, 6)]
    images, labels = parse_cifar(archive, members, CIFAR_FILE.name)
    test_images, test_labels = parse_cifar(archive, [f"{folder}/test_batch.bin"], CIFAR_FILE.name)
    return _from_arrays("cifar10", images, labels, test_images, test_labels, CIFAR)


def cifar10_jpeg() -> DataSet:
    """CIFAR-10 as JPEG images of quality 75, decoded when they are read.

    Results are not exactly comparable with published CIFAR-10 accuracies.
    """
    path, arrays = _own_file(CIFAR_JPEG, CIFAR_JPEG_ARRAYS, CIFAR_JPEG_SHA256)
    train, test = (
        EncodedSamples(arrays[f"{split}_jpeg"], arrays[f"{split}_offsets"], f"{path} ({split})")
        for split in ("train", "test")
    )
    return make_dataset("cifar10-jpeg", train, arrays["train_labels"], test, arrays["test_labels"], CIFAR)


def cifar10_mobilenetv2() -> DataSet:
    """1,280 features of 10,000 and 3,000 images of CIFAR-10, from a MobileNetV2 that was trained on ImageNet."""
    _, arrays = _own_file(CIFAR_FEATURES, CIFAR_FEATURES_ARRAYS, CIFAR_FEATURES_SHA256)
    train, train_labels, test, test_labels = (arrays[key] for key in CIFAR_FEATURES_ARRAYS)
    return _from_arrays("cifar10-mobilenetv2", train, train_labels, test, test_labels, CIFAR)


def _own_file(name: str, keys: tuple[str, ...], sha256: str) -> tuple[Path, dict[str, Array]]:
    """The path and the arrays of an .npz file that users make themselves, checked by their content."""
    path = find("", name)
    if path is None:
        raise DataError(
            f"{name} is not on this machine: make it as docs/data.md says, and put it into {cache_folder()} or "
            f"$IALE_DATA."
        )
    arrays = read_npz(path)
    digest = hashlib.sha256()
    for key in keys:
        if key not in arrays:
            raise DataError(f"{path} lacks the array {key}: make it again as docs/data.md says.")
        digest.update(np.ascontiguousarray(arrays[key]).data)
    if digest.hexdigest() != sha256:
        raise DataError(f"the arrays of {path} do not have the expected SHA-256 {sha256}: get it again.")
    return path, arrays


def _from_idx(name: str, files: tuple[RemoteFile, ...], classes: tuple[str, ...]) -> DataSet:
    images, labels, test_images, test_labels = (parse_idx(fetch(file), file.name) for file in files)
    return _from_arrays(name, images, labels, test_images, test_labels, classes)


def _from_arrays(
    name: str, train: Array, train_labels: Array, test: Array, test_labels: Array, classes: tuple[str, ...]
) -> DataSet:
    return make_dataset(name, ArraySamples(train), train_labels, ArraySamples(test), test_labels, classes)
