"""Any PyTorch module as a classifier: logits from ``forward``, embeddings from a named layer.

Each fit draws the weights anew and trains with Adam on the cross entropy of shuffled batches, until the last epoch or
until the training accuracy is reached. Weights, batch order and dropout masks come from the job's seed alone, and
global random state is restored.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from iale.classifiers import _draws as draws
from iale.classifiers import _passes as passing
from iale.classifiers._activations import samples_at_once
from iale.classifiers._chunks import Chunks
from iale.classifiers._global_state import global_seed
from iale.classifiers._modules import (
    DROPOUTS,
    by_channel,
    check_layer,
    check_resettable,
    device_of,
    initialize,
    last_linear,
    reset,
)
from iale.classifiers._training import check_job, train
from iale.classifiers.base import FitJob, FittedClassifier, Outputs, TrainingConfig, resolve_device
from iale.classifiers.networks import Network
from iale.classifiers.stacked._train import stackable, train_stacked, width
from iale.data._fingerprint import digest
from iale.data.samples import Samples
from iale.errors import ModelError
from iale.seeding import Stream

_TEMPLATE_SEED = Stream(0).child("template").seed
_CPU = torch.device("cpu")


class TorchClassifier:
    """A recipe around a PyTorch module; it implements `Classifier`.

    Args:
        module: a module, which is copied and never changed, or a function without arguments that makes one. Its
            ``forward`` maps a batch [B, …] to logits [B, C].
        shape: of one input. The constructor passes one example of zeros through the module to learn C and D.
        training: epochs, batch size, learning rate, early stop, device.
        embedding_layer: dotted name of the layer whose *output* is the embedding. By default, the embedding is the
            *input* of the linear layer that runs last.
        reinitialize: whether every fit draws new weights; ``False`` starts every fit from the module's own weights,
            such as those of a pretrained backbone.

    Raises:
        ModelError: the module has no such layer, cannot be reinitialized, cannot read such an input, or does not
            return [B, C].

    >>> net = nn.Sequential(nn.Flatten(), nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    >>> classifier = TorchClassifier(net, shape=(1, 2, 2))
    >>> classifier.num_classes, classifier.embedding_dim, classifier.has_dropout
    (2, 3, False)
    """

    def __init__(
        self,
        module: nn.Module | Callable[[], nn.Module],
        shape: tuple[int, ...],
        training: TrainingConfig | None = None,
        *,
        embedding_layer: str | None = None,
        reinitialize: bool = True,
    ) -> None:
        self.training = training or TrainingConfig()
        self.shape = tuple(shape)
        self.embedding_layer = embedding_layer
        self.reinitialize = reinitialize
        self.device = resolve_device(self.training.device)
        self._make: Callable[[], nn.Module] | None = None
        if isinstance(module, nn.Module):
            self._template = copy.deepcopy(module).cpu()
            if reinitialize:
                check_resettable(self._template)
        else:
            with global_seed(_TEMPLATE_SEED, _CPU):
                self._template = module()
            self._make = module
        if embedding_layer is not None:
            check_layer(self._template, embedding_layer)
        self.has_dropout = any(isinstance(m, DROPOUTS) and m.p > 0 for m in self._template.modules())
        example = self._run_example()
        self.num_classes = example.logits.shape[1]
        self.embedding_dim = example.embeddings.shape[1]
        self.chunks = Chunks(self.training.prediction_batch_size or self._samples_at_once())
        self.stacks = Chunks(width(self._template, self.device))

    def _run_example(self) -> Outputs:
        """Outputs for one input of zeros; finds the linear layer that runs last."""
        inputs = torch.zeros(1, *self.shape)
        try:
            with global_seed(_TEMPLATE_SEED, _CPU):  # lazy layers draw their weights in the first pass
                self.last_linear = last_linear(self._template, inputs) if self.embedding_layer is None else None
                return passing.outputs(self._template, inputs, self.embedding_layer, self.last_linear)
        except ModelError:
            raise
        except Exception as error:  # the user's own code may fail in any way
            reason = str(error).split("\n", 1)[0] or type(error).__name__
            raise ModelError(
                f"the model cannot read a batch of shape {tuple(inputs.shape)} ({reason}): give it inputs of another "
                f"shape or change its first layers."
            ) from error

    def _samples_at_once(self) -> int:
        """How many samples of a prediction fit into the budget of `samples_at_once`."""

        def run(count: int) -> None:
            inputs = torch.zeros(count, *self.shape)
            passing.outputs(self._template, inputs, self.embedding_layer, self.last_linear)

        with global_seed(_TEMPLATE_SEED, _CPU), passing.layer_by_layer():
            return samples_at_once(run, passing.CHUNK)

    def fit_many(self, samples: Samples, jobs: Sequence[FitJob]) -> list[FittedClassifier]:
        """Trains one classifier for each job, side by side if `stacked` can train this network exactly.

        Raises DataError if a job has no samples or a label is out of range, and ModelError if a loss is not finite or
        batch normalization would see a batch of one sample.
        """
        if not jobs or not stackable(self._template):
            return [self.fit(samples, job) for job in jobs]
        for job in jobs:
            check_job(job, self.num_classes)
        networks = [by_channel(self.initial_module(Stream(job.seed)).to(self.device)) for job in jobs]
        train_stacked(networks, samples, jobs, self.training, chunks=self.stacks)
        return [FittedTorchClassifier(network.eval(), self) for network in networks]

    def fit(self, samples: Samples, job: FitJob) -> FittedTorchClassifier:
        """Trains one classifier; raises what `fit_many` raises."""
        check_job(job, self.num_classes)
        module = by_channel(self.initial_module(Stream(job.seed)).to(self.device))
        train(module, samples, job, self.training, self.device)
        return FittedTorchClassifier(module.eval(), self)

    def initial_module(self, stream: Stream) -> nn.Module:
        """A fresh copy of the module, its weights drawn from ``stream``."""
        if not self.reinitialize:
            return copy.deepcopy(self._template)
        seed = stream.child("init").seed
        if isinstance(self._template, Network):  # counted draws are the same on every device
            return initialize(copy.deepcopy(self._template), draws.keys([seed])[0])
        with global_seed(seed, _CPU):
            if self._make is None:
                return reset(copy.deepcopy(self._template))
            made = self._make()
            if made is self._template:  # all fits would train the same weights
                raise ModelError("the function returned one model twice: make a new one at every call.")
            return made


@dataclass(frozen=True, eq=False)
class FittedTorchClassifier:
    """A trained ``module``, in evaluation mode, and the ``recipe`` that trained it; implements `FittedClassifier`."""

    module: nn.Module
    recipe: TorchClassifier

    def outputs(self, samples: Samples, indices: Tensor) -> Outputs:
        """Outputs for ``indices`` (int64 [N]) with dropout off, computed in chunks."""

        def compute(start: int, stop: int) -> Outputs:
            inputs = samples.batch(indices[start:stop])
            return passing.outputs(self.module, inputs, self.recipe.embedding_layer, self.recipe.last_linear)

        parts = list(self.recipe.chunks.run(len(indices), compute))
        return Outputs(torch.cat([part.logits for part in parts]), torch.cat([part.embeddings for part in parts]))

    def monte_carlo(self, samples: Samples, indices: Tensor, passes: int, seed: int) -> Tensor:
        """float32 [K, N, C] probabilities with only dropout on; raises ModelError if the module has no dropout."""
        if not self.recipe.has_dropout:
            raise ModelError(
                "MC-Dropout needs a dropout layer with p > 0 and this model has none: add one or use another strategy."
            )
        return passing.monte_carlo(self.module, samples, indices, passes, seed, self.recipe.chunks)

    def fingerprint(self) -> str:
        """A digest of the weights, the printed layers, and the device, on which rounding depends."""
        named = [*self.module.named_parameters(), *self.module.named_buffers()]
        tensors = [tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy() for _, tensor in named]
        names = [(name, tensor.dtype, tensor.shape) for name, tensor in named]
        layer, device = self.recipe.embedding_layer, device_of(self.module)
        return digest(type(self.module), repr(self.module), layer, device, names, *tensors)
