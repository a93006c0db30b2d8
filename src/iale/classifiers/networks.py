"""The networks of the paper, and a linear one: a deterministic trunk, then a head that starts at the first dropout.

Monte-Carlo passes repeat only the head. Dropout masks come from counted draws (`_draws`), never from global state.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from iale._given import is_real, shape_of, whole
from iale.classifiers import _draws as draws
from iale.errors import ModelError


class Dropout(nn.Module):
    """Inverted dropout whose mask comes from a key: the caller sets ``key`` (int32 [2]) before each step or pass.

    The unit at (sample, offset) of a batch reads number ``(first + sample) · units + offset`` of the key. So padding
    after a batch does not change its mask, and a batch that is computed in parts, each with its ``first``, gets the
    mask of the whole batch.

    Args:
        p: the probability of dropping a unit, below 1, for the units that are kept are scaled by 1 / (1 − p).
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        if not is_real(p) or not 0 <= p < 1:
            raise ModelError(f"the probability of dropping a unit is a number from 0 to below 1, not {p!r:.40}.")
        self.p = p
        self.key: Tensor | None = None
        self.first = 0

    def forward(self, x: Tensor) -> Tensor:
        """Drops units in training mode; the identity in evaluation mode. Raises ModelError without a key."""
        if not self.training or self.p == 0:
            return x
        if self.key is None:
            raise ModelError("dropout is on but has no key: train through iale, or call eval().")
        kept = draws.keeps(self.key[None], x.numel(), self.p, self.first * x.shape[1:].numel())
        return x * kept.reshape(x.shape) * (1 / (1 - self.p))


