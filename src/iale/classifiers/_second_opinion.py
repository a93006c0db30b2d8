"""A second opinion: what a linear head on the geometry says of the same samples, and how much it counts.

A network of a few dozen labels is a poor judge of itself. A head on a view that knows no label errs elsewhere, and its
opinion costs milliseconds. Both are summed in a logarithmic opinion pool (Genest & Zidek 1986),

    q = softmax(((1 − s) z / T_z + s h / T_h) / T),

of the network's logits z and the head's h, each over its own temperature. The share s, one of 0, 0.05, …, 1, and T make
held-out labels likeliest. So where the head knows nothing, s = 0, and q is the calibrated network.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from iale.classifiers.base import FitJob, FittedClassifier, Outputs, TrainingConfig
from iale.classifiers.calibration import CrossValidation, cross_validated, temperature
from iale.classifiers.heads import LinearHead
from iale.geometry.embeddings import PointSamples
from iale.geometry.points import Points
from iale.seeding import Stream

_SHARES = 20
_SURE = 0.5
"""A CNN after 20 steps gave its labels 0.2; networks that are trained give 0.9 and more (docs/universal.md)."""


def has_learned(outputs: Outputs, labels: Tensor) -> bool:
    """Whether a classifier gives its own labels (int64 [L]) at least half of the probability, on average.

    One that does not lacks training, not labels. Its answers change from fit to fit, so what it gets wrong now says
    little about what it will get wrong.

    Args:
        outputs: for the L labeled samples.
        labels: what it was told.
    """
    return float(outputs.probs.double().gather(1, labels[:, None]).mean()) >= _SURE


@dataclass(frozen=True)
class OpinionPool:
    """Two opinions as one.

    Attributes:
        share: s in 0 … 1, of the second one.
        first_heat: T_z, what calibrates the first one's logits.
        second_heat: T_h.
        heat: T, what calibrates the sum.
    """

    share: float
    first_heat: float
    second_heat: float
    heat: float

    def probs(self, first: Tensor, second: Tensor) -> Tensor:
        """float64 [n, C]: q, from the logits [n, C] of both."""
        own, other = first.double() / self.first_heat, second.double() / self.second_heat
        return (((1 - self.share) * own + self.share * other) / self.heat).softmax(1)


def likeliest_pool(first: Tensor, second: Tensor, labels: Tensor) -> OpinionPool:
    """The pool under which ``labels`` (int64 [L]) are likeliest; of several, that with the smallest share.

    Args:
        first: float [L, C], finite logits of samples that the classifier has not learned from.
        second: float [L, C], the same of the other one.
        labels: what they are.

    Raises:
        DataError: there are no logits, or some are not finite.
    """
    heats = temperature(first, labels), temperature(second, labels)
    found = []
    for step in range(_SHARES + 1):
        share = step / _SHARES
        # Each over its own temperature first, so that a share means the same for both.
        both = (1 - share) * first.double() / heats[0] + share * second.double() / heats[1]
        heat = temperature(both, labels)
        found.append((float(cross_entropy(both / heat, labels)), share, heat))
    _, share, heat = min(found)
    return OpinionPool(share, *heats, heat)


@dataclass(frozen=True, eq=False)
class SecondOpinion:
    """A linear head on the geometry, and its place beside a classifier.

    Attributes:
        head: the head that has learned all labels.
        samples: what it reads.
        pool: how much it counts.
    """

    head: FittedClassifier
    samples: PointSamples
    pool: OpinionPool

    def probs(self, logits: Tensor, indices: Tensor) -> Tensor:
        """float64 [n, C]: what both say of ``indices`` (int64 [n]), of which the classifier has said ``logits``."""
        return self.pool.probs(logits, self.head.outputs(self.samples, indices).logits)


def second_opinion(
    geometry: Points, indices: Tensor, own: CrossValidation, num_classes: int, *, stream: Stream
) -> SecondOpinion | None:
    """The head of the labels in ``own``, which a classifier has learned; None if nothing it says is finite.

    Args:
        geometry: all samples as points; a row of it counts by its direction.
        indices: int64 [L], the labeled samples in the order of ``own``.
        own: the classifier's cross-validation.
        num_classes: C.
        stream: root of the draws of the head's own cross-validation.
    """
    finite = torch.isfinite(own.logits).all(dim=1)
    if not bool(finite.any()):
        return None
    samples = PointSamples(geometry)
    recipe = LinearHead(samples, num_classes, TrainingConfig(device="cpu"))
    other = cross_validated(recipe, samples, indices, own.labels, stream=stream)
    pool = likeliest_pool(own.logits[finite].cpu(), other.logits[finite], own.labels[finite])
    return SecondOpinion(recipe.fit(samples, FitJob(indices, own.labels, seed=0)), samples, pool)
