"""REFINE: many strategies narrow the pool down, and herding chooses from the rest (2025)."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from iale._given import whole
from iale.errors import ConfigError, IaleWarning
from iale.strategies.base import Need, QueryContext, QueryStrategy
from iale.strategies.catalog import STRATEGIES

_MEMBERS = ("random", "margin", "entropy", "badge", "coreset", "typiclust", "bait", "dropquery", "alfamix")
_SHARE, _LARGEST = 0.4, 5000  # of what is left, and the most candidates, that a member sees


class Refine(QueryStrategy):
    """Nine strategies narrow the pool down in five rounds, and Uncertainty Herding chooses from the rest.

    In each round, each member chooses k from each of 11 random parts of the remaining candidates (40 % of them, at most
    5,000). Only what some member chose remains. The rounds end when a part would hold at most k candidates. Finally,
    Uncertainty Herding chooses k of the remaining candidates, and covers only these. (In the public tables of REFINE,
    the last step weighs the candidates instead of the covered samples. Here, it is the herding of the paper.)

    Members are Random, Margin, Entropy, BADGE, CoreSet, TypiClust, BAIT, DropQuery and ALFA-Mix. Before the first
    label, only Random and those that can choose without labels take part. If the model has no embeddings, a warning
    names the members that need them, which are left out.

    A query is about 495 queries of members, so it takes minutes if BAIT takes seconds. It needs their memory, and a
    copy of a part.
    """

    name = "refine"
    starts_cold = True

    def __init__(
        self,
        members: Sequence[str | QueryStrategy] = _MEMBERS,
        *,
        last: str | QueryStrategy = "uherding",
        rounds: int = 5,
        parts: int = 11,
    ) -> None:
        """From strategies or their names; ``last`` makes the choice.

        Raises ConfigError if there are no members, rounds or parts, and UnknownNameError for an unknown name.
        """
        if not isinstance(members, list | tuple) or not members:
            raise ConfigError("REFINE needs members: give a list of at least one strategy or its name.")
        self.members, self.last = [_made(each) for each in members], _made(last)
        self.rounds = whole(rounds, "the number of rounds of REFINE", 1)
        self.parts = whole(parts, "the number of parts of REFINE", 1)
        vars(self).update(needs=frozenset[Need]().union(*(each.needs for each in [*self.members, self.last])))

    def select(self, context: QueryContext, k: int, *, rng: np.random.Generator) -> Tensor:
        """int64 [k], in the order of the last choice; raises QueryError where a member does."""
        served = list(self._served(context))
        left = torch.arange(len(context))
        for _ in range(self.rounds):
            size = min(math.ceil(_SHARE * len(left)), _LARGEST)
            if size <= k or not served:
                break
            worth = torch.zeros(len(context), dtype=torch.bool)
            for member in served:
                for _ in range(self.parts):
                    part = left[torch.from_numpy(rng.permutation(len(left))[:size])]
                    worth[part[member.query(context.at(part), k, rng=rng)]] = True
            left = worth.nonzero()[:, 0]
        return left[self.last.query(context.at(left), k, rng=rng)]

    def _served(self, context: QueryContext) -> Iterator[QueryStrategy]:
        """The members that can choose from such candidates."""
        embedded = context.candidates.embeddings.shape[1] > 0
        if not embedded and not bool(context.candidates.logits.any()):  # before the first label
            yield from (each for each in self.members if each.serves(labeled=False, embeddings=False))
            return
        lost = [each.name for each in self.members if not each.serves(labeled=True, embeddings=embedded)]
        if lost:
            warnings.warn(
                f"the model has no embeddings, so {self.name} does without {', '.join(lost)}.",
                IaleWarning,
                stacklevel=2,
            )
        yield from (each for each in self.members if each.name not in lost)


def _made(strategy: str | QueryStrategy) -> QueryStrategy:
    if not isinstance(strategy, str | QueryStrategy):
        raise ConfigError(f"expected a strategy or its name, not {strategy!r:.60}.")
    return STRATEGIES[strategy]() if isinstance(strategy, str) else strategy
