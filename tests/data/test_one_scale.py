"""Every Samples and every reader says what its batches are, and a batch of any size is that."""

from __future__ import annotations

import ast
import io
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from scipy.sparse import csr_array
from torch import Tensor
from torch.utils.data import TensorDataset

import iale
from iale.cli._progress import Watched
from iale.data import (
    ArraySamples,
    DictSamples,
    EncodedSamples,
    FolderSamples,
    Samples,
    Subset,
    TorchSamples,
    make_dataset,
)
from iale.data._checks import join
from iale.data._inputs import as_samples
from iale.data._lists import ListSamples
from iale.data._texts import TextSamples
from iale.errors import DataError, UnreadableError
from iale.geometry.embeddings import PointSamples, _Numbers, as_geometry
from iale.integrations.label_studio._encoded import _Images
from iale.integrations.label_studio._labeling import Labeling
from iale.integrations.label_studio._project import Task
from iale.integrations.label_studio._samples import TaskSamples
from iale.labeling._backbone import RawPoints
from iale.labeling.fitting._inputs import _Pictures
from iale.labeling.fitting._point_head import Pieces
from iale.labeling.items._ids import id_of
from iale.labeling.items._items import open_items
from iale.labeling.items._reading import Reading

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (6, 5, 4, 3), np.uint8)
FEATURES = RNG.normal(size=(6, 3)).astype(np.float32)
ANSWERS = RNG.integers(0, 2, (6, 3)).astype(np.uint8)


def folder(root: Path) -> Path:
    (root / "images").mkdir()
    for number, pixels in enumerate(PIXELS):
        Image.fromarray(pixels).save(root / "images" / f"{number}.png")
    return root / "images"


def mapped(root: Path, values: NDArray[np.generic]) -> NDArray[np.generic]:
    np.save(root / "x.npy", values)
    return np.load(root / "x.npy", mmap_mode="r")  # type: ignore[no-any-return]


def table(root: Path, text: str) -> Path:
    (root / "x.csv").write_text(text)
    return root / "x.csv"


def encoded() -> Samples:
    blobs = []
    for pixels in PIXELS:
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, "PNG")
        blobs.append(file.getvalue())
    return EncodedSamples(np.frombuffer(b"".join(blobs), np.uint8), np.cumsum([0, *map(len, blobs)]), "box")


def read_bytes(path: str) -> bytes:
    return Path(path).read_bytes()


def tasks(kind: Literal["Image", "Text"], values: list[str], load: Callable[[str], bytes] = str.encode) -> TaskSamples:
    samples = TaskSamples(Labeling("c", "i", kind, "i", ("a", "b")), load, (5, 4), print)
    samples.rows([Task(number, value, None) for number, value in enumerate(values)])
    return samples


def images(paths: list[str]) -> _Images:
    return _Images(paths, read_bytes, [*paths], (5, 4))


