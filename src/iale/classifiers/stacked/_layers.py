"""Layers of R networks side by side, with their gradients by hand.

A layer maps [R, B, …] to [R, B, …] and keeps what its own gradient needs. No graph is built: the networks are small and
their steps many, and layers overwrite their inputs, which autograd forbids. Images are stored as
[R, B, height, width, channels], the order in which convolutions and patches read memory.

Dimensions: R networks, B samples of a batch, I inputs and O outputs of a layer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor, nn

from iale.classifiers import _draws as draws
from iale.classifiers.networks import Dropout, Network
from iale.classifiers.stacked._convolutions import Way, convolution, image
from iale.classifiers.stacked._products import Products


class Layer(Protocol):
    """A layer of R networks.

    Attributes:
        weights: tensors [R, …], which the optimizer changes in place.
        grads: their gradients, set by `backward` and laid out like the weights.
    """

    weights: list[Tensor]
    grads: list[Tensor]

    def forward(self, x: Tensor) -> Tensor:
        """The output; may overwrite ``x``."""

    def backward(self, grad: Tensor, inputs: bool) -> Tensor:
        """The gradient of the input, if ``inputs``, else anything; may overwrite ``grad``."""

    def store(self, module: nn.Module, weights: Sequence[Tensor]) -> None:
        """Copies the weights of one network into ``module``."""


class _Weightless:
    def __init__(self) -> None:
        self.weights: list[Tensor] = []
        self.grads: list[Tensor] = []

    def store(self, module: nn.Module, weights: Sequence[Tensor]) -> None:
        """Does nothing: there are no weights."""


class StackedReLU(_Weightless):
    """max(x, 0)."""

    def forward(self, x: Tensor) -> Tensor:
        self.y = x.relu_()
        return self.y

    def backward(self, grad: Tensor, inputs: bool) -> Tensor:
        # The output tells as much as the input, which `forward` has overwritten: y > 0 exactly where x > 0.
        torch.ops.aten.threshold_backward.grad_input(grad, self.y, 0, grad_input=grad)
        return grad


class StackedFlatten(_Weightless):
    """Samples to rows in the order of `torch.nn.Flatten`: channels, height, width."""

    def forward(self, x: Tensor) -> Tensor:
        self.shape = x.shape
        return x.permute(0, 1, 4, 2, 3).flatten(2) if x.dim() == 5 else x.flatten(2)

    def backward(self, grad: Tensor, inputs: bool) -> Tensor:
        if len(self.shape) != 5:
            return grad.view(self.shape)
        r, b, height, width, channels = self.shape
        return grad.view(r, b, channels, height, width).permute(0, 1, 3, 4, 2).contiguous()


class StackedDropout(_Weightless):
    """Inverted dropout; network r reads the numbers of ``key[r]`` (int32 [R, 2]), as `networks.Dropout` does."""

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p
        self.key = torch.empty(0)

    def forward(self, x: Tensor) -> Tensor:
        # Overwrites x: a ReLU before this layer then sees 0 for a dropped unit, whose gradient is 0 anyway.
        kept = draws.keeps(self.key, x[0].numel(), self.p)
        if x.dim() == 5:  # numbers are counted in the order of PyTorch's images: channels first
            r, b, height, width, channels = x.shape
            kept = kept.view(r, b, channels, height, width).permute(0, 1, 3, 4, 2)
        self.scale = kept.reshape(x.shape).to(x.dtype).mul_(1 / (1 - self.p))
        return x.mul_(self.scale)

    def backward(self, grad: Tensor, inputs: bool) -> Tensor:
        return grad.mul_(self.scale)


class StackedMaxPool(_Weightless):
    """Max-pooling with windows that do not overlap."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = [size, size]

    def forward(self, x: Tensor) -> Tensor:
        self.x = image(x.flatten(0, 1))
        y, self.where = torch.ops.aten.max_pool2d_with_indices(self.x, self.size, self.size)
        return _stacked(y, len(x))

    def backward(self, grad: Tensor, inputs: bool) -> Tensor:
        g, x = image(grad.flatten(0, 1)), self.x
        if x.device.type == "cpu":
            back = torch.ops.aten.max_pool2d_with_indices_backward
            full = back(g, x, self.size, self.size, [0, 0], [1, 1], False, self.where)
        else:  # PyTorch's kernel adds in an order that varies; a scatter is exact, because windows share no position
            full = torch.zeros_like(x)
            full.flatten(2).scatter_(2, self.where.flatten(2), g.flatten(2))
        return _stacked(full, len(grad))


