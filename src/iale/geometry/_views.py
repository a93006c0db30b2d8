"""What the built-in geometry sees of samples, and the maker that turns it into points.

Legend of dimensions: B samples of a batch, M that are looked at, V numbers of a view, F features of it, D width.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from iale.data.samples import Samples
from iale.errors import UnreadableError
from iale.geometry._patches import Filters
from iale.geometry.points import Points

_PIXELS = 1024  # of a shrunken image whose pixels are compared, all channels together
_SHAPES = 3072  # of one whose patches are
_SIDE = 32  # of one whose patches are, at most
_READ = 16  # images that are read at a time
_TOGETHER = 1 << 20  # of their values that are averaged at a time: what fits into a cache is four times as fast
_EMBEDDING = 100  # columns of an embedding, at least
_NONZERO = 0.5  # share of its values that are not 0, at least
_SCALES = 30.0  # between the standard deviations of its columns, at most, but for the tenth at either end


Size: TypeAlias = tuple[int, int]


class Shrunken:
    """Images averaged to few pixels, as many as ``size`` says for a shape."""

    def __init__(self, identity: str, size: Callable[[tuple[int, ...]], Size]) -> None:
        self.identity, self._size = identity, size

    def points(self, samples: Samples, indices: Tensor) -> Tensor:
        """float32 [B, V]; bytes become 0 … 1."""
        size = self._size(samples.shape)
        return torch.cat([shrunken(samples.batch(rows), size) for rows in torch.split(indices, _READ)])


def shrunken(images: Tensor, size: Size) -> Tensor:
    """float32 [B, V] of uint8 or float32 [B, C, H, W]."""
    channels, height, width = images.shape[1:]
    parts = [
        torch.nn.functional.adaptive_avg_pool2d(part.to(torch.float32), size).flatten(1)
        for part in torch.split(images, max(1, _TOGETHER // (channels * height * width)))
    ]
    values = torch.cat(parts)
    return values / 255 if images.dtype == torch.uint8 else values


def pixel_size(shape: tuple[int, ...]) -> Size:
    """Height and width to which images of (channels, height, width) are shrunk to compare their pixels."""
    side = max(1, math.isqrt(_PIXELS // shape[0]))
    return min(side, shape[1]), min(side, shape[2])


def patch_size(shape: tuple[int, ...]) -> Size:
    """Height and width to which images of (channels, height, width) are shrunk to compare their patches."""
    side = max(1, min(_SIDE, math.isqrt(_SHAPES // shape[0])))
    return min(side, shape[1]), min(side, shape[2])


def flat(samples: Samples, indices: Tensor) -> Tensor:
    """float32 [B, V]: the numbers of samples as they are."""
    return samples.batch(indices).to(torch.float32).flatten(1)


class Flat:
    """Samples as they are."""

    def __init__(self, identity: str) -> None:
        self.identity = identity

    def points(self, samples: Samples, indices: Tensor) -> Tensor:
        """float32 [B, V]."""
        return flat(samples, indices)


def batches(samples: Samples, indices: Tensor, size: int) -> Iterator[NDArray[np.float32]]:
    """float32 [≤ size, V]: the samples at ``indices`` that can be read, a few at a time."""
    for rows in torch.split(indices, size):
        while len(rows):
            try:
                yield flat(samples, rows).numpy()
                break
            except UnreadableError as error:
                kept = ~torch.isin(rows, torch.tensor(list(error.reasons), dtype=torch.int64))
                if bool(kept.all()):
                    raise
                rows = rows[kept]


def are_embeddings(rows: NDArray[np.float32]) -> bool:
    """Whether rows [M, V] look like embeddings of a network: many fractions, seldom 0, all on about one scale."""
    if rows.shape[1] < _EMBEDDING or np.count_nonzero(rows) < _NONZERO * rows.size:
        return False
    if (rows == np.rint(rows)).mean() > 1 - _NONZERO:
        return False
    low, high = np.quantile(rows.std(axis=0, dtype=np.float64), (0.1, 0.9))
    return bool(0 < high <= _SCALES * low)


@dataclass(frozen=True, eq=False)
class Projection:
    """A maker of points: features of views minus a mean, divided by a scale, in some directions.

    Attributes:
        identity: of the maker.
        view: of some samples, float32 [B, V].
        mean: [F] or [1].
        scale: [F] or [1].
        directions: [F, D]; None takes the numbers themselves.
        filters: makes features [B, F] of views, which are images of ``size``; None takes the views themselves.
        size: (C, H, W).
        known: views of some samples, so that these need not be read again.
        rows: int64 [M], ascending: the samples whose views are known.
    """

    identity: str
    view: Callable[[Samples, Tensor], Tensor]
    mean: NDArray[np.float64]
    scale: NDArray[np.float64]
    directions: NDArray[np.float64] | None = None
    filters: Filters | None = None
    size: tuple[int, ...] = ()
    known: Points | None = None
    rows: Tensor | None = None

    def points(self, samples: Samples, indices: Tensor) -> Tensor:
        """float32 [B, D]."""
        views = self._views(samples, indices)
        features = views if self.filters is None else self.filters.views(views.view(-1, *self.size))
        values = (features.numpy() - self.mean) / self.scale
        return torch.from_numpy(np.asarray(values if self.directions is None else values @ self.directions, np.float32))

    def _views(self, samples: Samples, indices: Tensor) -> Tensor:
        if self.rows is None or self.known is None:
            return self.view(samples, indices)
        at = torch.searchsorted(self.rows, indices).clamp(max=len(self.rows) - 1)
        views = self.known.at(at).read()
        # A view of zeros stands for a sample that could not be read; reading it again says why.
        read = (self.rows[at] != indices) | (views == 0).all(dim=1)
        if bool(read.any()):
            views[read] = self.view(samples, indices[read])
        return views