class Standardize(nn.Module):
    """(x − mean) / std for each channel. uint8 is scaled to [0, 1] first; a constant channel is only centered."""

    mean: Tensor
    std: Tensor

    def __init__(self, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        try:
            center, scale = (torch.tensor(some, dtype=torch.float32) for some in (mean, std))
        except (TypeError, ValueError, RuntimeError):
            center, scale = torch.empty(0), torch.empty(1)
        if center.shape != scale.shape or center.ndim != 1 or not bool((center + scale).isfinite().all()):
            raise ModelError(
                f"expected one mean and one standard deviation for each channel, all finite, not {mean!r:.40} and "
                f"{std!r:.40}."
            )
        self.register_buffer("mean", center)
        # Relative to the mean: rounding leaves a constant channel with a standard deviation of about 1e-17, not 0.
        self.register_buffer("std", torch.where(scale > 1e-6 * self.mean.abs(), scale, 1.0))

    def forward(self, x: Tensor) -> Tensor:
        """[B, channels, …], uint8 or float, to float [B, channels, …]."""
        shape = (1, -1) + (1,) * (x.dim() - 2)
        if not x.is_floating_point():
            x = x.to(self.mean.dtype) / 255
        return (x - self.mean.view(shape)) / self.std.view(shape)


class Network(nn.Module):
    """Per-channel standardization, then a trunk without dropout, then a head with it.

    Args:
        standardize: maps raw inputs to floats.
        trunk: maps standardized inputs to features; contains no dropout.
        head: maps features to logits; ends with the linear layer whose input is the embedding.
    """

    def __init__(self, standardize: Standardize, trunk: nn.Module, head: nn.Sequential) -> None:
        super().__init__()
        self.standardize, self.trunk, self.head = standardize, trunk, head

    def features(self, x: Tensor) -> Tensor:
        """The trunk's output, which is the same in every Monte-Carlo pass."""
        return self.trunk(self.standardize(x))  # type: ignore[no-any-return]

    def forward(self, x: Tensor) -> Tensor:
        """[B, channels, height, width] to logits [B, C]."""
        return self.head(self.features(x))  # type: ignore[no-any-return]


def _check_image(shape: tuple[int, ...], smallest: int, network: str) -> tuple[int, int, int]:
    shape = shape_of(shape)
    if len(shape) != 3 or min(shape[1:]) < smallest:
        raise ModelError(
            f"the {network} reads images of shape (channels, height, width) with sides of at least "
            f"{smallest} pixels, not {tuple(shape)}: use linear or mlp for other inputs."
        )
    return shape[0], shape[1], shape[2]


def cnn(shape: tuple[int, ...], num_classes: int, mean: Sequence[float], std: Sequence[float]) -> Network:
    """The paper's CNN: two convolutions, max-pooling, dropout, dense 128 (the embedding), dropout, dense C.

    Raises ModelError if ``shape`` is not that of an image of at least 2 × 2 pixels.
    """
    channels, height, width = _check_image(shape, 2, "CNN")
    whole(num_classes, "the number of classes", 2)
    features = 32 * (height // 2) * (width // 2)
    trunk = nn.Sequential(
        nn.Conv2d(channels, 32, 4, padding=2),
        nn.ReLU(),
        nn.Conv2d(32, 32, 2),
        nn.MaxPool2d(2),
        nn.ReLU(),  # commutes with the pooling, after which it has a quarter of the work
    )
    head = nn.Sequential(
        Dropout(0.25), nn.Flatten(), nn.Linear(features, 128), nn.ReLU(), Dropout(0.5), nn.Linear(128, num_classes)
    )
    return Network(Standardize(mean, std), trunk, head)


def mlp(shape: tuple[int, ...], num_classes: int, mean: Sequence[float], std: Sequence[float]) -> Network:
    """The paper's MLP: dense 256 (the embedding), dropout, dense C. It reads inputs of any shape."""
    inputs = math.prod(shape_of(shape))
    whole(num_classes, "the number of classes", 2)
    trunk = nn.Sequential(nn.Flatten(), nn.Linear(inputs, 256), nn.ReLU())
    head = nn.Sequential(Dropout(0.5), nn.Linear(256, num_classes))
    return Network(Standardize(mean, std), trunk, head)


def linear(shape: tuple[int, ...], num_classes: int, mean: Sequence[float], std: Sequence[float]) -> Network:
    """One dense layer, whose embedding is its standardized input: for embeddings of a pretrained encoder."""
    inputs = math.prod(shape_of(shape))
    whole(num_classes, "the number of classes", 2)
    trunk, head = nn.Sequential(nn.Flatten()), nn.Sequential(nn.Linear(inputs, num_classes))
    return Network(Standardize(mean, std), trunk, head)


class _Block(nn.Module):
    """Two 3×3 convolutions with a shortcut (He et al. 2016, figure 2)."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
            nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        self.short: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.short = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.body(x) + self.short(x))


def resnet18(
    shape: tuple[int, ...], num_classes: int, mean: Sequence[float], std: Sequence[float], *, width: int = 64
) -> Network:
    """ResNet-18 with a dense layer of 128 (the embedding) before the logits.

    Images of up to 64 × 64 pixels keep their resolution in the first layer (3×3, stride 1), as in He et al. (2016),
    section 4.2; larger images start with 7×7, stride 2, and pooling.

    Args:
        shape: (channels, height, width) of an image of at least 8 × 8 pixels; else a ModelError is raised.
        num_classes: C.
        mean: of each channel.
        std: of each channel.
        width: channels of the first stage; 64 in He et al. (2016).
    """
    channels, *sides = _check_image(shape, 8, "ResNet-18")
    whole(num_classes, "the number of classes", 2)
    whole(width, "the width of a ResNet-18", 1)
    small = max(sides) <= 64
    kernel, stride = (3, 1) if small else (7, 2)
    first = nn.Conv2d(channels, width, kernel, stride, padding=kernel // 2, bias=False)
    stem: list[nn.Module] = [first, nn.BatchNorm2d(width), nn.ReLU()]
    if not small:
        stem.append(nn.MaxPool2d(3, 2, padding=1))
    blocks: list[nn.Module] = []
    inputs = width
    for outputs, stride in ((width, 1), (2 * width, 2), (4 * width, 2), (8 * width, 2)):
        blocks += [_Block(inputs, outputs, stride), _Block(outputs, outputs, 1)]
        inputs = outputs
    trunk = nn.Sequential(*stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8 * width, 128), nn.ReLU())
    head = nn.Sequential(Dropout(0.5), nn.Linear(128, num_classes))
    return Network(Standardize(mean, std), trunk, head)


def narrow_resnet18(shape: tuple[int, ...], num_classes: int, mean: Sequence[float], std: Sequence[float]) -> Network:
    """ResNet-18 with a quarter of the channels, small enough for a CPU; depth and embedding are the same."""
    return resnet18(shape, num_classes, mean, std, width=16)
