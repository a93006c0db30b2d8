"""How much a label tells about which of K passes is right.

Shapes: K Monte-Carlo passes, n candidates, C classes.
"""

from __future__ import annotations

import torch
from torch import Tensor

from iale.errors import QueryError
from iale.strategies._rows import rows_at_once


def normalized(probs: Tensor) -> Tensor:
    """float64 probabilities that sum to exactly 1 along the last axis; float32 has only seven digits."""
    wide = probs.double()
    return wide / wide.sum(dim=-1, keepdim=True)


def mutual_information(probs: Tensor) -> Tensor:
    """Of each candidate's label and the pass, for probabilities [K, n, C]: float64 [n], not below 0.

    Raises QueryError if there is no pass, or a probability is not finite.
    """
    passes, _, classes = probs.shape
    if passes == 0:
        raise QueryError("mutual information needs passes, and there are none: give at least one.")
    if not bool(torch.isfinite(probs.sum())):
        raise QueryError("a pass gave a probability that is not finite: check the classifier's outputs.")
    found = []
    for block in torch.split(probs, rows_at_once(passes * classes), dim=1):
        chances = normalized(block)
        inner = torch.special.entr(chances).sum(dim=2).mean(dim=0)
        found.append(torch.special.entr(chances.mean(dim=0)).sum(dim=1) - inner)
    return torch.cat(found).clamp(min=0)