class StackedLinear:
    """y = x W[r]ᵀ + b[r], with W [R, O, I] and b [R, O]."""

    def __init__(self, modules: Sequence[nn.Linear], products: Products) -> None:
        self.weights = [torch.stack([getattr(m, name).detach() for m in modules]) for name in ("weight", "bias")]
        self.grads: list[Tensor] = []
        self.products = products

    def forward(self, x: Tensor) -> Tensor:
        self.x = x
        weight, bias = self.weights
        return self.products(x, weight.transpose(1, 2), bias)

    def backward(self, grad: Tensor, inputs: bool) -> Tensor:
        """∂W = gᵀ x, ∂b = Σ g over the batch, and ∂x = g W: [R, B, O] to [R, B, I]."""
        self.grads = [self.products(grad.transpose(1, 2), self.x), grad.sum(dim=1)]
        return self.products(grad, self.weights[0]) if inputs else grad

    def store(self, module: nn.Module, weights: Sequence[Tensor]) -> None:
        assert isinstance(module, nn.Linear)
        module.weight.data.copy_(weights[0])
        module.bias.data.copy_(weights[1])


def parts_of(network: nn.Module) -> list[nn.Module] | None:
    """The layers of a network in order, or None if one of them cannot be stacked exactly.

    A subclass of `Network` may do something else in `forward`, so its type has to match exactly.
    """
    if type(network) is not Network:
        return None
    parts: list[nn.Module] = []
    for module in (network.trunk, network.head):
        if type(module) is not nn.Sequential:
            return None
        parts += module
    return parts if all(map(_stackable, parts)) and isinstance(parts[-1], nn.Linear) else None


def stack_layers(networks: Sequence[nn.Module], products: Products, way: Way) -> list[tuple[int, Layer]]:
    """The layers for networks of one architecture, each with its position in `parts_of`.

    Dropout and a flattening after it change places: masks are drawn in flattened order, so they need no transposing.
    """
    columns = [parts for parts in map(parts_of, networks) if parts is not None]
    layers = [(place, _stack(modules, products, way)) for place, modules in enumerate(zip(*columns, strict=True))]
    for i in range(len(layers) - 1):
        if isinstance(layers[i][1], StackedDropout) and isinstance(layers[i + 1][1], StackedFlatten):
            layers[i], layers[i + 1] = layers[i + 1], layers[i]
    return layers


def _stacked(x: Tensor, r: int) -> Tensor:
    """[R · B, channels, height, width] to [R, B, height, width, channels]."""
    return x.permute(0, 2, 3, 1).contiguous().view(r, -1, *x.shape[2:], x.shape[1])


def _stackable(part: nn.Module) -> bool:
    if isinstance(part, nn.Conv2d):
        plain = part.stride == (1, 1) and part.dilation == (1, 1) and part.groups == 1 and part.padding_mode == "zeros"
        return plain and part.bias is not None and not isinstance(part.padding, str) and len(set(part.padding)) == 1
    if isinstance(part, nn.MaxPool2d):
        size = part.kernel_size
        return isinstance(size, int) and part.stride == size and part.padding == 0 and part.dilation == 1
    if isinstance(part, nn.Linear):
        return part.bias is not None
    return type(part) in (nn.ReLU, nn.Flatten, Dropout)


def _stack(modules: Sequence[nn.Module], products: Products, way: Way) -> Layer:
    first = modules[0]
    if isinstance(first, nn.Conv2d):
        return convolution(modules, products, way)  # type: ignore[arg-type]
    if isinstance(first, nn.Linear):
        return StackedLinear(modules, products)  # type: ignore[arg-type]
    if isinstance(first, nn.MaxPool2d):
        return StackedMaxPool(int(first.kernel_size))  # type: ignore[arg-type]
    if isinstance(first, Dropout):
        return StackedDropout(first.p)
    return StackedReLU() if isinstance(first, nn.ReLU) else StackedFlatten()
