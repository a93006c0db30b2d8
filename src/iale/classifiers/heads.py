"""A linear head: multinomial logistic regression on standardized inputs, solved exactly, many heads at once."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from iale.classifiers._folds import stratified_folds
from iale.classifiers._linear import _strengths as strengths
from iale.classifiers._linear._options import check_head
from iale.classifiers._linear._stacks import LabeledSet, fit_heads
from iale.classifiers._practice import class_weights
from iale.classifiers._statistics import Statistics, channel_statistics
from iale.classifiers._training import check_job
from iale.classifiers.base import FitJob, FittedClassifier, Outputs, TrainingConfig
from iale.classifiers.networks import Network, linear
from iale.classifiers.torch_classifier import FittedTorchClassifier, TorchClassifier
from iale.data._inputs import as_samples
from iale.data.samples import Samples
from iale.errors import DataError
from iale.seeding import Stream

_FOLDS = 5
_STREAM = Stream(0).child("folds of a linear head")


class LinearHead:
    """A recipe for linear heads; it implements `Classifier`.

    A fit minimizes, over weights W [C, D] and intercepts b [C], the weighted sum of the cross entropies of the labeled
    samples plus l2/2 · ‖W‖². It is solved until this is proven to be within a millionth of the least: in float32, and
    in float64 where that is too coarse (not on mps). A fit that ends beyond 1e-4 of the least says so in a warning.
    Nothing is drawn, so seeds and the order of the labels change nothing. scikit-learn's ``C`` is 1/l2, or 2/l2 for two
    classes, for which it has one row of weights.

    A class without labels has the logit −log(1 + labels) for every input: it is never predicted, and is never
    impossible. The embedding is the standardized input.

    Args:
        samples: inputs like those to come, as `ActiveLearner` takes them. Their statistics, not their labels,
            standardize the inputs as the networks do: bytes are scaled to 0 … 1, and each channel or feature gets the
            mean 0 and the standard deviation 1.
        num_classes: C.
        training: of which the device, the class weights and the prediction batch size are read.
        l2: the strength. By default it is cross-validated in five folds; with fewer than five labels per class on
            average it is 0.02 · D.
        statistics: mean and standard deviation of each channel, instead of those of ``samples``.

    Raises:
        ConfigError: the strength is not above 0, class weights do not fit, or ``training`` sets what a head has not.

    >>> from iale.data.arrays import ArraySamples
    >>> samples = ArraySamples(np.float32([[0, 0], [0, 1], [3, 0], [3, 1]]))
    >>> head = LinearHead(samples, 2, l2=0.1)
    >>> fitted = head.fit(samples, FitJob(torch.arange(4), torch.tensor([0, 0, 1, 1]), seed=0))
    >>> fitted.outputs(samples, torch.arange(4)).predictions.tolist()
    [0, 0, 1, 1]
    """

    has_dropout = False

    def __init__(
        self,
        samples: object,
        num_classes: int,
        training: TrainingConfig | None = None,
        *,
        l2: float | None = None,
        statistics: Statistics | None = None,
    ) -> None:
        self.training = training or TrainingConfig()
        check_head(self.training, l2)
        inputs = as_samples(samples)
        mean, std = statistics or channel_statistics(inputs)
        make = functools.partial(linear, inputs.shape, num_classes, mean, std)
        self.recipe = TorchClassifier(make, inputs.shape, self.training)
        self.num_classes, self.embedding_dim, self.l2 = num_classes, self.recipe.embedding_dim, l2
        self._dtype = inputs.dtype

    def fit_many(self, samples: Samples, jobs: Sequence[FitJob]) -> list[FittedClassifier]:
        """Fits one head for each job, all at once; the seeds are not read.

        Raises DataError if a job has no samples, a label is out of range or the inputs are of another type or shape,
        and ConfigError if this machine lacks the device.
        """
        return [*self._fit(samples, jobs)] if jobs else []

    def _fit(self, samples: Samples, jobs: Sequence[FitJob]) -> list[FittedLinearHead]:
        sizes, labels = [len(job.indices) for job in jobs], torch.cat([job.labels for job in jobs])
        if min(sizes) == 0 or not 0 <= int(labels.min()) <= int(labels.max()) < self.num_classes:
            for job in jobs:
                check_job(job, self.num_classes)
        samples = self.recipe.reads(samples)
        rows, places = torch.unique(torch.cat([job.indices for job in jobs]), return_inverse=True)
        if samples.dtype != self._dtype:
            raise DataError(
                f"the head was made for inputs of {self._dtype}, and these are {samples.dtype}: make it for these, as "
                f"bytes of images (torch.uint8) are scaled to 0 … 1, and other numbers are not."
            )
        features = self._features(samples.batch(rows))
        sets = self._labeled(places, labels, sizes)
        chosen = self._strengths(features, sets)
        heads = fit_heads(features, sets, self.num_classes, chosen)
        weights, intercepts, pixels = heads.weights.cpu(), heads.intercepts.cpu(), samples.dtype == torch.uint8
        found = zip(weights, intercepts, chosen.tolist(), strict=True)
        return [FittedLinearHead(self.recipe, weight, bias, l2, pixels) for weight, bias, l2 in found]

    def fit(self, samples: Samples, job: FitJob) -> FittedLinearHead:
        """Fits one head; raises what `fit_many` raises."""
        return self._fit(samples, [job])[0]

    @cached_property
    def _network(self) -> Network:
        network = self.recipe.initial_module(Stream(0))
        assert isinstance(network, Network)
        return network

    def _features(self, inputs: Tensor) -> Tensor:
        """[U, D] on the device: what the network's linear layer reads."""
        with torch.no_grad():
            return self._network.features(inputs).to(self.recipe.device)

    def _labeled(self, rows: Tensor, labels: Tensor, sizes: list[int]) -> list[LabeledSet]:
        """In the order of the samples, so that the order of the labels does not even change the rounding."""
        owners = torch.repeat_interleave(torch.tensor(sizes))
        order = torch.argsort((owners * (1 + rows.max()) + rows) * self.num_classes + labels)
        found = []
        for own, said in zip(*(each[order].split_with_sizes(sizes) for each in (rows, labels)), strict=True):
            counted = class_weights(said, self.num_classes, self.training)
            found.append(LabeledSet(own, said, torch.ones(len(said)) if counted is None else counted[said]))
        return found

    def _strengths(self, features: Tensor, sets: Sequence[LabeledSet]) -> Tensor:
        """The L2 strength of each set, [len(sets)]."""
        default = strengths.DEFAULT * features.shape[1] if self.l2 is None else self.l2
        found = features.new_full((len(sets),), default)
        if self.l2 is not None:
            return found
        enough = [place for place, own in enumerate(sets) if len(own.rows) >= _FOLDS * own.seen]
        if enough:
            tried = [sets[place] for place in enough]
            folds = [stratified_folds(own.rows, own.labels, _FOLDS, _STREAM) for own in tried]
            found[enough] = strengths.choose(features, tried, folds, self.num_classes)
        return found


