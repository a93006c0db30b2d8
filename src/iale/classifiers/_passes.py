"""Forward passes of a trained module: one without dropout, or several with it.

Dimensions: N samples, C classes, D width of the embedding, K Monte-Carlo passes.
"""

from __future__ import annotations

import contextlib
import copy
import functools
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from iale.classifiers import _draws as draws
from iale.classifiers._calls import Call
from iale.classifiers._chunks import Chunks
from iale.classifiers._global_state import global_seed
from iale.classifiers._modules import DROPOUTS, as_float, device_of
from iale.classifiers.base import Outputs
from iale.classifiers.networks import Dropout, Network
from iale.data.samples import Samples
from iale.errors import ModelError
from iale.seeding import Stream

CHUNK = 500
"""Samples of one forward pass at most, and samples whose dropout masks come from one key."""


def outputs(
    module: nn.Module, inputs: Tensor, layer: str | None, linear: str | None, call: Call | None = None
) -> Outputs:
    """Logits and embeddings for raw inputs [N, …] on any device; switches ``module`` to evaluation mode.

    The embedding is the output of ``layer`` or, if that is None, the input of ``linear``, the layer that runs last; it
    is empty, [N, 0], if there is neither. Raises ModelError if a shape is not right, or the layer runs more than once.
    """
    caught: list[object] = []
    call = call or Call()
    if layer is None and linear is None:
        module.eval()
        with torch.no_grad():
            logits = call(module, call.prepare(inputs.to(device_of(module))))
        return Outputs(logits.float().cpu(), logits.new_zeros(len(logits), 0).float().cpu())
    if layer is None:
        hook = module.get_submodule(linear or "").register_forward_pre_hook(
            lambda _, args, named: caught.append(next(iter((*args, *named.values())))), with_kwargs=True
        )
    else:
        # Copied, because an activation that follows may overwrite it in place.
        hook = module.get_submodule(layer).register_forward_hook(lambda _, args, out: caught.append(copy.deepcopy(out)))
    module.eval()
    try:
        with torch.no_grad():
            logits = call(module, call.prepare(inputs.to(device_of(module))))
    finally:
        hook.remove()
    if len(caught) != 1:
        raise ModelError(
            f"the embedding layer ran {len(caught)} times in one forward pass, once was expected: "
            f"name another embedding_layer."
        )
    (embeddings,) = caught
    if not isinstance(embeddings, Tensor) or len(embeddings) != len(logits):
        raise ModelError("the embedding layer must give one tensor [batch, …]: name another embedding_layer.")
    return Outputs(logits.float().cpu(), embeddings.flatten(1).float().cpu())


def monte_carlo(
    module: nn.Module,
    samples: Samples,
    indices: Tensor,
    passes: int,
    seed: int,
    chunks: Chunks,
    call: Call | None = None,
) -> Tensor:
    """float32 [K, N, C] probabilities with dropout on and everything else in evaluation mode.

    ``seed`` determines all masks. The number of samples in a chunk changes no mask of a `Dropout`.
    """
    module.eval()
    call = call or Call()
    dropouts = [m for m in module.modules() if isinstance(m, DROPOUTS)]
    counted = [m for m in dropouts if isinstance(m, Dropout)]
    device, stream = device_of(module), Stream(seed)
    (key,) = draws.keys([stream.child("passes").seed], device)
    for dropout in dropouts:
        dropout.train()
    parts: list[Tensor] = []
    try:
        with torch.no_grad(), layer_by_layer(), global_seed(stream.child("module").seed, device):
            for number, rows in enumerate(torch.split(indices, CHUNK)):
                keys = draws.mask_keys(draws.fold(key, number), passes, len(counted))

                def compute(start: int, stop: int, rows: Tensor = rows, keys: Tensor = keys) -> Tensor:
                    inputs = call.prepare(samples.batch(rows[start:stop]).to(device))
                    return _probs(module, inputs, start, (counted, keys), call)

                parts += chunks.run(len(rows), compute)
    finally:
        for drop in counted:
            drop.first = 0
        module.eval()
    return torch.cat(parts, dim=1)


def _probs(module: nn.Module, inputs: Tensor, start: int, masks: tuple[list[Dropout], Tensor], call: Call) -> Tensor:
    """float32 [K, n, C] for inputs that begin at sample ``start`` of the chunk, with keys [K, dropouts, 2]."""
    dropouts, keys = masks
    rest: Callable[[Tensor], Tensor] = functools.partial(call, module)
    if isinstance(module, Network):  # its trunk has no dropout, so it is the same in every pass
        # In the order of the masks: every pass multiplies them, and would reorder the features again.
        inputs, rest = module.features(as_float(inputs, module)).contiguous(), module.head
    rows = []
    for of_pass in keys:
        for dropout, key in zip(dropouts, of_pass, strict=True):
            dropout.key, dropout.first = key, start
        # Copied, because a user's model may overwrite its input in place.
        rows.append(torch.softmax(rest(inputs.clone()), dim=-1).float().cpu())
    return torch.stack(rows)


@contextlib.contextmanager
def layer_by_layer() -> Iterator[None]:
    """Makes transformers run layer by layer: their fused inference path skips dropout."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)
