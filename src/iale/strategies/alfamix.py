"""ALFA-Mix: candidates whose class changes in a small step toward labeled samples (Parvaneh et al. 2022).

With the embedding z of a candidate, the mean z* of the labeled embeddings of a class (an anchor) and the gradient g of
the loss at z under the predicted class, the paper mixes z + α ∘ (z* − z) with α = ε ‖z* − z‖ g / (‖g‖ (z* − z)), number
by number (Eq. 5). This is z + ε ‖z* − z‖ g / ‖g‖, without the division by z* − z, which breaks where both are equal. So
all anchors push in one direction, the farthest pushes the most, and the predicted class, once overtaken, never leads
again. Each candidate thus has one number: the smallest ε that changes its class.
Shapes: n candidates, L labeled, C classes, D embedding.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from iale.geometry.points import Points
from iale.strategies._gradient import residuals
from iale.strategies._k_means import spread
from iale.strategies._last_layer import last_layer
from iale.strategies._rows import rows_at_once
from iale.strategies.base import Need, QueryContext, QueryStrategy

_STEP, _STEPS = 0.03125, 32  # ε is a multiple of the step / √D
_TINY = torch.finfo(torch.float64).tiny


class AlfaMix(QueryStrategy):
    """One candidate from each of k clusters of those whose class changes in the smallest step toward an anchor.

    The rule (Parvaneh et al. 2022, sections 3.2 and 3.3, closed form, and the authors' code): anchors are the mean
    labeled embeddings of the classes that have labels. A candidate is kept if z + ε ‖z* − z‖ g / ‖g‖ has another class
    for some anchor z*. ε grows in steps of 0.03125/√D, up to 1/√D, until more than k candidates are kept. k-means puts
    the directions of their embeddings into k clusters, and the candidate nearest to each center is chosen. If there are
    fewer than k of these, the rest is drawn at random, first from those kept.

    Before the first label, k-means clusters the geometry instead.

    The last layer is estimated by least squares, as in `DropQuery`. Candidates whose gradient is 0, because the
    classifier is sure, are not kept. A query takes O(n·D·(C + D)) time, and a k-means with k clusters. With few labels,
    an anchor is a single sample, and the step says more about the layer than about the data.
    """

    name: ClassVar[str] = "alfamix"
    needs: ClassVar[frozenset[Need]] = frozenset({Need.GEOMETRY, Need.LABELED})
    reads_embeddings: ClassVar[bool] = True
    starts_cold: ClassVar[bool] = True

    def select(self, context: QueryContext, k: int, *, rng: np.random.Generator) -> Tensor:
        """int64 [k].

        Raises QueryError if a number is not finite, or if a linear layer explains less than a quarter of the logits.
        """
        assert context.geometry is not None
        assert context.labeled is not None
        embeddings = context.candidates.embeddings
        if not embeddings.shape[1] or not len(context.labeled):
            return spread(context.geometry, k, rng)
        smallest = _smallest_steps(context, last_layer(context, self.name))
        kept = torch.zeros(len(embeddings), dtype=torch.bool)
        for number in range(1, _STEPS + 1):
            kept = smallest < number * _STEP / embeddings.shape[1] ** 0.5
            if int(kept.sum()) > k:
                break
        return spread(Points(embeddings, torch.arange(len(embeddings))), k, rng, within=kept, unit=True)


def _smallest_steps(context: QueryContext, weights: Tensor) -> Tensor:
    """float64 [n]: the ε above which a candidate's class changes, ∞ if none does; ``weights`` are float64 [D, C]."""
    outputs, anchors = context.candidates, _anchors(context)
    found = []
    step = rows_at_once(outputs.embeddings.shape[1] + outputs.logits.shape[1])
    for start in range(0, len(outputs), step):
        logits, embeddings = (each[start : start + step].double() for each in (outputs.logits, outputs.embeddings))
        # On the step ε ‖z* − z‖, the lead over another class shrinks in proportion to ε.
        push = torch.nn.functional.normalize(residuals(logits) @ weights.T, dim=1, eps=_TINY) @ weights  # [m, C]
        push = push * torch.cdist(embeddings, anchors, compute_mode="donot_use_mm_for_euclid_dist").amax(dim=1)[:, None]
        ahead = logits.argmax(dim=1, keepdim=True)
        lead, gain = logits.gather(1, ahead) - logits, push - push.gather(1, ahead)
        found.append(torch.where(gain > 0, lead / gain, torch.inf).amin(dim=1))  # the class ahead gains 0 on itself
    return torch.cat(found)


def _anchors(context: QueryContext) -> Tensor:
    """The mean labeled embedding of each class that has labels, float64 [classes, D]."""
    assert context.labeled is not None
    assert context.labels is not None
    counts = torch.bincount(context.labels, minlength=context.num_classes)
    sums = torch.zeros(len(counts), context.labeled.embeddings.shape[1], dtype=torch.float64)
    sums.index_add_(0, context.labels, context.labeled.embeddings.double())
    return sums[counts > 0] / counts[counts > 0, None]
