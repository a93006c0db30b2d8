"""The batches that are compared in a state: those of experts and of the policy, and what can be made of them.

Legend of dimensions: n candidates, B batches of k.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import torch
from numpy.random import Generator
from torch import Tensor

from iale.policies.universal._proposals import fits
from iale.seeding import Stream
from iale.strategies.base import Need, QueryContext, QueryStrategy
from iale.strategies.catalog import STRATEGIES

BASE = "uherding"
"""The expert that the policy begins as."""
EXPERTS = (
    BASE, "maxherding", "bait", "margin", "badge", "typiclust", "coreset", "entropy", "power-margin", "random",
)  # fmt: skip
"""The strategies of which each proposes a batch from all candidates."""

_HALVES = (BASE, "bait", "margin", "badge")  # propose from random halves, too
_NOISY = 3  # batches of the policy with noise in its plan
_TRIES = 20  # for each batch that is wanted

Own: TypeAlias = Callable[[Generator, float], Tensor]
"""The policy's batch, int64 [k], from a generator and an amount of noise in its plan."""


@dataclass(frozen=True, eq=False)
class Proposals:
    """Batches that all differ in at least one sample.

    Attributes:
        batches: int64 [B, k], positions of candidates.
        makers: B lists of those who proposed the batch: experts, "policy", and others.
    """

    batches: Tensor
    makers: list[list[str]]

    @property
    def names(self) -> list[str]:
        """Everybody who proposed one."""
        return [name for names in self.makers for name in names]

    def of(self, maker: str) -> int | None:
        """The number of the batch that somebody proposed; None if there is none."""
        return next((number for number, names in enumerate(self.makers) if maker in names), None)


def experts() -> dict[str, QueryStrategy]:
    """The experts by name."""
    return {name: STRATEGIES[name]() for name in EXPERTS}


def needs_of_all() -> frozenset[Need]:
    """What the experts and the policy read."""
    own = {Need.LABELED, Need.GEOMETRY, Need.TEMPERATURE, Need.FOLDS}
    return frozenset(own).union(*(expert.needs for expert in experts().values()))


class _Collection:
    """Batches by their samples."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.found: dict[tuple[int, ...], tuple[Tensor, list[str]]] = {}

    def add(self, batch: Tensor, maker: str) -> None:
        """Adds a batch if there is room, or a maker of one that is there."""
        key = tuple(sorted(batch.tolist()))
        if key in self.found:
            self.found[key][1].append(maker)
        elif len(self.found) < self.most:
            self.found[key] = (batch, [maker])

    @property
    def full(self) -> bool:
        return len(self.found) >= self.most

    def draw(self, rng: Generator) -> Tensor:
        """One of the batches."""
        return [batch for batch, _ in self.found.values()][rng.integers(len(self.found))]


def propose(context: QueryContext, k: int, own: Own, count: int, stream: Stream) -> Proposals:
    """``count`` batches that differ, fewer if there are no more.

    Only experts that the state serves are asked.
    """
    asked = {name: each for name, each in experts().items() if fits(each, context)}
    collection = _Collection(max(count, len(asked) + 1))
    for name, expert in asked.items():
        collection.add(expert.query(context, k, rng=stream.child(name).numpy()), name)
    collection.add(own(stream.child("policy").numpy(), 0.0), "policy")
    rng = stream.child("others").numpy()
    for number in range(_NOISY):
        collection.add(own(rng, 1.0 + number), "noisy policy")
    for name in _HALVES:
        if name in asked and 2 * k <= len(context):
            half = torch.from_numpy(rng.permutation(len(context))[: len(context) // 2])
            collection.add(half[asked[name].query(context.at(half), k, rng=rng)], f"half {name}")
    _fill(collection, len(context), k, rng)
    return Proposals(
        torch.stack([batch for batch, _ in collection.found.values()]),
        [makers for _, makers in collection.found.values()],
    )


def _fill(collection: _Collection, n: int, k: int, rng: Generator) -> None:
    """Crossovers of two batches, neighbors of one, and random batches."""
    base = next(iter(collection.found.values()))[0]
    for number in range(_TRIES * collection.most):
        if collection.full:
            return
        if k > 1 and number % 4 < 2:
            both = torch.unique(torch.cat([collection.draw(rng), collection.draw(rng)]))
            collection.add(both[torch.from_numpy(rng.permutation(len(both))[:k])], "crossover")
        elif k > 1 and number % 4 == 2:
            collection.add(_swapped(base, collection.draw(rng), rng), "neighbor")
        else:
            collection.add(torch.from_numpy(rng.choice(n, k, replace=False)), "more random")


def _swapped(batch: Tensor, other: Tensor, rng: Generator) -> Tensor:
    """A batch in which up to a quarter of the samples, at least one, are replaced by those of another."""
    new = other[~torch.isin(other, batch)]
    swaps = min(len(new), max(1, len(batch) // 4))
    kept = batch[torch.from_numpy(rng.permutation(len(batch))[: len(batch) - swaps])]
    return torch.cat([kept, new[torch.from_numpy(rng.permutation(len(new))[:swaps])]])