BYTES, FLOATS = torch.uint8, torch.float32
KINDS: dict[str, tuple[Callable[[Path], Samples], torch.dtype]] = {
    "array of images": (lambda root: ArraySamples(PIXELS), BYTES),
    "array of gray images": (lambda root: ArraySamples(PIXELS[..., 0]), BYTES),
    "array of float images": (lambda root: ArraySamples(PIXELS / 255), FLOATS),
    "array of features": (lambda root: ArraySamples(FEATURES), FLOATS),
    "array of yes and no": (lambda root: ArraySamples(ANSWERS), FLOATS),
    "map of images": (lambda root: ArraySamples(mapped(root, PIXELS)), BYTES),
    "map of features": (lambda root: ArraySamples(mapped(root, FEATURES)), FLOATS),
    "map of yes and no": (lambda root: ArraySamples(mapped(root, ANSWERS)), FLOATS),
    "data set of images": (lambda root: TorchSamples(TensorDataset(torch.from_numpy(PIXELS[..., 0]))), BYTES),
    "data set of features": (lambda root: TorchSamples(TensorDataset(torch.from_numpy(FEATURES))), FLOATS),
    "data set of yes and no": (lambda root: TorchSamples(TensorDataset(torch.from_numpy(ANSWERS))), FLOATS),
    "folder": (lambda root: FolderSamples(folder(root)), BYTES),
    "encoded": (lambda root: encoded(), BYTES),
    "subset": (lambda root: Subset(ArraySamples(PIXELS), torch.arange(6)), BYTES),
    "folder in a project": (lambda root: open_items(folder(root)).samples, BYTES),
    "folder, read": (lambda root: Reading(open_items(folder(root))), BYTES),
    "file in a project": (lambda root: (mapped(root, PIXELS), open_items(root / "x.npy").samples)[1], BYTES),
    "file, read": (lambda root: (mapped(root, PIXELS), Reading(open_items(root / "x.npy")))[1], BYTES),
    "features, read": (lambda root: (mapped(root, FEATURES), Reading(open_items(root / "x.npy")))[1], FLOATS),
    "yes and no, read": (lambda root: (mapped(root, ANSWERS), Reading(open_items(root / "x.npy")))[1], FLOATS),
    "table": (lambda root: Reading(open_items(table(root, "a,b\n" + "1,2\n3,4.5\n" * 3))), FLOATS),
    "texts": (lambda root: open_items(table(root, "text\n" + "so good\nso bad\n" * 3)).samples, FLOATS),
    "texts, read": (lambda root: Reading(open_items(table(root, "text\n" + "so good\nso bad\n" * 3))), FLOATS),
    "tasks with images": (lambda root: tasks("Image", sorted(map(str, folder(root).iterdir())), read_bytes), BYTES),
    "encoded images of tasks": (lambda root: images(sorted(map(str, folder(root).iterdir()))), BYTES),
    "tasks with texts": (lambda root: tasks("Text", list("abcdef")), FLOATS),
    "dictionary": (lambda root: DictSamples({"ids": ANSWERS, "x": FEATURES}), FLOATS),
    "dictionaries": (lambda root: DictSamples([{"ids": row} for row in ANSWERS]), FLOATS),
    "sparse matrix": (lambda root: as_samples(csr_array(ANSWERS)), FLOATS),
    "images of a query": (lambda root: Watched(ArraySamples(PIXELS), []), BYTES),
    "embeddings": (lambda root: PointSamples(as_geometry(FEATURES, len(FEATURES))), FLOATS),
    "points of a project": (lambda root: RawPoints(as_geometry(FEATURES, len(FEATURES))), FLOATS),
    "pictures of a call": (lambda root: _Pictures([Image.fromarray(p) for p in PIXELS], (3, 5, 4), False), BYTES),
    "pieces of texts": (lambda root: Pieces(TextSamples(["so good", "so bad"] * 3)), FLOATS),
    "column of lists": (lambda root: ListSamples(FEATURES.tolist()), FLOATS),
    "embeddings of tasks": (lambda root: _Numbers(FEATURES), FLOATS),
    "answers of a query": (lambda root: Watched(ArraySamples(ANSWERS), []), FLOATS),
}


def test_every_class_of_samples_is_here(tmp_path: Path) -> None:
    source = Path(iale.__file__).parent
    classes = {
        each.name
        for path in source.rglob("*.py")
        for each in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(each, ast.ClassDef) and any(_reads(part) for part in each.body)
    }
    made = set()
    for number, (make, _) in enumerate(KINDS.values()):
        (tmp_path / f"{number}").mkdir()
        made.add(type(make(tmp_path / f"{number}")).__name__)
    assert classes - {"Samples"} == made


def _reads(part: ast.stmt) -> bool:
    """Whether this part of a class is the method that reads samples."""
    return isinstance(part, ast.FunctionDef) and part.name == "batch" and not part.decorator_list


