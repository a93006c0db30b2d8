"""Layers that are frozen: what a user means by ``requires_grad_(False)`` stays as it is.

A layer is frozen if it, or a module around it, has parameters and none of them requires a gradient.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.modules.batchnorm import _NormBase


def frozen(module: nn.Module) -> set[nn.Module]:
    """Every module that is frozen itself or lies in a frozen one."""
    found: set[nn.Module] = set()
    for part in module.modules():
        own = list(part.parameters())
        if own and not any(parameter.requires_grad for parameter in own):
            found.update(part.modules())
    return found


def train_mode(module: nn.Module) -> None:
    """Training mode, in which frozen normalization keeps its statistics and uses them."""
    module.train()
    for part in frozen(module):
        if isinstance(part, _NormBase):
            part.eval()


def has_norm(module: nn.Module) -> bool:
    """Whether a layer that learns normalizes over the batch."""
    norms = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
    kept = frozen(module)
    return any(isinstance(part, norms) and part not in kept for part in module.modules())


def reset(module: nn.Module) -> nn.Module:
    """Draws all weights that are not frozen again, in place, from global random state.

    PyTorch's convention is ``reset_parameters``.
    """
    kept = frozen(module)
    for part in module.modules():
        method = getattr(part, "reset_parameters", None)
        if callable(method) and part not in kept:
            before = [(p, p.detach().clone()) for p in part.parameters() if not p.requires_grad]
            method()
            with torch.no_grad():
                for parameter, values in before:
                    parameter.copy_(values)
    return module
