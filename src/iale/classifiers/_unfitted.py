"""What stands for a classifier before the first label: it knows nothing, and says so."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from iale.classifiers.base import Outputs
from iale.data.samples import Samples


@dataclass(frozen=True)
class Unfitted:
    """A `FittedClassifier` without a fit: all classes are as likely, and embeddings have no columns."""

    num_classes: int

    def outputs(self, samples: Samples, indices: Tensor) -> Outputs:
        """Logits of 0, and embeddings [N, 0]."""
        return Outputs(torch.zeros(len(indices), self.num_classes), torch.zeros(len(indices), 0))

    def monte_carlo(self, samples: Samples, indices: Tensor, passes: int, seed: int) -> Tensor:
        """Equal probabilities of all classes: float32 [K, N, C]."""
        return torch.full((passes, len(indices), self.num_classes), 1 / self.num_classes)
