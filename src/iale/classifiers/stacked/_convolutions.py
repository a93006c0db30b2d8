"""Convolutions of R networks side by side, in three ways that give the same result.

PyTorch has no convolution of R batches with R kernels. Which of the three detours is the fastest depends on the layer
and on the device (`benchmarks/stacked.py` and `benchmarks/stacked_gpu.py` measure it). Images are stored as
[R, B, height, width, channels], weights as [R, O, height, width, I]; strides are 1.

With x the input, w the weight, y the output and g = ∂loss/∂y, each way computes y = x * w + b, ∂loss/∂w and ∂loss/∂b,
and on request ∂loss/∂x. ∂loss/∂b is always the sum of g over samples and positions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from iale.classifiers.stacked._products import Products

Way = Literal["auto", "unfold", "each", "grouped"]
"""A product of patches, one network after the other, or groups of one convolution; "auto" follows measurements."""

_PATCH = 64
"""Largest patch, in values, that "auto" unfolds: with so few inputs, a convolution leaves the vector units idle."""


class Convolution:
    """What the three ways share: weights and gradients. Each has its own `forward` and `backward`, see `Layer`.

    `forward` maps [R, B, height, width, I] to [R, B, height', width', O].
    """

    def __init__(self, modules: Sequence[nn.Conv2d], products: Products) -> None:
        # Channels last, like the images, so that a flattened weight lines up with a flattened patch.
        weights = [m.weight.detach().permute(0, 2, 3, 1) for m in modules]
        biases = [m.bias.detach() for m in modules if m.bias is not None]
        self.weights = [torch.stack(weights).contiguous(), torch.stack(biases)]
        self.grads: list[Tensor] = []
        self.products = products
        self.padding = int(modules[0].padding[0])

    def store(self, module: nn.Module, weights: Sequence[Tensor]) -> None:
        assert isinstance(module, nn.Conv2d)
        assert module.bias is not None
        module.weight.data.copy_(weights[0].permute(0, 3, 1, 2))
        module.bias.data.copy_(weights[1])


class Unfolded(Convolution):
    """Patches [R, positions, I'] times weights [R, I', O], one batched product; I' is the size of a patch."""

    reads_patches = False  # True: `forward` gets what `unfold` returns, and nobody asks for the input's gradient

    def unfold(self, x: Tensor) -> Tensor:
        """[…, height, width, I] to patches […, height', width', I']."""
        rows, columns, p = *self.weights[0].shape[2:4], self.padding
        x = nn.functional.pad(x, (0, 0, p, p, p, p)) if p else x
        self.shape = x.shape  # with padding, which `backward` cuts off
        windows = x.unfold(-3, rows, 1).unfold(-3, columns, 1)  # […, height', width', I, rows, columns]
        return windows.movedim(-3, -1).flatten(-3)

    def forward(self, x: Tensor) -> Tensor:
        weight, bias = self.weights
        patches = x if self.reads_patches else self.unfold(x)
        self.patches = patches.flatten(1, 3)
        y = self.products(self.patches, weight.flatten(2).transpose(1, 2), bias)
        return y.view(*patches.shape[:4], -1)

    def backward(self, grad: Tensor, inputs: bool) -> Tensor:
        weight, p = self.weights[0], self.padding
        g = grad.flatten(1, 3)
        self.grads = [self.products(g.transpose(1, 2), self.patches).view_as(weight), g.sum(dim=1)]
        if not inputs:
            return grad
        # Each output pixel sends its gradient back to the pixels of its patch, and patches overlap. The loop adds one
        # shifted image for each offset (i, j) in the kernel: a fixed order, which a scatter on a GPU would not have.
        spread = self.products(g, weight.flatten(2)).view(*grad.shape[:4], *weight.shape[2:])
        full = torch.zeros(self.shape, dtype=grad.dtype, device=grad.device)
        height, width = grad.shape[2:4]
        for i in range(weight.shape[2]):
            for j in range(weight.shape[3]):
                full[:, :, i : i + height, j : j + width] += spread[:, :, :, :, i, j]
        return full[:, :, p : full.shape[2] - p, p : full.shape[3] - p].contiguous()


