"""What small patches of images look like: filters that are learned from the images themselves, without labels.

Patches are drawn at random, their contrast is normalized, and they are whitened. The centers of k-means are the
filters (Coates, Ng & Lee, AISTATS 2011; with the threshold of Coates & Ng, ICML 2011). A view of an image is how much
of each filter, and of its negative, its parts show, and beside it the mean colors of the parts: a patch of one color
has no contrast.

Legend of dimensions: B images of a batch, C channels, F filters, s side of a patch, P patches, g parts a side,
V = (2F + C) g² numbers of a view.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, conv2d, unfold

from iale.geometry._principal import one_thread

FILTERS = 64
SMALLEST = 6
"""Pixels of a side from which an image has patches."""

_PARTS = 4  # a side, at most
_PATCHES = 40_000  # that filters are learned from
_FLAT = 2e-3  # of the variance of all pixels: a patch that varies less is rather noise than a shape
_WHITENED = 0.1  # of the mean variance of a direction of patches: what varies less is not magnified
_SEEN = 1.0  # a response is what is above it
_LOOKED_AT = 512  # images that tell how much views vary
_COLORS = 0.1  # share of the variance of a view that belongs to its colors
_SEED = 0
_TOGETHER = 64  # images at a time


@dataclass(frozen=True, eq=False)
class Filters:
    """What patches are compared with.

    Attributes:
        weight: float32 [F, C, s, s], each with the mean 0.
        offset: float32 [F], what a patch of average looks responds.
        center: float32 [], the mean of all pixels; without it, rounding would hide the contrast of pale images.
        noise: float32 [], the variance below which a patch counts as flat.
        colors: float32 [], what mean colors are multiplied by.
    """

    weight: Tensor
    offset: Tensor
    center: Tensor
    noise: Tensor
    colors: Tensor

    def tensors(self) -> dict[str, Tensor]:
        """All of them, by name."""
        return dict(vars(self))

    def views(self, images: Tensor) -> Tensor:
        """float32 [B, V] of float32 [B, C, H, W]."""
        return torch.cat([self._views(part - self.center) for part in torch.split(images, _TOGETHER)])

    def _views(self, images: Tensor) -> Tensor:
        parts = _parts(images.shape[2:], self.weight.shape[-1])
        shapes = adaptive_avg_pool2d(self._responses(images), parts).sqrt()
        colors = adaptive_avg_pool2d(images, parts) * self.colors
        return torch.cat([shapes.flatten(1), colors.flatten(1)], dim=1)

    def _responses(self, images: Tensor) -> Tensor:
        """float32 [B, 2F, h, w], of each patch."""
        stride, count = _stride(self.weight.shape[-1]), self.weight[0].numel()
        same = torch.full_like(self.weight[:1], 1 / count)
        mean, square = conv2d(images, same, stride=stride), conv2d(images * images, same, stride=stride)
        contrast = ((square - mean * mean).clamp(min=0) + self.noise).sqrt()
        # The weights have the mean 0, so the mean of a patch is in none of them.
        found = conv2d(images, self.weight, stride=stride) / contrast - self.offset[:, None, None]
        return torch.cat([found - _SEEN, -found - _SEEN], dim=1).clamp_(min=0)


def side_of(size: tuple[int, int]) -> int:
    """The side of a patch of images of (height, width): about a fifth, and 3 pixels at least."""
    return max(3, round(min(size) / 5))


def learned(images: Tensor) -> Filters:
    """Filters of the patches of float32 [M, C, H, W] with sides of at least 6; the same in any process."""
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    rng, side = np.random.default_rng(_SEED), side_of((images.shape[2], images.shape[3]))
    spread, center = _spread(images)
    noise = max(1e-30, _FLAT * spread)
    numbers = torch.tensor(center), torch.tensor(noise), torch.tensor(1.0)
    rows = _normalized(_drawn(images, side, rng), noise)
    if not len(rows):  # images of one color each
        nothing = images.new_zeros(1, images.shape[1], side, side)
        return Filters(nothing, nothing.new_zeros(1), *numbers)
    mean = rows.mean(axis=0)
    rows -= mean
    white = _whitening(rows)
    rows = rows @ white
    rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    with one_thread(), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # if patches are few and alike, so are some filters
        cluster = KMeans(min(FILTERS, len(rows)), n_init=1, max_iter=20, random_state=_SEED, copy_x=False)
        means = cluster.fit(rows).cluster_centers_
    weight = (means / np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-12)) @ white
    offset = weight @ mean
    weight -= weight.mean(axis=1, keepdims=True)
    shaped = torch.from_numpy(weight).float().view(-1, images.shape[1], side, side)
    plain = Filters(shaped, torch.from_numpy(offset).float(), *numbers)
    return replace(plain, colors=torch.tensor(_strength(plain.views(images[:_LOOKED_AT]), shaped)))


def _spread(images: Tensor) -> tuple[float, float]:
    """Variance and mean of all pixels."""
    parts = [torch.var_mean(part.double().flatten(1), dim=1, correction=0) for part in torch.split(images, _TOGETHER)]
    spreads, means = (torch.cat(found) for found in zip(*parts, strict=True))
    return float(spreads.mean() + means.var(correction=0)), float(means.mean())


def _strength(views: Tensor, weight: Tensor) -> float:
    """What colors are multiplied by, so that they have their share of the variance."""
    spread = views.double().var(dim=0, correction=0)
    channels = weight.shape[1]
    colors = len(spread) * channels // (2 * len(weight) + channels)
    shapes, own = float(spread[:-colors].sum()), float(spread[-colors:].sum())
    return float((_COLORS / (1 - _COLORS) * shapes / own) ** 0.5) if own > 0 and shapes > 0 else 1.0


def _stride(side: int) -> int:
    return 2 if side >= 5 else 1


def _parts(size: tuple[int, ...], side: int) -> tuple[int, int]:
    height, width = (max(1, min(_PARTS, ((each - side) // _stride(side) + 1) // 2)) for each in size)
    return height, width


def _drawn(images: Tensor, side: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """float64 [P, C s s]: random patches, about as many of each image."""
    places = unfold(images[:1], side, stride=1).shape[2]
    count = min(_PATCHES, len(images) * places)
    drawn = np.sort(rng.choice(len(images) * places, count, replace=False))
    found = []
    for start in range(0, len(images), _TOGETHER):
        here = drawn[(drawn >= start * places) & (drawn < (start + _TOGETHER) * places)] - start * places
        if len(here):
            every = unfold(images[start : start + _TOGETHER], side, stride=1).mT.flatten(0, 1)
            found.append(every[torch.from_numpy(here)])
    return torch.cat(found).double().numpy()


def _normalized(rows: NDArray[np.float64], noise: float) -> NDArray[np.float64]:
    """Patches of mean 0 and, where they are not flat, variance 1; without flat ones. Changes ``rows``."""
    rows -= rows.mean(axis=1, keepdims=True)
    spread = rows.var(axis=1)
    rows /= np.sqrt(spread + noise)[:, None]
    return np.asarray(rows[spread > noise])


def _whitening(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """[C s s, C s s]: makes all directions of patches vary alike, but for those that hardly vary."""
    values, vectors = np.linalg.eigh(rows.T @ rows / len(rows))
    values = np.maximum(values, 0)
    return np.asarray(vectors / np.sqrt(values + _WHITENED * values.mean() + 1e-12) @ vectors.T)
