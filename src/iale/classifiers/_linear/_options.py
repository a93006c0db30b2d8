"""Which options a linear head has."""

from __future__ import annotations

import math
from dataclasses import fields

from iale._given import is_real
from iale.classifiers.base import TrainingConfig
from iale.errors import ConfigError

_READ = ("class_weights", "device", "prediction_batch_size")


def check_head(training: TrainingConfig, l2: float | None) -> None:
    """Raises ConfigError for a strength that is none, or for options of training in steps."""
    if not isinstance(training, TrainingConfig):
        raise ConfigError(f"expected a TrainingConfig, such as TrainingConfig(device='cpu'), not {training!r:.60}.")
    if l2 is not None and not (is_real(l2) and 0 < l2 < math.inf):
        raise ConfigError(f"the l2 strength must be above 0, not {l2!r:.40}.")
    usual = TrainingConfig()
    said = [
        f.name for f in fields(usual) if f.name not in _READ and getattr(training, f.name) != getattr(usual, f.name)
    ]
    if said:
        raise ConfigError(
            f"a linear head is solved exactly and has no {said[0].replace('_', ' ')}: leave it out, or choose mlp."
        )
