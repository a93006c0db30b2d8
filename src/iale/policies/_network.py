"""The network that all policies share."""

from __future__ import annotations

from torch import nn

from iale.classifiers import _draws as draws
from iale.classifiers._modules import initialize
from iale.seeding import Stream

_HIDDEN = 128


def policy_network(width: int, stream: Stream) -> nn.Sequential:
    """The MLP of section 4.1 (128-128-1) with weights drawn from ``stream``.

    It ends in a logit: the sigmoid of the paper is part of the loss, and does not change the order of candidates.
    """
    layers = nn.Sequential(
        nn.Linear(width, _HIDDEN), nn.ReLU(), nn.Linear(_HIDDEN, _HIDDEN), nn.ReLU(), nn.Linear(_HIDDEN, 1)
    )
    return initialize(layers, draws.keys([stream.seed])[0])
