"""Contexts full of ties: what tables of yes/no answers, one-hot columns and duplicates look like to a strategy.

Random normal numbers never tie, so a strategy that is only tested on them may loop forever, or pick a sample twice,
on the first real table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import torch
from torch import Tensor

from iale.classifiers.base import Outputs
from iale.seeding import Stream
from iale.strategies.base import QueryContext
from iale.testing.contexts import make_context


def tied_contexts(
    n: int = 1000, num_classes: int = 4, dim: int = 6, labeled: int = 9, seed: int = 0
) -> Iterator[tuple[str, QueryContext]]:
    """A name and a context for every kind of tie.

    Embeddings tie as the name says. Logits are linear in the embeddings, and so are the passes and the committee, so
    equal embeddings come with equal outputs of every sort.

    Args:
        n: candidates.
        num_classes: C.
        dim: D, width of the embedding.
        labeled: L, labeled samples.
        seed: of all the numbers.
    """
    for name, make in _KINDS.items():
        generator = Stream(seed, ("testing", "ties", name)).torch()
        rows = make(n + labeled, dim, generator)
        weight = torch.randn(dim, num_classes, generator=generator)
        noise = torch.randn(13, dim, num_classes, generator=generator) / 4  # 8 passes, 5 members
        outputs = Outputs(rows @ weight, rows)
        voters = torch.softmax(rows[:n] @ (weight + noise), dim=2)
        base = make_context(n, num_classes, dim, labeled, seed=seed)
        yield (
            name,
            replace(
                base,
                candidates=outputs.at(torch.arange(n)),
                labeled=outputs.at(torch.arange(n, n + labeled)),
                monte_carlo=voters[:8],
                # The first member of a committee is the classifier itself.
                committee=torch.cat([torch.softmax(rows[:n] @ weight, dim=1)[None], voters[9:]]),
            ),
        )


def _binary(n: int, dim: int, generator: torch.Generator) -> Tensor:
    return torch.randint(2, (n, dim), generator=generator).float()


def _integers(n: int, dim: int, generator: torch.Generator) -> Tensor:
    rows = torch.zeros(n, dim)
    rows[:, :2] = torch.randint(3, (n, min(2, dim)), generator=generator).float()
    return rows


def _one_hot(n: int, dim: int, generator: torch.Generator) -> Tensor:
    return torch.eye(dim)[torch.randint(dim, (n,), generator=generator)]


def _duplicates(n: int, dim: int, generator: torch.Generator) -> Tensor:
    """Nine of ten rows are one blank item, far from the ordinary ones."""
    rows = torch.randn(n, dim, generator=generator)
    rows[torch.randperm(n, generator=generator)[: 9 * n // 10]] = 5.0
    return rows


def _constant(n: int, dim: int, generator: torch.Generator) -> Tensor:
    return torch.full((n, dim), 0.5)


def _zeros(n: int, dim: int, generator: torch.Generator) -> Tensor:
    return torch.zeros(n, dim)


def _float16(n: int, dim: int, generator: torch.Generator) -> Tensor:
    """Numbers that were stored in half precision, far from zero, so that few different ones are left."""
    return (1000 + torch.randn(n, dim, generator=generator)).half().float()


_KINDS: dict[str, Callable[[int, int, torch.Generator], Tensor]] = {
    "binary": _binary,
    "integers": _integers,
    "one-hot": _one_hot,
    "duplicates": _duplicates,
    "constant": _constant,
    "zeros": _zeros,
    "float16": _float16,
}