@dataclass(frozen=True, eq=False)
class FittedLinearHead:
    """A fitted head; it implements `FittedClassifier`.

    Attributes:
        recipe: its network, which makes predictions and reads kept weights.
        weight: [C, D], for standardized inputs.
        bias: [C].
        l2: the strength it was fitted with.
        pixels: whether it was fitted to bytes, which the network scales to 0 … 1.
    """

    recipe: TorchClassifier
    weight: Tensor
    bias: Tensor
    l2: float
    pixels: bool

    @cached_property
    def fitted(self) -> FittedTorchClassifier:
        """The head as a fitted network."""
        module = self.recipe.fitted().module
        assert isinstance(module, Network)
        last = module.head[-1]
        assert isinstance(last, nn.Linear)
        with torch.no_grad():
            last.weight.copy_(self.weight)
            last.bias.copy_(self.bias)
        return FittedTorchClassifier(module, self.recipe, torch.uint8 if self.pixels else torch.float32)

    @property
    def module(self) -> nn.Module:
        """The network: standardization, then one `torch.nn.Linear`, which is the last part of its ``head``."""
        return self.fitted.module

    @property
    def coef(self) -> NDArray[np.float64]:
        """float64 [C, D], of the *raw* inputs: ``X @ coef.T + intercept`` are the logits, as in scikit-learn."""
        return self._raw[0]

    @property
    def intercept(self) -> NDArray[np.float64]:
        """float64 [C], of the raw inputs."""
        return self._raw[1]

    @cached_property
    def _raw(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        module = self.module
        assert isinstance(module, Network)
        standardize = module.standardize
        repeat = self.weight.shape[1] // len(standardize.mean)
        mean, std = (part.double().cpu().repeat_interleave(repeat) for part in (standardize.mean, standardize.std))
        scaled = self.weight.double() / std
        intercept = self.bias.double() - scaled @ mean
        return (scaled / 255 if self.pixels else scaled).numpy(), intercept.numpy()

    def outputs(self, samples: Samples, indices: Tensor) -> Outputs:
        """Outputs for ``indices`` (int64 [N]); the embeddings are the standardized inputs."""
        return self.fitted.outputs(samples, indices)

    def monte_carlo(self, samples: Samples, indices: Tensor, passes: int, seed: int) -> Tensor:
        """Raises ModelError: a linear head has no dropout."""
        return self.fitted.monte_carlo(samples, indices, passes, seed)

    def fingerprint(self) -> str:
        """A digest of the weights and the device."""
        return self.fitted.fingerprint()
