"""How uncertain a classifier is: by its own calibrated probabilities, or in the opinion of a better judge."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from iale.classifiers.base import Outputs
from iale.errors import QueryError
from iale.strategies.base import QueryContext
from iale.strategies.uncertainty import Margin


def calibrated_uncertainty(context: QueryContext, at: Tensor) -> Tensor:
    """float64 [m] in [0, 1]: 1 − (p₁ − p₂) of calibrated probabilities."""
    assert context.temperature is not None
    logits = context.candidates.logits[at].double() / context.temperature
    calibrated = replace(context, candidates=Outputs(logits, logits))
    found = 1 + Margin().score(calibrated)
    if not bool(torch.isfinite(found).all()):
        raise QueryError("an uncertainty is not finite: check the classifier's outputs and the temperature.")
    return found.clamp(min=0)


def doubted(context: QueryContext, at: Tensor) -> Tensor:
    """float64 [m] in [0, 2]: 1 − (q of the classifier's prediction − the highest other q), with q the `opinion`.

    It is 0 where the opinion is sure of the same class, 1 where it cannot decide, and 2 where it is sure of another.
    """
    assert context.opinion is not None
    probs, answers = context.opinion[at].double(), context.candidates.logits[at].argmax(dim=1, keepdim=True)
    if not bool(torch.isfinite(probs).all()):
        raise QueryError("an opinion is not finite: check the classifier's outputs and the geometry.")
    own, rest = probs.gather(1, answers), probs.scatter(1, answers, -torch.inf)
    others = rest.max(dim=1).values.clamp(min=0)  # of a single class there is no other
    return (1 - (own[:, 0] - others)).clamp(min=0)
