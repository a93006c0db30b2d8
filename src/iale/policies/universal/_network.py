"""The networks of the universal policy: what a candidate and a batch are worth.

Legend of dimensions: n candidates, F features of a candidate, G of the context, H of a batch.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from iale.classifiers import _draws as draws
from iale.classifiers._modules import initialize
from iale.policies.universal._batches import BATCH_FEATURES
from iale.policies.universal._scene import CONTEXT_FEATURES, ROW_FEATURES
from iale.seeding import Stream

F, G, H = len(ROW_FEATURES), len(CONTEXT_FEATURES), len(BATCH_FEATURES)

_HIDDEN, _CONTEXT_HIDDEN = 64, 32
_INFORMATION = ROW_FEATURES.index("information")
_MOST = 3.0  # of the logarithms of a weight and of a preference
_WIDEST = math.log(3.0)  # of the bandwidth's factor
_OUTLIER = 6.0  # standard deviations at which a feature ends


@dataclass(frozen=True, eq=False)
class Plan:
    """How learned herding departs from Uncertainty Herding. Where all is 0, it is Uncertainty Herding.

    Attributes:
        log_weights: float32 [n], within ±3: what each candidate counts as one that is to be covered.
        log_preference: float32 [n], within ±8: what the gain of each candidate is multiplied by, ±3 of its own and a
            power of BAIT's gain, between 0 and 1.
        log_bandwidth: float32 [], within ±log 3: of the factor of δ in both spaces.
        share: float32 [], in 0 … 1: of the embedding's kernel in the mix of both.
    """

    log_weights: Tensor
    log_preference: Tensor
    log_bandwidth: Tensor
    share: Tensor


class UniversalNetwork(nn.Module):
    """A plan for learned herding, and the value of a batch for the selector.

    Each of the five parts of a plan is multiplied by a gate, which is 0 before training.

    Attributes:
        gates: float32 [5]: of weights, preferences, bandwidth, share, and the power of BAIT's gain.
        row_mean, row_std: float32 [F], by which features are standardized; likewise for the context and a batch.
    """

    gates: nn.Parameter
    row_mean: Tensor
    row_std: Tensor
    context_mean: Tensor
    context_std: Tensor
    batch_mean: Tensor
    batch_std: Tensor

    def __init__(self, stream: Stream) -> None:
        """Weights are drawn from the ``stream``."""
        super().__init__()
        self._candidate = _layers(F + G, _HIDDEN, 2, stream.child("candidate"))
        self._whole = _layers(G, _CONTEXT_HIDDEN, 3, stream.child("context"))
        self._batch = _layers(H + G, _HIDDEN, 1, stream.child("batch"))
        self.gates = nn.Parameter(torch.zeros(5))
        for name, width in (("row", F), ("context", G), ("batch", H)):
            self.register_buffer(f"{name}_mean", torch.zeros(width))
            self.register_buffer(f"{name}_std", torch.ones(width))

    def plan(self, rows: Tensor, context: Tensor) -> Plan:
        """The plan for a scene's rows [n, F] and context [G], or plans for many scenes at once."""
        known = _standard(context, self.context_mean, self.context_std)
        each = _standard(rows, self.row_mean, self.row_std)
        around = known[..., None, :].expand(*each.shape[:-1], -1)
        weights, preference = self._candidate(torch.cat([each, around], dim=-1)).unbind(dim=-1)
        bandwidth, share, power = self._whole(known).unbind(dim=-1)
        own = _within(self.gates[1] * (preference - preference.mean(dim=-1, keepdim=True)), _MOST)
        power = _clipped(self.gates[4] * torch.sigmoid(power))
        return Plan(
            _within(self.gates[0] * (weights - weights.mean(dim=-1, keepdim=True)), _MOST),
            own + power[..., None] * rows[..., _INFORMATION],
            _within(self.gates[2] * bandwidth, _WIDEST),
            _clipped(self.gates[3] * torch.sigmoid(share)),
        )

    def value(self, batches: Tensor, context: Tensor) -> Tensor:
        """float32 […]: what batches are worth, of which `batch_features` […, H] are given; only differences count."""
        known = _standard(context, self.context_mean, self.context_std)
        each = _standard(batches, self.batch_mean, self.batch_std)
        values: Tensor = self._batch(torch.cat([each, known.expand(*each.shape[:-1], -1)], dim=-1))
        return values.squeeze(-1)


def _layers(width: int, hidden: int, out: int, stream: Stream) -> nn.Sequential:
    layers = nn.Sequential(
        nn.Linear(width, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, out)
    )
    return initialize(layers, draws.keys([stream.seed])[0])


def _standard(values: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    return ((values - mean) / std).clamp(-_OUTLIER, _OUTLIER)


def _within(values: Tensor, most: float) -> Tensor:
    """Smoothly bounded, so that there is a gradient everywhere."""
    return most * torch.tanh(values / most)


def _clipped(value: Tensor) -> Tensor:
    """A number in 0 … 1. The gradient is that of the number before, so a gate that became negative can return."""
    return value.detach().clamp(0, 1) + (value - value.detach())
