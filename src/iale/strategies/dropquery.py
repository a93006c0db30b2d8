"""DropQuery: candidates whose prediction changes under dropout, one from each cluster (Gupte et al. 2024)."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from iale.classifiers.base import Outputs
from iale.geometry.points import Points
from iale.strategies._k_means import spread
from iale.strategies._last_layer import last_layer
from iale.strategies._rows import rows_at_once
from iale.strategies.base import Need, QueryContext, QueryStrategy

_PASSES = 3
_DROPPED = 0.75
_TIED = 1e-6  # share of the largest logit; a layer that was found from float32 outputs is no more exact
_MANY = 25_000  # candidates with two changes; of fewer, one change is enough


class DropQuery(QueryStrategy):
    """One candidate from each of k clusters of those whose prediction changes when most of the embedding is dropped.

    The rule (Gupte et al. 2024, section 4): dropout with a rate of 0.75 is applied to the embedding three times, and
    the last layer predicts again. Candidates whose prediction changes at least twice are kept; if these are fewer than
    25,000, all whose prediction changes. k-means puts the directions of their embeddings into k clusters, and the
    candidate nearest to each center is chosen. If there are fewer than k of these, the rest is drawn at random, first
    from those kept.

    Before the first label, k-means clusters the geometry instead.

    A strategy does not see the weights of the model, so the last layer is estimated by least squares from the
    embeddings and logits of candidates and labeled samples. For a linear last layer this is exact if the embeddings
    vary in all directions; otherwise, as with fewer than D + 1 samples, it is the smallest layer that fits. Only
    changes go through this layer, and are added to the true logits.

    A query takes O(n·D·(C + D)) time, and a k-means with k clusters. Three passes are few: some candidates are kept by
    chance.
    """

    name: ClassVar[str] = "dropquery"
    needs: ClassVar[frozenset[Need]] = frozenset({Need.GEOMETRY, Need.LABELED})
    reads_embeddings: ClassVar[bool] = True
    starts_cold: ClassVar[bool] = True

    def select(self, context: QueryContext, k: int, *, rng: np.random.Generator) -> Tensor:
        """int64 [k].

        Raises QueryError if a number is not finite, or if a linear layer explains less than a quarter of the logits.
        """
        assert context.geometry is not None
        embeddings = context.candidates.embeddings
        if not embeddings.shape[1]:
            return spread(context.geometry, k, rng)
        changes = _changes(context.candidates, last_layer(context, self.name), rng)
        kept = changes >= 2
        if int(kept.sum()) < _MANY:
            kept = changes >= 1
        return spread(Points(embeddings, torch.arange(len(embeddings))), k, rng, within=kept, unit=True)


def _changes(outputs: Outputs, weights: Tensor, rng: np.random.Generator) -> Tensor:
    """int64 [n]: in how many of the passes another class is ahead; ``weights`` are float64 [D, C].

    The masks of a candidate are the next ``rng.random((3, D))``, and numbers below 0.75 drop.
    """
    found = torch.zeros(len(outputs), dtype=torch.int64)
    width = outputs.embeddings.shape[1]
    step = rows_at_once(_PASSES * width)
    for start in range(0, len(outputs), step):
        logits, embeddings = (each[start : start + step].double() for each in (outputs.logits, outputs.embeddings))
        kept = torch.from_numpy(rng.random((len(logits), _PASSES, width)) >= _DROPPED)
        steps = embeddings[:, None] * (kept / (1 - _DROPPED) - 1)  # from each embedding to what is left of it
        changed = logits[:, None] + steps @ weights
        ahead = logits.argmax(dim=1)[:, None, None].expand(-1, _PASSES, 1)
        lead = changed.amax(dim=2) - changed.gather(2, ahead)[:, :, 0]
        # Where classes tie, as when all is dropped and there is no bias, nothing has changed.
        found[start : start + step] = (
            lead > _TIED * (changed.abs().amax(dim=2) + logits.abs().amax(dim=1)[:, None])
        ).sum(dim=1)
    return found
