"""How sure the model of a project may be: the temperature by which its logits are divided."""

from __future__ import annotations

import torch
from torch import Tensor

from iale.classifiers.base import Classifier, Outputs
from iale.classifiers.calibration import calibrated_temperature
from iale.data.samples import Samples
from iale.seeding import Stream

_GROWTH = 1.25  # a cross-validation is several fits, and the temperature changes slowly


class Calibration:
    """Calibrates fits that follow one another: the temperature is found anew when the labels have grown by a quarter.

    Attributes:
        temperature: the last one.
    """

    def __init__(self) -> None:
        self.temperature = 1.0
        self._labels = self._classes = 0

    def apply(
        self, outputs: Outputs, classifier: Classifier, samples: Samples, labels: Tensor, stream: Stream
    ) -> Outputs:
        """Outputs with logits divided by the temperature; the first samples have the ``labels``, int64 [L]."""
        count, classes = len(labels), classifier.num_classes
        if count >= _GROWTH * self._labels or classes != self._classes:
            rows, part = torch.arange(count), stream.child("calibration")
            self.temperature = calibrated_temperature(classifier, samples, rows, labels, stream=part)
            self._labels, self._classes = count, classes
        return Outputs(outputs.logits / self.temperature, outputs.embeddings)