class OneByOne(Convolution):
    """R convolutions of PyTorch, one after the other."""

    def forward(self, x: Tensor) -> Tensor:
        self.x = self.products.cast(x)
        weight, bias = map(self.products.cast, self.weights)
        trios = zip(map(image, self.x), map(image, weight), bias, strict=True)
        return _join([torch.conv2d(*trio, padding=self.padding) for trio in trios], x.dtype)

    def backward(self, grad: Tensor, inputs: bool) -> Tensor:
        weight, g = self.products.cast(self.weights[0]), self.products.cast(grad)
        trios = zip(map(image, g), map(image, self.x), map(image, weight), strict=True)
        parts = [_gradients(*trio, self.padding, 1, inputs) for trio in trios]
        self.grads = [_join([part[1] for part in parts], grad.dtype), grad.sum(dim=(1, 2, 3))]
        return _join([part[0] for part in parts], grad.dtype) if inputs else grad


class Grouped(Convolution):
    """One convolution with a group for each network: the channels of all networks lie side by side."""

    def forward(self, x: Tensor) -> Tensor:
        self.x = self.products.cast(_beside(x))
        weight, bias = map(self.products.cast, self.weights)
        y = torch.conv2d(self.x, image(weight.flatten(0, 1)), bias.flatten(), padding=self.padding, groups=len(x))
        return _apart(y, len(x)).to(x.dtype)

    def backward(self, grad: Tensor, inputs: bool) -> Tensor:
        weight, g = self.products.cast(self.weights[0]), self.products.cast(_beside(grad))
        back = _gradients(g, self.x, image(weight.flatten(0, 1)), self.padding, len(grad), inputs)
        own = back[1].permute(0, 2, 3, 1).reshape(weight.shape).to(grad.dtype)
        self.grads = [own, grad.sum(dim=(1, 2, 3))]
        return _apart(back[0], len(grad)).to(grad.dtype) if inputs else grad


def convolution(modules: Sequence[nn.Conv2d], products: Products, way: Way) -> Unfolded | OneByOne | Grouped:
    """One layer for the same convolution of R networks, computed in the given way."""
    if way == "grouped":
        return Grouped(modules, products)
    unfold = way == "unfold" or (way == "auto" and modules[0].weight[0].numel() <= _PATCH)
    return Unfolded(modules, products) if unfold else OneByOne(modules, products)


def image(x: Tensor) -> Tensor:
    """A view [n, channels, height, width] of [n, height, width, channels]."""
    return x.permute(0, 3, 1, 2)


def _join(parts: list[Tensor], dtype: torch.dtype) -> Tensor:
    """R tensors [n, channels, height, width] to one [R, n, height, width, channels]."""
    rows = [part.permute(0, 2, 3, 1) for part in parts]
    # One network, the usual stack of CNNs on a CPU, needs no stacking.
    joined = rows[0][None] if len(rows) == 1 else torch.stack(rows)
    return joined.to(dtype).contiguous()


def _beside(x: Tensor) -> Tensor:
    """[R, B, height, width, channels] to [B, R · channels, height, width]."""
    return image(x.permute(1, 2, 3, 0, 4).flatten(3))


def _apart(x: Tensor, r: int) -> Tensor:
    """[B, R · channels, height, width] to [R, B, height, width, channels]."""
    return x.permute(0, 2, 3, 1).reshape(len(x), *x.shape[2:], r, -1).permute(3, 0, 1, 2, 4).contiguous()


def _gradients(grad: Tensor, x: Tensor, weight: Tensor, padding: int, groups: int, inputs: bool) -> list[Tensor]:
    """Gradients of input, weight and bias; the first only if ``inputs``, the last never.

    PyTorch's own operator, called without autograd: it would keep a graph, and could not skip the input's gradient.
    """
    sides = [padding, padding]
    back = torch.ops.aten.convolution_backward
    return back(grad, x, weight, None, [1, 1], sides, [1, 1], False, [0, 0], groups, [inputs, True, False])  # type: ignore[no-any-return]
