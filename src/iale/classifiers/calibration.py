"""How sure a classifier may be: out-of-fold logits, and the temperature that calibrates them.

Divided by its temperature, a logit says what it should (Guo et al. 2017, section 4.2). The temperature is above 1 for a
classifier that is too sure of itself, and below 1 for one that is not sure enough. The logits must be those of samples
that it has not learned from, so folds take turns.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from iale.classifiers._folds import enough_to_calibrate, stratified_folds
from iale.classifiers.base import Classifier, FitJob, FittedClassifier
from iale.data.samples import Samples
from iale.errors import ConfigError, DataError
from iale.seeding import Stream

_BOUNDS = (0.05, 20.0)
_HALVINGS = 60


@dataclass(frozen=True, eq=False)
class CrossValidation:
    """Fits that each leave a fold of the labeled samples out.

    Attributes:
        logits: float32 [L, C], of each labeled sample by the fit that has not seen it.
        labels: int64 [L], what they are.
        members: the fits, one for each fold.
    """

    logits: Tensor
    labels: Tensor
    members: tuple[FittedClassifier, ...]

    @property
    def temperature(self) -> float:
        """What the logits must be divided by to be calibrated, see `temperature`.

        Samples whose logits are not finite are left out, as they are among the candidates; 1 if nothing is left.
        """
        finite = torch.isfinite(self.logits).all(dim=1)
        return temperature(self.logits[finite], self.labels[finite]) if bool(finite.any()) else 1.0


def cross_validated(
    classifier: Classifier, samples: Samples, indices: Tensor, labels: Tensor, *, folds: int = 5, stream: Stream
) -> CrossValidation:
    """Fits that leave folds out. The folds are stratified.

    They depend on the samples and ``stream`` alone, not on the order of the labels. All fits are one
    `Classifier.fit_many`.

    Args:
        classifier: the recipe.
        samples: which the indices point to.
        indices: int64 [L].
        labels: int64 [L].
        folds: how many; with fewer samples than that, each is a fold of its own.
        stream: root of the draws.

    Raises:
        ConfigError: there are fewer than 2 folds.
        DataError: there are fewer than 2 samples.
    """
    if folds < 2:
        raise ConfigError(f"a cross-validation needs at least 2 folds, not {folds}.")
    if len(indices) < 2:
        raise DataError("a cross-validation needs at least 2 labeled samples: label more.")
    order = torch.argsort(indices)  # fits may depend on the order of their samples
    known, own = indices[order], labels[order]
    fold = stratified_folds(known, own, min(folds, len(known)), stream.child("folds"))
    numbers = range(int(fold.max()) + 1)
    seeds = [stream.child("fit", number).seed for number in numbers]
    jobs = [FitJob(known[fold != n], own[fold != n], seed) for n, seed in zip(numbers, seeds, strict=True)]
    logits = torch.empty(len(known), classifier.num_classes)
    members = tuple(classifier.fit_many(samples, jobs))
    for number, member in enumerate(members):
        out = fold == number
        logits[order[out]] = member.outputs(samples, known[out]).logits
    return CrossValidation(logits, labels, members)


def temperature(logits: Tensor, labels: Tensor) -> float:
    """The T between 0.05 and 20 with the least negative log likelihood of ``labels`` under softmax(logits / T).

    The likelihood is concave in 1/T. If it only rises, the answer is a bound: 0.05 for logits that are always right, 20
    for logits that say nothing or the contrary. If it is flat, the answer is 1.

    Args:
        logits: [L, C].
        labels: int64 [L].

    Raises:
        DataError: there are no logits, or some are not finite.

    >>> honest = torch.tensor([[0.6, 0.4]]).log().repeat(5, 1)
    >>> round(temperature(3 * honest, torch.tensor([0, 0, 0, 1, 1])), 3)
    3.0
    """
    values = logits.double()
    if not values.numel() or not bool(torch.isfinite(values).all()):
        raise DataError("a temperature needs logits that are finite: check the classifier's outputs.")
    right = values.gather(1, labels[:, None])[:, 0]

    def slope(cold: float) -> float:
        """Of the negative log likelihood, by the inverse temperature."""
        return float(((torch.softmax(cold * values, dim=1) * values).sum(dim=1) - right).sum())

    low, high = 1 / _BOUNDS[1], 1 / _BOUNDS[0]
    if bool((values == values[:, :1]).all()):  # flat
        return 1.0
    if slope(high) <= 0 or slope(low) >= 0:
        return _BOUNDS[0] if slope(high) <= 0 else _BOUNDS[1]
    for _ in range(_HALVINGS):
        middle = (low * high) ** 0.5
        low, high = (low, middle) if slope(middle) > 0 else (middle, high)
    return float((low * high) ** -0.5)


def calibrated_temperature(
    classifier: Classifier, samples: Samples, indices: Tensor, labels: Tensor, *, folds: int = 5, stream: Stream
) -> float:
    """The temperature of a classifier that is fitted to these labels, from its out-of-fold logits.

    1 if there are labels of one class only, or fewer than two labels per class on average, because then most folds lack
    whole classes. Arguments and errors are those of `cross_validated`.
    """
    if not enough_to_calibrate(labels):
        return 1.0
    return cross_validated(classifier, samples, indices, labels, folds=folds, stream=stream).temperature
