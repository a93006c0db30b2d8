"""Samples that stay encoded in memory."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from iale.data._checks import rows_of
from iale.data._fingerprint import digest
from iale.data._pictures import Mode, decode
from iale.errors import DataError


class EncodedSamples:
    """Images that stay encoded in memory, one after another, and are decoded when they are asked for.

    Args:
        data: uint8 [B], the bytes of all files, one after another.
        offsets: int64 [N + 1], where each file starts; the last entry is where the last file ends.
        name: what messages call them.

    Raises:
        DataError: there is no image, or the offsets do not fit the data.
    """

    def __init__(self, data: NDArray[np.generic], offsets: NDArray[np.generic], name: str) -> None:
        fits = (
            data.dtype == np.uint8
            and data.ndim == offsets.ndim == 1
            and offsets.dtype.kind in "iu"
            and len(offsets) > 1
            and int(offsets[0]) == 0
            and int(offsets[-1]) == len(data)
            and bool((np.diff(offsets.astype(np.int64)) > 0).all())
        )
        if not fits:
            raise DataError(f"the offsets of {name} do not fit its bytes: it is damaged; get it again.")
        self._data, self._offsets, self._name = data, offsets, name
        first = self._decode(0, None)
        self._shape = tuple(first.shape)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the first image, which all others must have."""
        return self._shape

    def __len__(self) -> int:
        return len(self._offsets) - 1

    def batch(self, indices: Tensor) -> Tensor:
        """The images at ``indices`` (int64 [B]), decoded now: uint8 [B, C, H, W]."""
        out = torch.empty((len(indices), *self._shape), dtype=torch.uint8)
        mode: Mode = "L" if self._shape[0] == 1 else "RGB"
        for place, row in enumerate(rows_of(indices, len(self)).tolist()):
            image = self._decode(row, mode)
            if tuple(image.shape) != self._shape:
                raise DataError(
                    f"image {row} of {self._name} has the shape {tuple(image.shape)}, not {self._shape}: replace it."
                )
            out[place] = image
        return out

    def fingerprint(self) -> str:
        """A digest of the encoded bytes."""
        return digest(self._data, self._offsets)

    def _decode(self, row: int, mode: Mode | None) -> Tensor:
        start, end = int(self._offsets[row]), int(self._offsets[row + 1])
        return decode(self._data[start:end].tobytes(), f"image {row} of {self._name}", mode)
