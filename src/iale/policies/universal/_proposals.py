"""What the selector chooses from: batches that strategies propose, from the whole pool and from a part of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from torch import Tensor

from iale.strategies._herd import Herd
from iale.strategies.base import QueryContext
from iale.strategies.catalog import STRATEGIES

_MEMBERS = ("uherding", "maxherding", "bait", "margin", "badge", "typiclust")
_COLD = ("uherding", "maxherding", "typiclust")  # before the first label
_PART = 1000


def proposals(context: QueryContext, herd: Herd, k: int, rng: np.random.Generator) -> Iterator[Tensor]:
    """Batches, int64 [k] each, as positions among the candidates that ``herd`` looks at.

    Strategies that read embeddings are left out where there are none.
    """
    seen = replace(context, folds=None).at(herd.at)  # no member reads the folds
    ranks = herd.rank[herd.at].argsort()
    # Members draw in the order of what they see. Ranks are random, but the same in every order of the candidates.
    parts = [ranks, ranks[:_PART]] if k <= _PART < len(ranks) else [ranks]
    names = _MEMBERS if len(context.labels if context.labels is not None else ()) else _COLD
    for name in names:
        member = STRATEGIES[name]()
        if member.reads_embeddings and not context.candidates.embeddings.shape[1]:
            continue
        for part in parts:
            own = np.random.default_rng(rng.integers(2**63))
            yield part[member.query(seen.at(part), k, rng=own)]
