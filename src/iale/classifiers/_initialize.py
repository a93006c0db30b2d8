"""The initial weights of a `Network`, from counted draws."""

from __future__ import annotations

from torch import Tensor, nn

from iale.classifiers import _draws as draws
from iale.errors import ModelError


def initialize(network: nn.Module, key: Tensor) -> None:
    """Draws the weights of convolutions and linear layers: uniform within ±1/√(fan-in), PyTorch's default.

    Args:
        network: changed in place; batch normalization becomes the identity.
        key: int32 [2]; the p-th parameter reads the counted draws of ``fold(key, p)``.

    Raises:
        ModelError: another kind of layer has parameters, which would keep their values.
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
