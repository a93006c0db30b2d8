"""Samples in a PyTorch data set."""

from __future__ import annotations

from numbers import Number

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from iale.data._checks import as_labels
from iale.data._layout import (
    Channels,
    as_array,
    channels_first,
    check_values,
    guess_channels,
    is_bytes,
    to_float32,
)
from iale.data._pictures import check_depth
from iale.data._reading import Rows, read_batch, read_item
from iale.errors import DataError


class TorchSamples:
    """The inputs of a map-style PyTorch ``Dataset``, which are read one at a time.

    Args:
        dataset: anything with a length and items ``x`` or ``(x, y, …)``; x is a tensor ([F], [H, W] or [C, H, W]), an
            array (also [H, W, C]) or a Pillow image of 8 bits a channel. The transform must be deterministic, because
            samples are compared with each other: leave out random augmentation.

    Attributes:
        shape: of the first input, which all inputs must have.
        dtype: ``torch.uint8`` if the first input is an image of bytes, ``torch.float32`` for rows and other numbers.

    Raises:
        DataError: the data set is empty, or its first item is not such an input or differs between two reads.
    """

    def __init__(self, dataset: Rows) -> None:
        if not hasattr(dataset, "__getitem__") or not hasattr(dataset, "__len__"):
            raise DataError(
                f"{type(dataset).__name__} is not a map-style data set: give one with __getitem__ and __len__."
            )
        if len(dataset) == 0:
            raise DataError("the data set is empty: give one with samples.")
        self.dataset = dataset
        first = self._read(0)
        self.shape, self.dtype = tuple(first.shape), first.dtype
        if not torch.equal(first, self._read(0)):
            raise DataError("sample 0 differs between two reads: take random augmentation out of the transform.")

    def __len__(self) -> int:
        return len(self.dataset)

    def batch(self, indices: Tensor) -> Tensor:
        """The inputs at ``indices`` (int64 [B]): ``dtype`` [B, *shape].

        Raises UnreadableError for items that cannot be read, are not finite, or differ from the first in shape or type.
        """
        return read_batch(self, indices, self._one)

    def labels(self) -> Tensor:
        """int64 [N]: the second part of every item, for which the whole data set is read once."""
        found = []
        for row in range(len(self)):
            item = read_item(self.dataset, row)
            if not isinstance(item, tuple | list) or len(item) < 2:
                raise DataError(f"sample {row} has no label: items (x, y) were expected.")
            found.append(np.asarray(item[1]).reshape(-1))
        if any(len(label) != 1 for label in found):
            raise DataError("the labels are not single class numbers: items (x, y) with an integer y were expected.")
        return as_labels(np.concatenate(found), "the labels of the data set")

    def _one(self, row: int) -> Tensor:
        item = self._read(row)
        if (tuple(item.shape), item.dtype) != (self.shape, self.dtype):
            raise DataError(
                f"sample {row} is {item.dtype} of shape {tuple(item.shape)} and the first is {self.dtype} of "
                f"shape {self.shape}: make all samples alike in the transform."
            )
        return item

    def _read(self, row: int) -> Tensor:
        item = read_item(self.dataset, row)
        value = item[0] if isinstance(item, tuple | list) and item else item
        if isinstance(value, Number) and isinstance(item, tuple | list):
            raise DataError(
                f"sample {row} is a {type(item).__name__} of numbers, an input or a pair (x, y): make x an array or a "
                f"tensor."
            )
        if isinstance(value, str):
            raise DataError(
                f"sample {row} is str, and models read numbers: pass embeddings or token ids of texts, or "
                f"FolderSamples for paths of images."
            )
        is_picture = isinstance(value, Image.Image)
        if isinstance(value, Image.Image):
            check_depth(value, f"sample {row}")
            value = np.array(value if value.mode in ("L", "RGB") else value.convert("RGB"))
        if not isinstance(value, Tensor | np.ndarray) or value.ndim not in (1, 2, 3):
            raise DataError(
                f"sample {row} is {type(value).__name__}: a tensor [F], [H, W] or [C, H, W], an array or a "
                f"Pillow image was expected."
            )
        array = as_array(value)[None]
        if array.dtype.kind not in "biuf":
            raise DataError(f"sample {row} is of {array.dtype}: uint8, integers or floats were expected.")
        if is_picture or isinstance(value, Tensor):
            channels: Channels = "last" if is_picture else "first"
        else:
            channels = guess_channels(array.shape)
        if not is_bytes(array.dtype, array.ndim - 1):
            check_values(array, [row])
            array = to_float32(array)
        return channels_first(torch.tensor(array), channels)[0]
