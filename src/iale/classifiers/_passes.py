"""Forward passes of a trained module: one without dropout, or several with it.

Dimensions: N samples, C classes, D width of the embedding, K Monte-Carlo passes.
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from iale.classifiers import _draws as draws
from iale.classifiers._chunks import Chunks
from iale.classifiers._global_seed import global_seed
from iale.classifiers._modules import DROPOUTS, as_float, device_of
from iale.classifiers.base import Outputs
from iale.classifiers.networks import Dropout, Network
from iale.data.samples import Samples
from iale.errors import ModelError
from iale.seeding import Stream

CHUNK = 500
"""Samples of one forward pass, as long as memory suffices."""


def outputs(module: nn.Module, inputs: Tensor, layer: str | None, linear: str | None) -> Outputs:
    """Logits and embeddings for inputs [N, …].

    Args:
        module: switched to evaluation mode.
        inputs: raw, on any device.
        layer: the layer whose output is the embedding; None takes the input of ``linear``.
        linear: the linear layer that runs last.

    Raises:
        ModelError: the logits or the embeddings do not have the right shape, or the layer runs more than once.
    """
    caught: list[object] = []
    if layer is None:
        hook = module.get_submodule(linear or "").register_forward_pre_hook(lambda _, args: caught.append(args[0]))
    else:
        # Copied, because an activation that follows may overwrite it in place.
        hook = module.get_submodule(layer).register_forward_hook(lambda _, args, out: caught.append(copy.deepcopy(out)))
    module.eval()
    try:
        with torch.no_grad():
            logits = module(as_float(inputs.to(device_of(module)), module))
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


def monte_carlo(module: nn.Module, samples: Samples, indices: Tensor, passes: int, seed: int, chunks: Chunks) -> Tensor:
    """float32 [K, N, C] probabilities with dropout on and everything else in evaluation mode.

    Args:
        module: as it was left by training; unchanged afterwards.
        samples: the inputs.
        indices: int64 [N].
        passes: K.
        seed: of all masks.
        chunks: how many samples are computed at a time; their number changes no mask of a `Dropout`.
    """
    module.eval()
    dropouts = [m for m in module.modules() if isinstance(m, DROPOUTS)]
    counted = [m for m in dropouts if isinstance(m, Dropout)]
    device, stream = device_of(module), Stream(seed)
    (key,) = draws.keys([stream.child("passes").seed], device)
    for dropout in dropouts:
        dropout.train()
    parts: list[Tensor] = []
    try:
        with torch.no_grad(), _layer_by_layer(), global_seed(stream.child("module").seed, device):
            for number, rows in enumerate(torch.split(indices, CHUNK)):
                drawing = _Passes(module, counted, draws.fold(key, number), passes)

                def compute(start: int, stop: int, rows: Tensor = rows, drawing: _Passes = drawing) -> Tensor:
                    return drawing.probs(samples.batch(rows[start:stop]).to(device), start)

                parts += chunks.run(len(rows), compute)
    finally:
        for drop in counted:
            drop.first = 0
        module.eval()
    return torch.cat(parts, dim=1)


class _Passes:
    """K passes over one chunk of samples or over a part of it."""

    def __init__(self, module: nn.Module, dropouts: list[Dropout], key: Tensor, passes: int) -> None:
        self._module, self._dropouts, self._key, self._passes = module, dropouts, key, passes

    def probs(self, inputs: Tensor, start: int) -> Tensor:
        """float32 [K, n, C] for inputs that begin at sample ``start`` of the chunk."""
        inputs = as_float(inputs, self._module)
        rest: Callable[[Tensor], Tensor] = self._module
        if isinstance(self._module, Network):  # its trunk has no dropout, so it is the same in every pass
            inputs, rest = self._module.features(inputs), self._module.head
        rows = []
        for number in range(self._passes):
            key = draws.fold(self._key, number)
            for layer, dropout in enumerate(self._dropouts):
                dropout.key, dropout.first = draws.fold(key, layer), start
            # Copied, because a user's model may overwrite its input in place.
            rows.append(torch.softmax(rest(inputs.clone()), dim=-1).float().cpu())
        return torch.stack(rows)


@contextlib.contextmanager
def _layer_by_layer() -> Iterator[None]:
    """Makes transformers run layer by layer: their fused inference path skips dropout."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)
