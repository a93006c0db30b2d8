"""What `TorchClassifier` has to know about a module: its layers, and the inputs it expects."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor, nn

from iale._many import reason_of
from iale.classifiers import _draws as draws
from iale.classifiers._frozen import frozen
from iale.classifiers.networks import Dropout, Network
from iale.errors import IaleError, ModelError

DROPOUTS = (Dropout, nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout, nn.FeatureAlphaDropout)
_M = TypeVar("_M", bound=nn.Module)


def check_layer(module: nn.Module, name: str) -> None:
    """Raises ModelError if the module has no layer called ``name``."""
    names = [name for name, _ in module.named_modules() if name]
    if name and name not in names:
        raise ModelError(f"the model has no layer {name!r} for the embeddings: its layers are {', '.join(names)}.")


def check_numbers(module: nn.Module) -> None:
    """Raises ModelError if a parameter or buffer has a shape alone, as on the device meta."""
    for name, tensor in [*module.named_parameters(), *module.named_buffers()]:
        if tensor.is_meta:
            raise ModelError(
                f"{name!r} is on the device meta, which holds no numbers: load the weights first, as with "
                f"load_state_dict(weights, assign=True), or make the model on the CPU."
            )


def check_resettable(module: nn.Module) -> None:
    """Raises ModelError if a layer holds trainable parameters that a fit could not draw again."""
    for name, part in module.named_modules():
        own = [parameter for parameter in part.parameters(recurse=False) if parameter.requires_grad]
        if own and not callable(getattr(part, "reset_parameters", None)):
            raise ModelError(
                f"the weights of {name or type(part).__name__!r} cannot be drawn anew (no reset_parameters): "
                f"pass a function that makes the model, or TorchClassifier(model, shape, reinitialize=False)."
            )


def initialize(network: _M, key: Tensor) -> _M:
    """Draws the weights of convolutions and linear layers: uniform within ±1/√(fan-in), PyTorch's default.

    The p-th parameter reads the counted draws of ``fold(key, p)``; batch normalization becomes the identity. What is
    frozen stays. Raises ModelError if another kind of layer has parameters, which would keep their values.
    """
    number, kept = 0, frozen(network)
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            bound = module.weight[0].numel() ** -0.5
            for parameter in (module.weight, module.bias):
                if parameter is not None:
                    number += 1
                if parameter is not None and parameter.requires_grad:
                    drawn = draws.uniform(draws.fold(key, number - 1), parameter.numel())
                    parameter.data = (drawn * (2 * bound) - bound).reshape(parameter.shape).to(parameter)
        elif module in kept:
            continue
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


def made(make: Callable[[], nn.Module]) -> nn.Module:
    """What a user's function makes; raises ModelError if it fails, or what it makes is no module."""
    try:
        model: object = make()
    except IaleError:
        raise
    except Exception as error:  # the user's own code may fail in any way
        reason = reason_of(error)
        raise ModelError(f"the model cannot be made without arguments ({reason}): pass one, or a function.") from error
    if not isinstance(model, nn.Module):
        raise ModelError(f"the function made {type(model).__name__}: a torch.nn.Module was expected.")
    return model


def is_lazy(module: nn.Module) -> bool:
    """Whether a layer waits for its first input to know its size, and to draw its weights."""
    return any(map(nn.parameter.is_lazy, [*module.parameters(), *module.buffers()]))


def copied(module: nn.Module) -> nn.Module:
    """A copy. Features of an earlier pass that a module keeps lose their gradients, which PyTorch cannot copy.

    Raises ModelError if the module cannot be copied.
    """
    kept = [value for part in module.modules() for value in vars(part).values() if isinstance(value, Tensor)]
    try:
        return copy.deepcopy(module, {id(value): value.detach().clone() for value in kept if not value.is_leaf})
    except Exception as error:  # the user's own code may fail in any way
        reason = str(error).split("\n", 1)[0].rstrip(". ")
        raise ModelError(f"the model cannot be copied ({reason}): pass a function that makes it.") from error


def device_of(module: nn.Module) -> torch.device:
    """Where the module's parameters are; the CPU for a module without parameters."""
    parameter = next(module.parameters(), None)
    return torch.device("cpu") if parameter is None else parameter.device
