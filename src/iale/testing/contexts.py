"""Random query contexts that meet every need, without ties and full of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TypedDict

import torch
from torch import Tensor

from iale.classifiers.base import Outputs
from iale.geometry.points import Points
from iale.seeding import Stream
from iale.strategies.base import Folds, QueryContext


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
        **_views(torch.cat([candidates.embeddings, known.embeddings]), n),
        temperature=2.0,
        folds=Folds(known.logits / 2, candidates.logits + noise[passes:]),
        opinion=torch.softmax((candidates.logits + noise[0]).double() / 2, dim=1),
    )


class _Views(TypedDict):
    geometry: Points
    labeled_geometry: Points


def _views(rows: Tensor, n: int) -> _Views:
    """The geometry of n candidates and the labeled samples after them: ``rows`` with stretched columns.

    They are not the embedding, so a strategy that confuses the two fails; rows that tie still do.
    """
    values = rows * torch.linspace(0.5, 1.5, rows.shape[1])
    every = torch.arange(len(rows))
    return {"geometry": Points(values, every[:n]), "labeled_geometry": Points(values, every[n:])}


def unlabeled_context(n: int = 24, num_classes: int = 4, dim: int = 6, seed: int = 0) -> QueryContext:
    """The context before the first label: a geometry, and outputs of a classifier that knows nothing.

    Arguments are those of `make_context`.
    """
    context = make_context(n, num_classes, dim, labeled=0, seed=seed)
    blank = Outputs(torch.zeros(n, num_classes), torch.zeros(n, 0))
    even = torch.full((8, n, num_classes), 1 / num_classes)
    nobody = blank.at(torch.arange(0))
    return replace(
        context,
        candidates=blank,
        labeled=nobody,
        monte_carlo=even,
        committee=even[:5],
        temperature=1.0,
        folds=Folds(torch.zeros(0, num_classes), torch.zeros(0, n, num_classes)),
        opinion=torch.full((n, num_classes), 1 / num_classes, dtype=torch.float64),
    )


def reorder(context: QueryContext, positions: Tensor) -> QueryContext:
    """A context whose candidate i is candidate ``positions[i]`` of this one.

    Args:
        context: stays as it is.
        positions: int64 [m], all positions in another order, or some of them.
    """
    return context.at(positions)


def tied_contexts(
    n: int = 1000, num_classes: int = 4, dim: int = 6, labeled: int = 9, seed: int = 0
) -> Iterator[tuple[str, QueryContext]]:
    """A name and a context for every kind of tie: tables of yes/no answers, one-hot columns, duplicates and others.

    Random normal numbers never tie, so a strategy that is only tested on them may loop forever, or pick a sample twice,
    on the first real table.

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
        # The first member of a committee is the classifier itself.
        committee = torch.cat([torch.softmax(rows[:n] @ weight, dim=1)[None], voters[9:]])
        candidates, known = outputs.at(torch.arange(n)), outputs.at(torch.arange(n, n + labeled))
        yield (
            name,
            replace(
                base,
                candidates=candidates,
                labeled=known,
                monte_carlo=voters[:8],
                committee=committee,
                folds=Folds(known.logits, torch.stack([candidates.logits, rows[:n] @ (weight + noise[8])])),
                opinion=torch.softmax(rows[:n] @ (weight + noise[8]) / 2, dim=1).double(),
                **_views(rows, n),
            ),
        )


def _integers(n: int, dim: int, generator: torch.Generator) -> Tensor:
    rows = torch.zeros(n, dim)
    rows[:, :2] = torch.randint(3, (n, min(2, dim)), generator=generator).float()
    return rows


def _duplicates(n: int, dim: int, generator: torch.Generator) -> Tensor:
    """Nine of ten rows are one blank item, far from the ordinary ones."""
    rows = torch.randn(n, dim, generator=generator)
    rows[torch.randperm(n, generator=generator)[: 9 * n // 10]] = 5.0
    return rows


_KINDS: dict[str, Callable[[int, int, torch.Generator], Tensor]] = {
    "binary": lambda n, dim, generator: torch.randint(2, (n, dim), generator=generator).float(),
    "integers": _integers,
    "one-hot": lambda n, dim, generator: torch.eye(dim)[torch.randint(dim, (n,), generator=generator)],
    "duplicates": _duplicates,
    "constant": lambda n, dim, _: torch.full((n, dim), 0.5),
    "zeros": lambda n, dim, _: torch.zeros(n, dim),
    # Numbers that were stored in half precision, far from zero, so that few different ones are left.
    "float16": lambda n, dim, generator: (1000 + torch.randn(n, dim, generator=generator)).half().float(),
}
