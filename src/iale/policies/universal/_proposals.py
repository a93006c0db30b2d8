"""What the selector chooses from: batches that strategies propose, from the whole pool and from a part of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from torch import Tensor

from iale.strategies._herd import Herd
from iale.strategies.base import QueryContext, QueryStrategy
from iale.strategies.catalog import STRATEGIES

_MEMBERS = ("uherding", "maxherding", "bait", "margin", "badge", "typiclust")
_PART = 1000


def proposals(context: QueryContext, herd: Herd, k: int, rng: np.random.Generator) -> Iterator[Tensor]:
    """Batches, int64 [k] each, as positions among the candidates that ``herd`` looks at.

    Strategies that the state does not serve are left out.
    """
    seen = replace(context, folds=None).at(herd.at)  # no member reads the folds
    ranks = herd.rank[herd.at].argsort()
    # Members draw in the order of what they see. Ranks are random, but the same in every order of the candidates.
    parts = [ranks, ranks[:_PART]] if k <= _PART < len(ranks) else [ranks]
    for member in (STRATEGIES[name]() for name in _MEMBERS):
        if not fits(member, context):
            continue
        for part in parts:
            own = np.random.default_rng(rng.integers(2**63))
            yield part[member.query(seen.at(part), k, rng=own)]


def fits(strategy: QueryStrategy, context: QueryContext) -> bool:
    """Whether a strategy serves a state, which has a geometry."""
    labeled = context.labels is not None and len(context.labels) > 0
    return strategy.serves(labeled=labeled, embeddings=context.candidates.embeddings.shape[1] > 0)
