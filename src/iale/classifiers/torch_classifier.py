"""Any PyTorch module as a classifier: logits from ``forward``, embeddings from a named layer.

One fit is: weights drawn anew, Adam on the cross entropy of shuffled batches, until the epochs are over or the training
accuracy is reached. Weights, batch order and dropout masks come from the job's seed; global random state is put back.
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from iale.classifiers import _draws as draws
from iale.classifiers._chunks import Chunks
from iale.classifiers._precision import arithmetic
from iale.classifiers.base import FitJob, FittedClassifier, Outputs, TrainingConfig, resolve_device
from iale.classifiers.networks import Dropout, Network, initialize
from iale.classifiers.stacked._train import stackable, train_stacked, width
from iale.data._fingerprint import digest
from iale.data.samples import Samples
from iale.errors import DataError, ModelError
from iale.seeding import Stream

_CHUNK = 500
_TEMPLATE_SEED = Stream(0).child("template").seed
_DROPOUTS = (
    Dropout,
    nn.Dropout,
    nn.Dropout1d,
    nn.Dropout2d,
    nn.Dropout3d,
    nn.AlphaDropout,
    nn.FeatureAlphaDropout,
)
_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


class TorchClassifier:
    """A recipe around a PyTorch module; it implements `Classifier`.

    Args:
        module: the user's module as it is, or a function without arguments that makes one. A module is copied, never
            changed. Its ``forward`` maps a batch [B, …] to logits [B, C].
        shape: the shape of one input; the constructor runs one example through to learn C and D.
        training: epochs, batch size, learning rate, early stop, device.
        embedding_layer: dotted name of the layer whose *output* is the embedding; by default the *input* of the
            linear layer that runs last is.
        reinitialize: draw the weights anew for every fit; ``False`` starts every fit from the module's own weights
            (a pretrained backbone).

    Raises:
        ModelError: the module has no such layer, cannot be re-initialised, cannot read such an input or does not
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
        self.chunks = Chunks(_CHUNK)
        if isinstance(module, nn.Module):
            self._template = copy.deepcopy(module).cpu()
            self._make: Callable[[], nn.Module] | None = None
            if reinitialize:
                _check_resettable(self._template)
        else:
            with _global_seed(_TEMPLATE_SEED, torch.device("cpu")):
                self._template = module()
            self._make = module
        if embedding_layer is not None and embedding_layer not in dict(self._template.named_modules()):
            named = ", ".join(name for name, _ in self._template.named_modules() if name)
            raise ModelError(f"the model has no layer {embedding_layer!r} for the embeddings: its layers are {named}.")
        self.has_dropout = any(isinstance(m, _DROPOUTS) and m.p > 0 for m in self._template.modules())
        example = self._run_example()
        self.num_classes = example.logits.shape[1]
        self.embedding_dim = example.embeddings.shape[1]
        self.stacks = Chunks(width(self._template, self.device))

    def _run_example(self) -> Outputs:
        """Outputs for one input of zeros; finds the linear layer that runs last."""
        inputs = torch.zeros(1, *self.shape)
        try:
            # Lazy layers draw their weights in the first pass.
            with _global_seed(_TEMPLATE_SEED, torch.device("cpu")):
                if self.embedding_layer is None:
                    self.last_linear = _last_linear(self._template, inputs)
                return FittedTorchClassifier(self._template, self).raw(inputs)
        except ModelError:
            raise
        except Exception as error:  # the user's own code may fail in any way
            reason = str(error).split("\n", 1)[0] or type(error).__name__
            raise ModelError(
                f"the model cannot read a batch of shape {tuple(inputs.shape)} ({reason}): give it inputs of another "
                f"shape or change its first layers."
            ) from error

    def fit_many(self, samples: Samples, jobs: Sequence[FitJob]) -> list[FittedClassifier]:
        """Trains one classifier for each job: side by side where `stacked` can and gains, else one after another."""
        if not jobs or not stackable(self._template):
            return [self.fit(samples, job) for job in jobs]
        for job in jobs:
            _check_job(job, self.num_classes)
        networks = [_by_channel(self.initial_module(Stream(job.seed)).to(self.device)) for job in jobs]
        train_stacked(networks, samples, jobs, self.training, chunks=self.stacks)
        return [FittedTorchClassifier(network.eval(), self) for network in networks]

    def fit(self, samples: Samples, job: FitJob) -> FittedTorchClassifier:
        """Trains one classifier.

        Raises:
            DataError: there is nothing to train on, or a label is out of range.
            ModelError: the loss is not finite, or batch normalisation would meet a batch of one sample.
        """
        _check_job(job, self.num_classes)
        stream = Stream(job.seed)
        config, device, n = self.training, self.device, len(job.indices)
        module = _by_channel(self.initial_module(stream).to(device))
        if _has_norm(module) and min(n, config.batch_size) == 1:
            raise ModelError(
                "batch normalization cannot learn from one sample at a time: label another sample, or use a batch "
                "size of at least 2."
            )
        module.train()
        inputs = samples.batch(job.indices).to(device)
        labels = job.labels.to(device)
        order_key, drop_key = draws.keys([stream.child(x).seed for x in ("batches", "dropout")], device)
        dropouts = [m for m in module.modules() if isinstance(m, Dropout)]
        optimizer = torch.optim.Adam(module.parameters(), lr=config.learning_rate, fused=device.type in ("cpu", "cuda"))
        steps = torch.arange(config.epochs * (-(-n // config.batch_size)), dtype=torch.int32, device=device)
        layers = torch.arange(len(dropouts), dtype=torch.int32, device=device)
        drop_keys = draws.fold(draws.fold(drop_key, steps)[:, None], layers)  # [steps, layers, 2]
        step = 0
        rounded = torch.autocast(
            device.type, torch.bfloat16, enabled=config.precision == "bf16" and device.type == "cuda"
        )
        with _global_seed(stream.child("module").seed, device), arithmetic(config.precision, device):
            for epoch in range(config.epochs):
                correct = torch.zeros((), dtype=torch.int64, device=device)
                order = draws.permutation(draws.fold(order_key, epoch), n)
                for batch in _batches(order, config.batch_size, module):
                    for dropout, key in zip(dropouts, drop_keys[step], strict=True):
                        dropout.key = key
                    with rounded:
                        logits = module(as_float(inputs[batch], module))
                        loss = nn.functional.cross_entropy(logits, labels[batch])
                    optimizer.zero_grad(set_to_none=True)
                    loss.backward()  # type: ignore[no-untyped-call]
                    optimizer.step()
                    correct += (logits.argmax(dim=1) == labels[batch]).sum()
                    step += 1
                if config.stop_accuracy is not None and int(correct) / n >= config.stop_accuracy:
                    break
        if not bool(torch.isfinite(loss)):
            raise ModelError(
                "training ended with a loss that is not finite: lower the learning rate or check the inputs."
            )
        return FittedTorchClassifier(module.eval(), self)

    def initial_module(self, stream: Stream) -> nn.Module:
        """A fresh copy of the network with its weights drawn from ``stream``."""
        if not self.reinitialize:
            return copy.deepcopy(self._template)
        if isinstance(self._template, Network):
            network = copy.deepcopy(self._template)
            initialize(network, draws.keys([stream.child("init").seed])[0])
            return network
        with _global_seed(stream.child("init").seed, torch.device("cpu")):
            if self._make is not None:
                made = self._make()
                if made is self._template:
                    raise ModelError("the function returned one model twice: make a new one at every call.")
                return made
            module = copy.deepcopy(self._template)
            for part in module.modules():
                reset = getattr(part, "reset_parameters", None)
                if callable(reset):
                    reset()
        return module


@dataclass(frozen=True, eq=False)
class FittedTorchClassifier:
    """A trained module; it implements `FittedClassifier`."""

    module: nn.Module
    recipe: TorchClassifier

    def outputs(self, samples: Samples, indices: Tensor) -> Outputs:
        """Outputs for ``indices`` with dropout off, computed in chunks."""

        def compute(start: int, stop: int) -> Outputs:
            return self.raw(samples.batch(indices[start:stop]))

        parts = list(self.recipe.chunks.run(len(indices), compute))
        return Outputs(
            torch.cat([part.logits for part in parts]),
            torch.cat([part.embeddings for part in parts]),
        )

    def fingerprint(self) -> str:
        """A digest of the weights, of the layers as they print themselves, and of the device."""
        named = [*self.module.named_parameters(), *self.module.named_buffers()]
        tensors = [tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy() for _, tensor in named]
        names = [(name, tensor.dtype, tensor.shape) for name, tensor in named]
        return digest(type(self.module), repr(self.module), self.recipe.embedding_layer, self._device, names, *tensors)

    def raw(self, inputs: Tensor) -> Outputs:
        """Outputs for inputs [N, …] that are at hand."""
        caught: list[object] = []
        name = self.recipe.embedding_layer
        if name is None:
            layer = self.module.get_submodule(self.recipe.last_linear)
            hook = layer.register_forward_pre_hook(lambda _, args: caught.append(args[0]))
        else:
            layer = self.module.get_submodule(name)
            # Copied, because the activation behind it may work in place.
            hook = layer.register_forward_hook(lambda _, args, out: caught.append(copy.deepcopy(out)))
        self.module.eval()
        try:
            with torch.no_grad():
                logits = self.module(as_float(inputs.to(self._device), self.module))
        finally:
            hook.remove()
        if not isinstance(logits, Tensor) or logits.dim() != 2:
            raise ModelError("the model's forward must return logits of shape [batch, classes].")
        if len(caught) != 1:
            raise ModelError(
                f"the embedding layer ran {len(caught)} times in one forward pass, once was expected: "
                f"name another embedding_layer."
            )
        (embeddings,) = caught
        if not isinstance(embeddings, Tensor) or len(embeddings) != len(logits):
            raise ModelError("the embedding layer must give one tensor [batch, …]: name another embedding_layer.")
        return Outputs(logits.float().cpu(), embeddings.flatten(1).float().cpu())

    def monte_carlo(self, samples: Samples, indices: Tensor, passes: int, seed: int) -> Tensor:
        """float32 [K, N, C] probabilities with dropout on and everything else in evaluation mode."""
        if not self.recipe.has_dropout:
            raise ModelError(
                "MC-Dropout needs a dropout layer with p > 0 and this model has none: add one or use another strategy."
            )
        module = self.module.eval()
        dropouts = [m for m in module.modules() if isinstance(m, _DROPOUTS)]
        counted = [m for m in dropouts if isinstance(m, Dropout)]
        stream = Stream(seed)
        (key,) = draws.keys([stream.child("passes").seed], self._device)
        for dropout in dropouts:
            dropout.train()
        parts: list[Tensor] = []
        try:
            with torch.no_grad(), _layer_by_layer(), _global_seed(stream.child("module").seed, self._device):
                for number, chunk in enumerate(torch.split(indices, _CHUNK)):

                    def compute(start: int, stop: int, number: int = number, chunk: Tensor = chunk) -> Tensor:
                        inputs = as_float(samples.batch(chunk[start:stop]).to(self._device), module)
                        rest: Callable[[Tensor], Tensor] = module
                        if isinstance(module, Network):
                            inputs, rest = module.features(inputs), module.head
                        rows = []
                        for pass_ in range(passes):
                            for layer, dropout in enumerate(counted):
                                pass_key = draws.fold(draws.fold(key, number), pass_)
                                dropout.key, dropout.first = draws.fold(pass_key, layer), start
                            # Copied, because the model of a user may work on its input in place.
                            rows.append(torch.softmax(rest(inputs.clone()), dim=-1).float().cpu())
                        return torch.stack(rows)

                    parts += self.recipe.chunks.run(len(chunk), compute)
        finally:
            for drop in counted:
                drop.first = 0
            module.eval()
        return torch.cat(parts, dim=1)

    @property
    def _device(self) -> torch.device:
        parameter = next(self.module.parameters(), None)
        return torch.device("cpu") if parameter is None else parameter.device


def as_float(inputs: Tensor, module: nn.Module) -> Tensor:
    """Inputs as the module expects them: our networks standardise raw bytes, others get floats in [0, 1]."""
    if isinstance(module, Network):
        return inputs.contiguous(memory_format=torch.channels_last) if inputs.dim() == 4 else inputs
    # Not channels last, which `x.view(len(x), -1)` could not flatten.
    return inputs if inputs.is_floating_point() else inputs.float() / 255


def _by_channel(module: nn.Module) -> nn.Module:
    """Our networks read images with their channels last, in which convolutions are fastest; others as they are."""
    if isinstance(module, Network):
        module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return module


@contextlib.contextmanager
def _global_seed(seed: int, device: torch.device) -> Iterator[None]:
    """Seeds the global generators of the CPU and ``device`` for modules that draw from them, and puts them back.

    ``torch.manual_seed`` would seed every other GPU too, and for good.
    """
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.default_generator.manual_seed(seed)
        for gpu in devices:
            with torch.cuda.device(gpu):
                torch.cuda.manual_seed(seed)
        yield


@contextlib.contextmanager
def _layer_by_layer() -> Iterator[None]:
    """Transformers run layer by layer: their fused inference path leaves dropout out."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)


def _batches(order: Tensor, size: int, module: nn.Module) -> list[Tensor]:
    """Batches in order; batch normalisation cannot learn from one sample, so it is never left alone."""
    batches = list(torch.split(order, size))
    if len(batches) > 1 and len(batches[-1]) == 1 and _has_norm(module):
        batches[-2:] = [torch.cat(batches[-2:])]
    return batches


def _has_norm(module: nn.Module) -> bool:
    return any(isinstance(m, _NORMS) for m in module.modules())


def _check_job(job: FitJob, num_classes: int) -> None:
    if len(job.indices) == 0:
        raise DataError("there are no labeled samples to train on: label some first.")
    if not 0 <= int(job.labels.min()) <= int(job.labels.max()) < num_classes:
        raise DataError(
            f"labels run from {int(job.labels.min())} to {int(job.labels.max())}: a classifier of "
            f"{num_classes} classes takes 0 to {num_classes - 1}."
        )


def _last_linear(module: nn.Module, inputs: Tensor) -> str:
    """The name of the linear layer that runs last, which need not be the one that was made last."""
    ran: list[str] = []
    hooks = [
        part.register_forward_hook(lambda *_, name=name: ran.append(name))
        for name, part in module.named_modules()
        if isinstance(part, nn.Linear)
    ]
    module.eval()
    try:
        with torch.no_grad():
            module(inputs)
    finally:
        for hook in hooks:
            hook.remove()
    if not ran:
        raise ModelError("the model has no linear layer whose input could be the embedding: pass embedding_layer.")
    return ran[-1]


def _check_resettable(module: nn.Module) -> None:
    for name, part in module.named_modules():
        own = list(part.parameters(recurse=False))
        if own and not callable(getattr(part, "reset_parameters", None)):
            raise ModelError(
                f"the weights of {name or type(part).__name__!r} cannot be drawn anew (no reset_parameters): "
                f"pass a function that makes the model, or TorchClassifier(model, shape, reinitialize=False)."
            )