@pytest.mark.parametrize("kind", KINDS)
def test_empty_one_and_all_are_alike(kind: str, tmp_path: Path) -> None:
    make, dtype = KINDS[kind]
    samples = make(tmp_path)
    assert isinstance(samples, Samples)
    assert samples.dtype == dtype
    every = samples.batch(torch.arange(6))
    for rows in (torch.empty(0, dtype=torch.int64), torch.tensor([3]), torch.arange(6), torch.tensor([5, 0, 5])):
        batch = samples.batch(rows)
        assert batch.dtype == dtype
        assert batch.shape == (len(rows), *samples.shape)
        assert torch.equal(batch, every[rows])
    if isinstance(samples, Reading):
        for wanted in ([], [2], list(range(6))):
            read, inputs = samples.read(wanted)
            assert read == wanted
            assert torch.equal(inputs, every[wanted])
            assert inputs.dtype == dtype
            assert torch.equal(join([every, inputs]), torch.cat([every, inputs]))


@pytest.mark.parametrize("empty", [torch.empty(0, 3, 5, 4), torch.empty(0, 3, 5, 5, dtype=BYTES)])
def test_unlike_inputs_are_not_joined(empty: Tensor) -> None:
    images = ArraySamples(PIXELS).batch(torch.arange(6))
    with pytest.raises(DataError, match=r"inputs of .* and .* cannot be joined"):
        join([images, empty])
    with pytest.raises(DataError, match="cannot be joined"):
        join([])


def test_a_data_set_has_one_scale() -> None:
    with pytest.raises(DataError, match=r"are torch\.uint8 .* and the test inputs torch\.float32"):
        make_dataset("x", ArraySamples(PIXELS), [0, 1] * 3, ArraySamples(PIXELS.astype(float)), [0, 1] * 3)


def test_rows_of_uint8_keep_their_values_and_reach_a_model_so() -> None:
    tokens = RNG.integers(0, 256, (6, 40), np.uint8)
    for samples in (ArraySamples(tokens), TorchSamples(TensorDataset(torch.from_numpy(tokens)))):
        assert samples.batch(torch.arange(6)).long().tolist() == tokens.tolist()


def test_rows_of_uint8_have_the_ids_that_they_always_had(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", ANSWERS + np.arange(6, dtype=np.uint8)[:, None] * 3)
    ids = [int(sample, 16) for sample in open_items(tmp_path / "x.npy").ids]
    assert ids == [id_of(bytes(row)) for row in np.load(tmp_path / "x.npy").tolist()]


def test_a_reading_with_nothing_to_read_is_all_zeros_of_its_type(tmp_path: Path) -> None:
    reading = Reading(open_items(folder(tmp_path)))
    for path in (tmp_path / "images").iterdir():
        path.unlink()
    (tmp_path / "images" / "notes.txt").touch()  # an empty folder is taken for one that is away
    assert reading.read(range(6))[1].dtype == BYTES
    assert torch.equal(reading.batch(torch.arange(6)), torch.zeros(6, 3, 5, 4, dtype=BYTES))
    with pytest.raises(UnreadableError, match="The same goes for 5 more") as caught:
        reading._items.samples.batch(torch.arange(6))
    assert list(caught.value.reasons) == list(range(6))


def test_one_gray_task_in_front_does_not_turn_the_others_gray(tmp_path: Path) -> None:
    Image.fromarray(PIXELS[0, ..., 0]).save(folder(tmp_path) / "0.png")
    paths = sorted(map(str, (tmp_path / "images").iterdir()))
    samples = tasks("Image", paths[:1], read_bytes)
    assert samples.shape == (1, 5, 4)
    samples.rows([Task(number, path, None) for number, path in enumerate(paths)])
    assert samples.shape == (3, 5, 4)
    expected = np.concatenate([PIXELS[:1, ..., :1].repeat(3, -1), PIXELS[1:]]).transpose(0, 3, 1, 2)
    np.testing.assert_array_equal(samples.batch(torch.arange(6)).numpy(), expected)
