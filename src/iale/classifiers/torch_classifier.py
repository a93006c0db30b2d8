"""Any PyTorch module as a classifier: logits from ``forward``, embeddings from a named layer.

Each fit draws the weights that are not frozen anew and trains with Adam on the cross entropy of shuffled batches, until
the last epoch or until the training accuracy is reached. Weights, batch order and dropout masks come from the job's
seed alone, and global random state is restored.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor, nn

from iale._given import shape_of
from iale._warn import warn
from iale.classifiers import _draws as draws
from iale.classifiers import _passes as passing
from iale.classifiers._activations import BUDGET, ON_CPU, samples_at_once
from iale.classifiers._calls import check_logits, find_call, last_linear, mixes_samples
from iale.classifiers._chunks import Chunks
from iale.classifiers._fresh import trained_layer
from iale.classifiers._frozen import reset
from iale.classifiers._global_state import global_seed
from iale.classifiers._modules import (
    DROPOUTS,
    by_channel,
    check_layer,
    check_numbers,
    check_resettable,
    copied,
    device_of,
    initialize,
    is_lazy,
    made,
)
from iale.classifiers._practice import Loss, MakeOptimizer, Practice, check_practice
from iale.classifiers._training import check_job, train
from iale.classifiers.base import FitJob, FittedClassifier, Outputs, TrainingConfig, resolve_device
from iale.classifiers.networks import Network
from iale.classifiers.stacked._train import stackable, train_stacked, width
from iale.data._fields import Field
from iale.data._fingerprint import digest
from iale.data._inputs import as_samples
from iale.data.dictionaries import DictSamples
from iale.data.samples import Samples
from iale.errors import ConfigError, DataError, ModelError, WeightsWarning
from iale.seeding import Stream

_TEMPLATE_SEED = Stream(0).child("template").seed
_CPU = torch.device("cpu")


def _shape(shape: object) -> tuple[int, ...]:
    """Of one input; raises ModelError if it is neither a tuple of integers nor samples."""
    return tuple(shape.shape) if isinstance(shape, Samples) else shape_of(shape)


class TorchClassifier:
    """A recipe around a PyTorch module; it implements `Classifier`.

    Frozen parameters (``requires_grad`` is False) and the buffers of frozen layers keep their values in every fit, and
    frozen normalization stays in evaluation mode. Only the other parameters are drawn and trained.

    Args:
        module: a module, which is copied and never changed, or a function without arguments that makes one. Its
            ``forward`` maps a batch [B, …] of floats or token ids, or the fields of `DictSamples`, to logits [B, C], to
            a tuple that begins with them, or to what has ``logits``.
        shape: of one input, or the samples themselves, which `DictSamples` require. The constructor passes one example
            of zeros through the module to learn C and D.
        training: epochs, batch size, learning rate, early stop, device.
        embedding_layer: dotted name of the layer whose *output* is the embedding. By default, the embedding is the
            *input* of the linear layer (or of the convolution that gives one value a class) that runs last.
        reinitialize: whether every fit draws new weights; ``False`` starts every fit from the module's own weights,
            such as those of a pretrained backbone. By default it does, with a warning if a module's weights look
            trained.
        optimizer: makes an optimizer instead of Adam: a class of `torch.optim`, or a function of parameters, ``lr`` and
            ``weight_decay``.
        loss: maps logits [B, C] and labels (int64 [B]) to a scalar, instead of the cross entropy.

    Raises:
        ConfigError: class weights do not fit the classes or the loss, or an argument is of another type.
        ModelError: the function fails or makes no module; the module has no such layer, cannot be reinitialized, cannot
            read such an input, or does not return at least 2 logits; or the optimizer or the loss fails.

    >>> net = nn.Sequential(nn.Flatten(), nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    >>> classifier = TorchClassifier(net, shape=(1, 2, 2))
    >>> classifier.num_classes, classifier.embedding_dim, classifier.has_dropout
    (2, 3, False)
    """

    def __init__(
        self,
        module: nn.Module | Callable[[], nn.Module],
        shape: tuple[int, ...] | Samples,
        training: TrainingConfig | None = None,
        *,
        embedding_layer: str | None = None,
        reinitialize: bool | None = None,
        optimizer: MakeOptimizer | None = None,
        loss: Loss | None = None,
    ) -> None:
        self.training = TrainingConfig() if training is None else training
        if not isinstance(self.training, TrainingConfig):
            raise ConfigError(f"expected a TrainingConfig, such as TrainingConfig(epochs=50), not {training!r:.60}.")
        if reinitialize not in (None, True, False):
            raise ConfigError(f"reinitialize is True or False, not {reinitialize!r:.60}.")
        self.shape = _shape(shape)
        self.embedding_layer = embedding_layer
        self.reinitialize = reinitialize is None or bool(reinitialize)
        self._make = None if isinstance(module, nn.Module) else module
        self._template = self._first(module)
        if embedding_layer is not None:
            check_layer(self._template, embedding_layer)
        self.has_dropout = any(isinstance(m, DROPOUTS) and m.p > 0 for m in self._template.modules())
        example = self._run_example(shape.fields if isinstance(shape, DictSamples) else ())
        self.num_classes = example.logits.shape[1]
        self.embedding_dim = example.embeddings.shape[1]
        self.chunks = Chunks(self.training.prediction_batch_size or self._samples_at_once())
        self.practice = Practice(self.call, optimizer, loss, self.num_classes)
        check_practice(self.practice, self.training, example.logits)
        if reinitialize is None:
            self._check_fresh()
        self._check_apart()

    @property
    def device(self) -> torch.device:
        """Where fits run; raises ConfigError if this machine lacks the device."""
        return resolve_device(self.training.device)

    @cached_property
    def _stacks(self) -> Chunks:
        """How many classifiers train side by side."""
        return Chunks(width(self._template, self.device))

    def _first(self, module: nn.Module | Callable[[], nn.Module]) -> nn.Module:
        """The module from which all others are made."""
        if not isinstance(module, nn.Module):
            with global_seed(_TEMPLATE_SEED, _CPU):
                first = made(module)
            check_numbers(first)
            return first
        check_numbers(module)
        template = copied(module).cpu()
        if self.reinitialize:
            check_resettable(template)
        return template

    def _check_fresh(self) -> None:
        """Warns if fits are going to draw anew what looks trained; a function's models keep their own weights."""
        redrawn = self._make is None or isinstance(self._template, Network)
        if redrawn and (layer := trained_layer(self._template)) is not None:
            warn(
                f"the weights of {layer!r} look trained, but every fit draws them anew: pass reinitialize=False to "
                f"start from them, or reinitialize=True to draw them.",
                WeightsWarning,
            )

    def _check_apart(self) -> None:
        """Warns if what the model says of a sample depends on the others, which a query puts together at random."""
        with global_seed(_TEMPLATE_SEED, _CPU), torch.no_grad():
            mixed = not isinstance(self._template, Network) and mixes_samples(
                self._template, self.call, self.call.prepare(torch.zeros(1, *self.shape))
            )
        if mixed:
            warn(
                "the model's logits for a sample change with the other samples of its batch, so choices are not to be "
                "trusted: let no layer look across the batch, and pass batch_first=True to recurrent layers and "
                "transformers."
            )

    def _run_example(self, fields: Sequence[Field]) -> Outputs:
        """Outputs for one input of zeros; finds how the model is called, and the layer whose input is the embedding."""
        inputs = torch.zeros(1, *self.shape)
        try:
            # Lazy layers draw their weights in the first pass.
            with global_seed(_TEMPLATE_SEED, _CPU), torch.no_grad():
                self._template.eval()
                self.call = find_call(self._template, inputs, fields)
                inputs = self.call.prepare(inputs)
                check_logits(self._template, self.call, inputs)
                self.last_linear = None
                if self.embedding_layer is None:
                    self.last_linear = last_linear(self._template, self.call, inputs)
                return passing.outputs(self._template, inputs, self.embedding_layer, self.last_linear, self.call)
        except ModelError:
            raise
        except Exception as error:  # the user's own code may fail in any way
            reason = str(error).split("\n", 1)[0] or type(error).__name__
            dtype = next((p.dtype for p in self._template.parameters() if p.is_floating_point()), torch.float32)
            advice = "give it inputs of another shape or change its first layers"
            if len(self.shape) == 3 and self.shape[0] == 1:
                advice += "; arrays [N, T, F] are images, so pass sequences by their name in forward, as {'x': array}"
            if dtype != torch.float32:
                advice = f"inputs are float32 and its weights {str(dtype).removeprefix('torch.')}: call model.float()"
            what = f"a batch of shape {tuple(inputs.shape)}"
            if fields:
                what = "a batch of " + ", ".join(f"{field.name} {(1, *field.shape)}" for field in fields)
                if not self.call.by_keyword:
                    only = next(iter(inspect.signature(self._template.forward).parameters))
                    what += f" as one dictionary, which is its argument {only}"
                    if len(fields) == 1:
                        advice = f"to pass a tensor, call the field {only}, as in {{{only!r}: array}}"
            raise ModelError(f"the model cannot read {what} ({reason}): {advice}.") from error

    def _samples_at_once(self) -> int:
        """How many samples of a prediction fit into the budget of `samples_at_once`."""

        def run(count: int) -> None:
            inputs = torch.zeros(count, *self.shape)
            passing.outputs(self._template, inputs, self.embedding_layer, self.last_linear, self.call)

        wanted = self.training.device  # whether there is such a device shows when a fit begins
        on_cpu = wanted == "cpu" or (wanted == "auto" and self.device.type == "cpu")
        with global_seed(_TEMPLATE_SEED, _CPU), passing.layer_by_layer():
            return samples_at_once(run, passing.CHUNK, budget=ON_CPU if on_cpu else BUDGET)

    def reads(self, samples: object) -> Samples:
        """``samples`` as samples; raises DataError if their inputs are unlike those that the recipe was made for.

        The statistics of a built-in network would be applied to another shape in silence, and fields in another order
        would be taken for one another. A module of one's own may read several shapes.
        """
        found, fields = as_samples(samples), self.call.fields
        if isinstance(self._template, Network) and tuple(found.shape) != self.shape:
            raise DataError(
                f"the classifier was made for inputs of shape {self.shape}, and these have the shape "
                f"{tuple(found.shape)}: make all inputs alike, or make a classifier for these."
            )
        if isinstance(found, DictSamples) and fields and found.fields != fields:
            own, given = (
                ", ".join(f"{field.name} ({str(field.dtype).removeprefix('torch.')} {field.shape})" for field in each)
                for each in (fields, found.fields)
            )
            raise DataError(
                f"the classifier reads the fields {own}, and these samples have {given}: make them alike, in one order "
                f"with DictSamples(…, fields=[…])."
            )
        return found

    def fit_many(self, samples: Samples, jobs: Sequence[FitJob]) -> list[FittedClassifier]:
        """Trains one classifier for each job, side by side if `stacked` can train this network exactly.

        Raises DataError if a job has no samples, a label is out of range, or the inputs are unlike those that the
        recipe was made for; ConfigError if this machine lacks the device; and ModelError if a loss is not finite or
        batch normalization would see a batch of one sample.
        """
        samples = self.reads(samples)
        if not jobs or not self._stackable():
            return [self.fit(samples, job) for job in jobs]
        for job in jobs:
            check_job(job, self.num_classes)
        networks = [by_channel(self.initial_module(Stream(job.seed)).to(self.device)) for job in jobs]
        train_stacked(networks, samples, jobs, self.training, chunks=self._stacks)
        return [FittedTorchClassifier(network.eval(), self, samples.dtype) for network in networks]

    def _stackable(self) -> bool:
        own = self.practice.make_optimizer or self.practice.loss or self.training.class_weights
        return not own and self.device.type != "mps" and stackable(self._template)

    def fit(self, samples: Samples, job: FitJob) -> FittedTorchClassifier:
        """Trains one classifier; raises what `fit_many` raises."""
        samples = self.reads(samples)
        check_job(job, self.num_classes)
        module = by_channel(self.initial_module(Stream(job.seed)).to(self.device))
        train(module, samples, job, self.training, self.device, self.practice)
        return FittedTorchClassifier(module.eval(), self, samples.dtype)

    def fitted(self, module: nn.Module | None = None) -> FittedTorchClassifier:
        """What is fitted already: ``module``, made by `initial_module`, or the recipe's module with its own weights.

        Raises ConfigError if this machine lacks the device.
        """
        module = copied(self._template) if module is None else module
        return FittedTorchClassifier(by_channel(module.to(self.device)).eval(), self)

    def initial_module(self, stream: Stream) -> nn.Module:
        """A fresh copy of the module; all its weights that are not frozen are drawn from ``stream``."""
        if not self.reinitialize:
            return copied(self._template)
        seed = stream.child("init").seed
        if isinstance(self._template, Network):  # counted draws are the same on every device
            return initialize(copy.deepcopy(self._template), draws.keys([seed])[0])
        with global_seed(seed, _CPU):
            if self._make is None:
                return reset(copied(self._template))
            model = made(self._make)
            if model is self._template:  # all fits would train the same weights
                raise ModelError("the function returned one model twice: make a new one at every call.")
            if is_lazy(model):
                with torch.no_grad():
                    self.call(model.eval(), self.call.prepare(torch.zeros(1, *self.shape)))
            return model


@dataclass(frozen=True, eq=False)
class FittedTorchClassifier:
    """A trained ``module``, in evaluation mode, and the ``recipe`` that trained it; implements `FittedClassifier`.

    Attributes:
        dtype: of the inputs that it was trained on; None if that is not known.
    """

    module: nn.Module
    recipe: TorchClassifier
    dtype: torch.dtype | None = None

    def outputs(self, samples: Samples, indices: Tensor) -> Outputs:
        """Outputs for ``indices`` (int64 [N]) with dropout off, computed in chunks.

        Raises DataError for inputs of another type than those of the fit, since only bytes of images are scaled, and
        for what the recipe cannot read.
        """
        source = self.recipe.reads(samples)
        if self.dtype not in (None, source.dtype):
            raise DataError(
                f"the classifier was fitted to inputs of {self.dtype}, and these are {source.dtype}: give both in one "
                f"type, since bytes of images (torch.uint8) are scaled to 0 … 1, and other numbers are not."
            )
        if not len(indices):  # many models cannot read an empty batch
            return Outputs(torch.zeros(0, self.recipe.num_classes), torch.zeros(0, self.recipe.embedding_dim))

        def compute(start: int, stop: int) -> Outputs:
            inputs, recipe = source.batch(indices[start:stop]), self.recipe
            return passing.outputs(self.module, inputs, recipe.embedding_layer, recipe.last_linear, recipe.call)

        parts = list(self.recipe.chunks.run(len(indices), compute))
        return Outputs(torch.cat([part.logits for part in parts]), torch.cat([part.embeddings for part in parts]))

    def monte_carlo(self, samples: Samples, indices: Tensor, passes: int, seed: int) -> Tensor:
        """float32 [K, N, C] probabilities with only dropout on; raises ModelError if the module has no dropout."""
        if not self.recipe.has_dropout:
            raise ModelError(
                "MC-Dropout needs a dropout layer with p > 0 and this model has none: add one or use another strategy."
            )
        samples = self.recipe.reads(samples)
        return passing.monte_carlo(self.module, samples, indices, passes, seed, self.recipe.chunks, self.recipe.call)

    def fingerprint(self) -> str:
        """A digest of the weights, the printed layers, and the device, on which rounding depends."""
        named = [*self.module.named_parameters(), *self.module.named_buffers()]
        tensors = [tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy() for _, tensor in named]
        names = [(name, tensor.dtype, tensor.shape) for name, tensor in named]
        layer, device = self.recipe.embedding_layer, device_of(self.module)
        return digest(type(self.module), repr(self.module), layer, device, names, *tensors)
