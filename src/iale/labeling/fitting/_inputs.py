"""What a person gives to a saved classifier, as the samples that it learned from: arrays, paths, images or texts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Number
from os import PathLike
from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps
from torch import Tensor

from iale.data._checks import rows_of
from iale.data._inputs import as_samples
from iale.data._pictures import Mode, check_depth, decode, mode_of, read_header, to_pixels
from iale.data._table_samples import TABLES
from iale.data._texts import TextSamples
from iale.data.samples import SampleKind, Samples
from iale.data.table_config import TableConfig
from iale.data.unlabeled import load_unlabeled
from iale.errors import DataError
from iale.labeling.fitting._table_inputs import TableColumns

_Picture: TypeAlias = Path | Image.Image


@dataclass(frozen=True)
class Expected:
    """What a classifier learned from.

    Attributes:
        kind: of a sample: "image", "text" or "row".
        shape: of one input.
        bytes: whether inputs are bytes of images; other numbers are float32.
        files: whether they were image files, which were resized; those of an array have one shape.
        table: the columns of a table with categories.
    """

    kind: SampleKind
    shape: tuple[int, ...]
    bytes: bool
    files: bool
    table: TableColumns | None = None

    def __post_init__(self) -> None:
        """Raises TypeError for what no samples have, as an altered card may say."""
        sides = bool(self.shape) and all(type(side) is int and side > 0 for side in self.shape)
        if self.kind not in ("image", "text", "row") or (len(self.shape) == 3) != (self.kind == "image") or not sides:
            raise TypeError(f"inputs of the kind {self.kind} have another shape than {self.shape}")

    def samples(self, x: object) -> Samples:
        """One sample, or a list or an array of them; raises DataError for what the classifier did not learn from."""
        found = x if isinstance(x, Samples) else self._read(x)
        if tuple(found.shape) != self.shape or (found.dtype == torch.uint8) != self.bytes:
            numbers = "bytes" if self.bytes else "numbers"
            raise DataError(
                f"inputs of shape {tuple(found.shape)} and type {_type(found.dtype)} were given, and the classifier "
                f"learned from {numbers} of shape {self.shape}: give those."
            )
        return found

    def load(
        self,
        path: Path,
        *,
        size: tuple[int, int] | None = None,
        table: TableConfig,
        say: Callable[[str], None] = lambda _: None,
    ) -> tuple[Samples, list[str]]:
        """What `load_unlabeled` finds, made as the samples that the classifier learned from.

        Images of a folder get their size, if none is given, and their colors; rows of a table with categories get their
        features.
        """
        if self.table is not None and path.suffix.lower() in TABLES:
            return self.table.load(path, table)
        if self.files and path.is_dir():
            size = size or (self.shape[1], self.shape[2])
        colored = self.kind == "image" and self.shape[0] == 3
        return load_unlabeled(path, size=size, mode="RGB" if colored else None, table=table, say=say)

    def _read(self, x: object) -> Samples:
        if isinstance(x, list | tuple) and not x:
            raise DataError(f"the list is empty: give at least one {self._wanted}.")
        if self.table is not None and (rows := self.table.rows(x)) is not None:
            return self.table.samples(rows)
        many = list(x) if isinstance(x, list | tuple) else [x]
        if self.kind == "text":
            texts = [each for each in many if isinstance(each, str)]
            if len(texts) < len(many):
                raise self._refusal(next(each for each in many if not isinstance(each, str)))
            return TextSamples(texts)
        pictures = [each for each in many if isinstance(each, str | PathLike | Image.Image)]
        if not pictures:
            if x is None or isinstance(x, bytes | bytearray | Mapping | Number):
                raise self._refusal(x)
            return self._numbers(x)
        if self.kind == "row" or not self.bytes:
            raise self._refusal(pictures[0])
        if len(pictures) < len(many):
            other = next(each for each in many if not isinstance(each, str | PathLike | Image.Image))
            raise DataError(f"a list of images holds a {type(other).__name__}, too: give paths and images alone.")
        found = [each if isinstance(each, Image.Image) else _existing(Path(each)) for each in pictures]
        return _Pictures(found, self.shape, self.files)

    def _numbers(self, x: object) -> Samples:
        """Arrays of one sample or of many; other sizes of image files' pixels are resized as the files were."""
        given = _one_more(x, self.shape) if isinstance(x, list | tuple | np.ndarray | Tensor) else x
        try:
            array = given if isinstance(given, np.ndarray | Tensor) else None
            if self.files and array is not None and array.dtype in (np.uint8, torch.uint8) and array.ndim > 2:
                return _Pictures([Image.fromarray(_pixels(each)) for each in np.asarray(array)], self.shape, True)
            return as_samples(given)
        except DataError:
            raise
        except (ValueError, TypeError) as error:
            raise self._refusal(x) from error

    def _refusal(self, given: object) -> DataError:
        return DataError(f"a {type(given).__name__} was given, and the classifier learned from {self._learned}.")

    @property
    def _wanted(self) -> str:
        return {"image": "image", "text": "text", "row": "row of numbers"}[self.kind]

    @property
    def _learned(self) -> str:
        if self.kind == "text":
            return "texts: give a text, or a list of texts"
        if self.kind == "row":
            told = "" if self.table is None else f"{self.table.told}, or "
            return f"{told}rows of {self.shape[0]} numbers: give an array [{self.shape[0]}] or [N, {self.shape[0]}]"
        if not self.bytes:
            return f"arrays of numbers of shape {self.shape}: give one, or an array [N, …] of them"
        return "images: give a path, an image of Pillow, an array of bytes, or a list of them"


