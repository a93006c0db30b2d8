"""What `TorchClassifier` has to know about a module: its layers, and the inputs it expects."""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import Tensor, nn

from iale.classifiers import _draws as draws
from iale.classifiers.networks import Dropout, Network
from iale.errors import ModelError

DROPOUTS = (Dropout, nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout, nn.FeatureAlphaDropout)
_M = TypeVar("_M", bound=nn.Module)
_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


def has_norm(module: nn.Module) -> bool:
    """Whether the module normalizes over the batch."""
    return any(isinstance(m, _NORMS) for m in module.modules())


def last_linear(module: nn.Module, inputs: Tensor) -> str:
    """The name of the linear layer that runs last, which need not be the one that was defined last."""
    ran: list[str] = []
    hooks = [
        part.register_forward_hook(lambda *_, name=name: ran.append(name))
        for name, part in module.named_modules()
        if isinstance(part, nn.Linear)
    ]
    module.eval()
    try:
        with torch.no_grad():
            module(inputs)
    finally:
        for hook in hooks:
            hook.remove()
    if not ran:
        raise ModelError("the model has no linear layer whose input could be the embedding: pass embedding_layer.")
    return ran[-1]


def check_layer(module: nn.Module, name: str) -> None:
    """Raises ModelError if the module has no layer called ``name``."""
    names = [name for name, _ in module.named_modules() if name]
    if name and name not in names:
        raise ModelError(f"the model has no layer {name!r} for the embeddings: its layers are {', '.join(names)}.")


def check_resettable(module: nn.Module) -> None:
    """Raises ModelError if a layer holds parameters that `reset` could not draw again."""
    for name, part in module.named_modules():
        own = list(part.parameters(recurse=False))
        if own and not callable(getattr(part, "reset_parameters", None)):
            raise ModelError(
                f"the weights of {name or type(part).__name__!r} cannot be drawn anew (no reset_parameters): "
                f"pass a function that makes the model, or TorchClassifier(model, shape, reinitialize=False)."
            )


def reset(module: nn.Module) -> nn.Module:
    """Draws all weights again, in place, from global random state, by PyTorch's convention ``reset_parameters``."""
    for part in module.modules():
        method = getattr(part, "reset_parameters", None)
        if callable(method):
            method()
    return module


def initialize(network: _M, key: Tensor) -> _M:
    """Draws the weights of convolutions and linear layers: uniform within ±1/√(fan-in), PyTorch's default.

    The p-th parameter reads the counted draws of ``fold(key, p)``; batch normalization becomes the identity. Raises
    ModelError if another kind of layer has parameters, which would keep their values.
    """
    number = 0
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            bound = module.weight[0].numel() ** -0.5
            for parameter in (module.weight, module.bias):
                if parameter is not None:
                    drawn = draws.uniform(draws.fold(key, number), parameter.numel())
                    parameter.data = (drawn * (2 * bound) - bound).reshape(parameter.shape).to(parameter)
                    number += 1
        elif isinstance(module, nn.BatchNorm2d):
            module.reset_parameters()
        elif any(True for _ in module.parameters(recurse=False)):
            raise ModelError(
                f"the weights of {type(module).__name__} cannot be drawn here: use Conv2d, Linear and BatchNorm2d, or "
                f"a module other than Network."
            )
    return network


def as_float(inputs: Tensor, module: nn.Module) -> Tensor:
    """Inputs as the module expects them: a `Network` standardizes raw bytes, any other module gets floats in [0, 1]."""
    if isinstance(module, Network):
        return inputs.contiguous(memory_format=torch.channels_last) if inputs.dim() == 4 else inputs
    # Not channels last: a user's `x.view(len(x), -1)` could not flatten that.
    return inputs if inputs.is_floating_point() else inputs.float() / 255


def by_channel(module: nn.Module) -> nn.Module:
    """A `Network` in the memory format in which its convolutions are fastest; any other module as it is."""
    if isinstance(module, Network):
        module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return module


def device_of(module: nn.Module) -> torch.device:
    """Where the module's parameters are; the CPU for a module without parameters."""
    parameter = next(module.parameters(), None)
    return torch.device("cpu") if parameter is None else parameter.device
