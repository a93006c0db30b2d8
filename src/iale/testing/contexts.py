"""Random query contexts that meet every need."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from iale.classifiers.base import Outputs
from iale.seeding import Stream
from iale.strategies.base import QueryContext


def make_context(
    n: int = 24, num_classes: int = 4, dim: int = 6, labeled: int = 9, passes: int = 8, members: int = 5, seed: int = 0
) -> QueryContext:
    """A context with normal embeddings, and logits that are linear in them plus noise; no two rows are equal.

    Args:
        n: candidates.
        num_classes: C.
        dim: D, width of the embedding.
        labeled: L, labeled samples; with 0, their outputs have no rows.
        passes: K Monte-Carlo passes.
        members: E members of the committee, of which the first is the classifier.
        seed: of all the numbers.
    """
    generator = Stream(seed, ("testing", "context")).torch()
    weight = torch.randn(dim, num_classes, generator=generator) / dim**0.5

    def outputs(rows: int) -> Outputs:
        embeddings = torch.randn(rows, dim, generator=generator)
        return Outputs(2 * embeddings @ weight + torch.randn(rows, num_classes, generator=generator), embeddings)

    candidates, known = outputs(n), outputs(labeled)
    noise = torch.randn(passes + members, n, num_classes, generator=generator)
    noise[passes] = 0.0  # the first member is the classifier
    voters = torch.softmax(candidates.logits + noise, dim=2)
    return QueryContext(
        candidates=candidates,
        num_classes=num_classes,
        labeled=known,
        labels=torch.randint(num_classes, (labeled,), generator=generator),
        monte_carlo=voters[:passes],
        committee=voters[passes:],
    )


def reorder(context: QueryContext, positions: Tensor) -> QueryContext:
    """A context whose candidate i is candidate ``positions[i]`` of this one.

    Args:
        context: stays as it is.
        positions: int64 [m], all positions in another order, or some of them.
    """
    return replace(
        context,
        candidates=context.candidates.at(positions),
        monte_carlo=None if context.monte_carlo is None else context.monte_carlo[:, positions],
        committee=None if context.committee is None else context.committee[:, positions],
    )
