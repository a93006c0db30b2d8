"""The plain training loop, one classifier at a time. `stacked` trains many and must equal it up to rounding."""

from __future__ import annotations

import contextlib

import torch
from torch import Tensor, nn

from iale.classifiers import _draws as draws
from iale.classifiers._frozen import has_norm, train_mode
from iale.classifiers._global_state import arithmetic, global_seed
from iale.classifiers._practice import Practice
from iale.classifiers.base import FitJob, TrainingConfig
from iale.classifiers.networks import Dropout
from iale.data.samples import Samples
from iale.errors import DataError, ModelError
from iale.seeding import Stream


def check_job(job: FitJob, num_classes: int) -> None:
    """Raises DataError if there is nothing to train on or a label is out of range."""
    if len(job.indices) == 0:
        raise DataError("there are no labeled samples to train on: label some first.")
    least, most = int(job.labels.min()), int(job.labels.max())
    if not 0 <= least <= most < num_classes:
        raise DataError(
            f"labels run from {least} to {most}: a classifier of {num_classes} classes takes 0 to {num_classes - 1}."
        )


def check_loss(loss: Tensor) -> None:
    """Raises ModelError if the last loss of a fit is not finite."""
    if not bool(torch.isfinite(loss)):
        raise ModelError("training ended with a loss that is not finite: lower the learning rate or check the inputs.")


def train(
    module: nn.Module,
    samples: Samples,
    job: FitJob,
    config: TrainingConfig,
    device: torch.device,
    practice: Practice | None = None,
) -> None:
    """Trains ``module``, which is on ``device``, in place; frozen parameters and frozen normalization stay.

    Raises ModelError if the loss is not finite or depends on no weight, or batch normalization would see a batch of one
    sample.
    """
    n = len(job.indices)
    if has_norm(module) and min(n, config.batch_size) == 1:
        raise ModelError(
            "batch normalization cannot learn from one sample at a time: label another sample, or use a batch size of "
            "at least 2."
        )
    train_mode(module)
    practice = practice or Practice()
    # The whole labeled set moves to the device once: it is small, and no step waits for a copy.
    inputs = practice.call.prepare(samples.batch(job.indices).to(device))
    check_loss(_epochs(module, inputs, job.labels.to(device), config, Stream(job.seed), practice))


def _epochs(
    module: nn.Module, inputs: Tensor, labels: Tensor, config: TrainingConfig, stream: Stream, practice: Practice
) -> Tensor:
    """All steps of a fit; returns the last loss."""
    device, n = labels.device, len(labels)
    order_key, drop_key = draws.keys([stream.child(name).seed for name in ("batches", "dropout")], device)
    dropouts = [m for m in module.modules() if isinstance(m, Dropout)]
    keys = draws.mask_keys(drop_key, config.epochs * -(-n // config.batch_size), len(dropouts))
    optimizer, call, loss_of = practice.optimizer(module, config), practice.call, practice.loss_for(labels, config)
    bf16 = config.precision == "bf16" and device.type == "cuda"
    rounded = torch.autocast("cuda", torch.bfloat16) if bf16 else contextlib.nullcontext()
    step = 0
    with global_seed(stream.child("module").seed, device), arithmetic(config.precision, device):
        for epoch in range(config.epochs):
            # Counted on the device, so that no step waits for a number to reach the host.
            correct = torch.zeros((), dtype=torch.int64, device=device)
            order = draws.permutation(draws.fold(order_key, epoch), n)
            for batch in _batches(order, config, module):
                for dropout, key in zip(dropouts, keys[step], strict=True):
                    dropout.key = key
                with rounded:
                    logits = call(module, inputs[batch])
                    loss = loss_of(logits, labels[batch])
                if not loss.requires_grad:
                    raise ModelError(
                        "the model's logits do not depend on its weights, as with detach() or torch.no_grad(): take "
                        "that out of forward."
                    )
                optimizer.zero_grad(set_to_none=True)
                loss.backward()  # type: ignore[no-untyped-call]
                optimizer.step()
                correct += (logits.argmax(dim=1) == labels[batch]).sum()
                step += 1
            if config.stop_accuracy is not None and int(correct) / n >= config.stop_accuracy:
                break
    return loss


def batch_sizes(n: int, config: TrainingConfig) -> list[int]:
    """The sizes of the batches of one epoch over ``n`` samples."""
    count, size = -(-n // config.batch_size), config.batch_size
    if config.batches == "equal":
        return [n // count + (place < n % count) for place in range(count)]
    return [size] * (count - 1) + [n - size * (count - 1)]


def _batches(order: Tensor, config: TrainingConfig, module: nn.Module) -> list[Tensor]:
    """Batches in order. With batch normalization, a last sample that would be alone joins the batch before it."""
    batches = list(torch.split(order, batch_sizes(len(order), config)))
    if len(batches) > 1 and len(batches[-1]) == 1 and has_norm(module):
        batches[-2:] = [torch.cat(batches[-2:])]
    return batches
