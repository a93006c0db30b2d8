"""Votes of passes or members: N voters, n candidates, C classes."""

from __future__ import annotations

import torch
from torch import Tensor

from iale.errors import QueryError


def variation_ratio(probs: Tensor) -> Tensor:
    """1 − m/N over hard votes, where m is the number of votes for the most frequent class (paper, Eq. 4).

    Args:
        probs: [N, n, C] probabilities of N passes or members. Each votes for its most likely class, or for the first of
            several equally likely ones.

    Returns:
        float64 [n].

    Raises:
        QueryError: N is 0, or a probability is not finite.
    """
    voters, n, classes = probs.shape
    if voters == 0:
        raise QueryError("a variation ratio of no votes was asked for: give at least one pass or member.")
    if not bool(torch.isfinite(probs.sum())):
        raise QueryError("a pass or member gave a probability that is not finite: check the classifier's outputs.")
    votes = probs.argmax(dim=2).T  # [n, N]
    counts = torch.zeros(n, classes, dtype=torch.int64, device=probs.device)
    counts.scatter_add_(1, votes, torch.ones_like(votes))
    # From integers, so that equal counts give equal scores to the bit, and ties stay ties.
    return (voters - counts.amax(dim=1)).double() / voters
