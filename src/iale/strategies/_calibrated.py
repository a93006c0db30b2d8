"""How uncertain a classifier is that is calibrated."""

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
