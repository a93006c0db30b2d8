"""How sure the model of a project may be: the temperature by which its logits are divided."""

from __future__ import annotations

import torch
from torch import Tensor

from iale.classifiers.base import Classifier, FittedClassifier, Outputs
from iale.classifiers.calibration import cross_validated, temperature
from iale.classifiers.heads import FittedLinearHead, LinearHead
from iale.data.samples import Samples
from iale.seeding import Stream

_GROWTH = 1.25  # a cross-validation is several fits, and the temperature changes slowly
_BOUNDS, _HALVINGS = (0.05, 20.0), 40


class Calibration:
    """Calibrates fits that follow one another: the temperature is found anew when the labels have grown by a quarter.

    Attributes:
        temperature: the last one.
    """

    def __init__(self) -> None:
        self.temperature = 1.0
        self._labels = self._classes = 0

    def apply(
        self,
        outputs: Outputs,
        classifier: Classifier,
        fitted: FittedClassifier,
        known: tuple[Samples, Tensor],
        stream: Stream,
    ) -> Outputs:
        """Outputs with logits divided by the temperature.

        Args:
            outputs: of ``fitted``, for any samples.
            classifier: the recipe of ``fitted``.
            fitted: the last fit.
            known: samples, of which the first have these labels, int64 [L].
            stream: root of the draws.
        """
        samples, labels = known
        count, classes = len(labels), classifier.num_classes
        if count >= _GROWTH * self._labels or classes != self._classes:
            if isinstance(fitted, FittedLinearHead):  # its strength was cross-validated before: once is enough
                classifier = LinearHead(samples, classes, fitted.recipe.training, l2=fitted.l2)
            self.temperature = _find(classifier, samples, labels, stream.child("calibration"))
            self._labels, self._classes = count, classes
        return Outputs(outputs.logits / self.temperature, outputs.embeddings)


def _find(classifier: Classifier, samples: Samples, labels: Tensor, stream: Stream) -> float:
    """The temperature of out-of-fold logits, 1 if there are fewer than 2 labels for each class that has some."""
    seen = int((torch.bincount(labels) > 0).sum())
    if seen < 2 or len(labels) < 2 * seen:
        return 1.0
    logits = cross_validated(classifier, samples, torch.arange(len(labels)), labels, stream=stream)
    if not bool(torch.isfinite(logits).all()):
        return 1.0
    return max(temperature(logits, labels), cautious(logits, labels))


def cautious(logits: Tensor, labels: Tensor) -> float:
    """The least temperature at which the model is no surer than few labels allow.

    If all of L labels are predicted, the likeliest temperature is the lowest, and every probability 100%. But after L
    successes the next one has the probability (L + 1) / (L + 2), by the rule of succession; the mean confidence may not
    be above that.
    """
    right, count = int((logits.argmax(dim=1) == labels).sum()), len(labels)
    low, high = _BOUNDS
    for _ in range(_HALVINGS):
        middle = (low * high) ** 0.5
        sure = float(torch.softmax(logits.double() / middle, dim=1).amax(dim=1).mean())
        low, high = (middle, high) if sure > (right + 1) / (count + 2) else (low, middle)
    return high