class _Pictures:
    """Images of Pillow and image files as inputs of one shape, decoded when they are asked for.

    If ``resized``, they are brought to the size of the inputs; otherwise they must have it. Raises DataError for an
    image with colors if the inputs have none.
    """

    dtype = torch.uint8

    def __init__(self, pictures: Sequence[_Picture], shape: tuple[int, ...], resized: bool) -> None:
        self._pictures, self.shape, self._resized = pictures, shape, resized
        self._mode: Mode = "L" if shape[0] == 1 else "RGB"

    def __len__(self) -> int:
        return len(self._pictures)

    def batch(self, indices: Tensor) -> Tensor:
        """uint8 [B, 1 or 3, H, W]."""
        rows = [self._one(self._pictures[row]) for row in rows_of(indices, len(self)).tolist()]
        return torch.stack(rows) if rows else torch.empty((0, *self.shape), dtype=self.dtype)

    def _one(self, picture: _Picture) -> Tensor:
        name = str(picture) if isinstance(picture, Path) else "the image"
        size = (self.shape[1], self.shape[2])
        mode, given = read_header(picture, name) if isinstance(picture, Path) else _look(picture)
        if mode == "RGB" and self._mode == "L":
            raise DataError(f"{name} has colors, and the classifier learned from images without: convert it to gray.")
        if not self._resized and given != size:
            raise DataError(f"{name} has {given[0]} x {given[1]} pixels, and {size[0]} x {size[1]} are needed.")
        if isinstance(picture, Path):
            return decode(picture, name, self._mode, size)
        try:
            check_depth(picture, name)
            return to_pixels(ImageOps.exif_transpose(picture), self._mode, size)
        except (OSError, ValueError, SyntaxError) as error:
            if isinstance(error, DataError):
                raise
            raise DataError(f"{name} cannot be decoded ({error}): replace it.") from error


def _look(image: Image.Image) -> tuple[Mode, tuple[int, int]]:
    return mode_of(image), (image.height, image.width)


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise DataError(f"there is no file {path}: check the path.")
    return path


def _one_more(x: object, shape: tuple[int, ...]) -> object:
    """[1, …] of one sample: an array, or numbers in lists; arrays of many samples as they are."""
    if isinstance(x, list | tuple) and isinstance(x[0], np.ndarray | Tensor):
        return x
    try:
        array = x if isinstance(x, np.ndarray | Tensor) else np.asarray(x)
    except ValueError:
        return x  # rows of several lengths: the reader of lists says so
    return array[None] if _is_one(array.shape, shape) else x if array.dtype == object else array


def _is_one(given: tuple[int, ...], shape: tuple[int, ...]) -> bool:
    """Whether an array is one sample; an image may have its channels first, last, or none."""
    if len(shape) != 3 or len(given) != 3:
        return len(given) == len(shape) or (len(shape) == 3 and len(given) == 2)
    if shape[0] == 1 and given[1:] == shape[1:]:
        return False  # images without channels
    return given[0] == shape[0] or given[2] in (1, 3, 4)


def _pixels(array: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """uint8 [H, W] or [H, W, C], as Pillow takes it, of those or [C, H, W]."""
    if array.ndim == 3 and array.shape[0] in (1, 3, 4) and array.shape[2] not in (1, 3, 4):
        array = array.transpose(1, 2, 0)
    return array[..., 0] if array.ndim == 3 and array.shape[2] == 1 else np.ascontiguousarray(array)


def _type(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
