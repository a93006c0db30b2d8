"""The one digest by which records, cards and costs name the weights of a policy."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from iale.strategies.base import QueryStrategy


def weights_digest(strategy: QueryStrategy) -> str | None:
    """SHA-256 of the weights of a trained policy; None for a strategy without weights."""
    found = vars(strategy).items()
    networks = {name: part.state_dict() for name, part in found if isinstance(part, nn.Module)}
    return digest_of(networks) if networks else None


def digest_of(networks: Mapping[str, Mapping[str, Tensor]]) -> str:
    """SHA-256 of the tensors of one or more networks, by the attributes that hold them.

    It covers for each tensor, sorted by name, ``attribute.name dtype shape `` in UTF-8 and then the values, row by row
    and in the byte order of the machine (little-endian nearly everywhere). No file format is part of it.
    """
    found = hashlib.sha256()
    for attribute, tensors in sorted(networks.items()):
        for name, tensor in sorted(tensors.items()):
            found.update(f"{attribute}.{name} {tensor.dtype} {tuple(tensor.shape)} ".encode())
            values = tensor.detach().cpu().contiguous().reshape(-1)
            found.update(values.view(torch.uint8).numpy().data)  # NumPy lacks bfloat16
    return found.hexdigest()
