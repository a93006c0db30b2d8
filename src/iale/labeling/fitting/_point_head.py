"""A linear head on a geometry as one network: from what a sample is to logits.

Legend of dimensions: V numbers of a view, D width of the geometry, C classes; of images F filters of K channels.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from iale.classifiers.base import TrainingConfig
from iale.classifiers.torch_classifier import TorchClassifier
from iale.data._texts import CHARACTERS, TextSamples, hashed_pieces
from iale.data.samples import SampleKind, Samples
from iale.geometry._patches import Filters, side_of
from iale.geometry._views import patch_size, pixel_size

_NUMBERS = ("center", "noise", "colors")  # of `Filters`


@dataclass(frozen=True)
class Shape:
    """What a `PointHead` is made of.

    Attributes:
        kind: what a sample is.
        inputs: the shape of what the network reads: an image, or the hashed pieces of a text.
        view: V, of what the points are a projection; 0 if they are the view itself.
        width: D.
        filters: F, which see patches of images; 0 if their pixels are compared.
    """

    kind: SampleKind
    inputs: tuple[int, ...]
    view: int
    width: int
    filters: int = 0

    def card(self) -> dict[str, object]:
        """For JSON."""
        return {"classifier": "linear", "points": asdict(self)}


class PointHead(nn.Module):
    """Image or hashed text → view → geometry → row of length 1 → logits.

    In plain PyTorch, with tensors ``mean`` [V], ``directions`` [V, D], ``head.weight`` [C, D], ``head.bias`` [C], and
    for patches ``filters_weight`` [F, K, s, s], ``filters_offset`` [F], and the numbers ``filters_center``, ``…_noise``
    and ``…_colors``.
    """

    def __init__(self, shape: Shape, num_classes: int) -> None:
        super().__init__()
        self.side = None
        if shape.kind == "image":
            self.side = patch_size(shape.inputs) if shape.filters else pixel_size(shape.inputs)
        if self.side is not None and shape.filters:
            side = side_of(self.side)
            self.register_buffer("filters_weight", torch.zeros(shape.filters, shape.inputs[0], side, side))
            self.register_buffer("filters_offset", torch.zeros(shape.filters))
            for name in _NUMBERS:
                self.register_buffer(f"filters_{name}", torch.zeros(()))
        self.patches = shape.filters > 0
        self.projects = shape.view > 0
        if self.projects:
            self.register_buffer("mean", torch.zeros(shape.view))
            self.register_buffer("directions", torch.zeros(shape.view, shape.width))
        self.head = nn.Linear(shape.width, num_classes)

    def forward(self, inputs: Tensor) -> Tensor:
        """[B, C, H, W] in 0 … 1 for bytes, or [B, V], to logits [B, C]."""
        if self.side is not None:
            inputs = nn.functional.adaptive_avg_pool2d(inputs, self.side)
        if self.patches:
            known = (self.get_buffer(f"filters_{name}") for name in ("weight", "offset", *_NUMBERS))
            inputs = Filters(*known).views(inputs)
        points = inputs.flatten(1)
        if self.projects:
            points = (points - self.get_buffer("mean")) @ self.get_buffer("directions")
        return self.head(nn.functional.normalize(points, dim=1))  # type: ignore[no-any-return]


def point_head(
    shape: Shape, directions: dict[str, Tensor], coef: NDArray[np.float64], intercept: NDArray[np.float64]
) -> PointHead:
    """A fitted head on points, together with what makes the points."""
    module = PointHead(shape, len(intercept))
    weights = {"head.weight": torch.from_numpy(coef), "head.bias": torch.from_numpy(intercept)}
    module.load_state_dict({**directions, **{name: value.float() for name, value in weights.items()}})
    return module.eval()


def recipe_of(shape: Shape, num_classes: int, training: TrainingConfig) -> TorchClassifier:
    """The recipe that predicts with such a network."""
    return TorchClassifier(PointHead(shape, num_classes), shape.inputs, training, reinitialize=False)


class Pieces:
    """The hashed pieces of texts, which the network reads: float32 [B, 32768]."""

    shape: tuple[int, ...] = (CHARACTERS,)
    dtype = torch.float32

    def __init__(self, samples: TextSamples) -> None:
        self._samples = samples

    def __len__(self) -> int:
        return len(self._samples)

    def fingerprint(self) -> str:
        """Of the texts."""
        return self._samples.fingerprint()

    def batch(self, indices: Tensor) -> Tensor:
        """float32 [B, 32768], rows of length 1."""
        return torch.from_numpy(hashed_pieces(self._samples.texts(indices)).toarray())


def seen_by(shape: Shape | None, samples: Samples) -> Samples:
    """What such a network reads of samples: of texts their pieces, and everything else as it is."""
    if shape is not None and shape.kind == "text" and isinstance(samples, TextSamples):
        return Pieces(samples)
    return samples
