"""What each of R networks reads in each of its steps, drawn in advance, on the device, as the plain loop draws it.

Dimensions: R networks, S steps of the longest fit, B samples of a batch, L dropout layers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from iale.classifiers import _draws as draws
from iale.classifiers._training import batch_sizes
from iale.classifiers.base import FitJob, TrainingConfig
from iale.seeding import Stream


@dataclass
class Plan:
    """Steps of R networks. Padding fills up small batches, and the steps after the last one of a short fit."""

    rows: Tensor  # int64 [S, R, B], positions of samples in the inputs; padding repeats a sample of the same network
    labels: Tensor  # int64 [S, R, B, 1]
    shares: Tensor  # float64 [S, R, B, 1], the sample's weight in the mean loss of its batch; 0 marks padding
    keys: Tensor  # int32 [S, R, L, 2], of the dropout masks
    sizes: list[int]  # [S], the largest batch of each step
    epochs: list[int]  # [R], steps in one epoch of each network
    counts: list[int]  # [R], labeled samples of each network

    def keep(self, kept: Tensor) -> None:
        """Drops all networks except those at ``kept``."""
        for name in ("rows", "labels", "shares", "keys"):
            setattr(self, name, getattr(self, name)[:, kept])
        for name in ("epochs", "counts"):
            setattr(self, name, [getattr(self, name)[r] for r in kept.tolist()])


def plan(
    jobs: Sequence[FitJob], places: Sequence[Tensor], config: TrainingConfig, dropouts: int, device: torch.device
) -> Plan:
    """The steps that the plain loop would take for each of ``jobs``, with ``dropouts`` layers of dropout.

    ``places`` has, for each job, the positions of its samples in the inputs: int64 [len(job.indices)].
    """
    size, counts = config.batch_size, [len(job.indices) for job in jobs]
    epochs = [-(-n // size) for n in counts]
    shape = (config.epochs * max(epochs), len(jobs), min(size, max(counts)))
    rows = torch.zeros(shape, dtype=torch.int64, device=device)
    labels = torch.zeros(shape, dtype=torch.int64, device=device)
    shares = torch.zeros(shape, dtype=torch.float64, device=device)
    keys = torch.zeros((*shape[:2], dropouts, 2), dtype=torch.int32, device=device)
    epoch_numbers = torch.arange(config.epochs, dtype=torch.int32, device=device)
    for r, (job, n, steps) in enumerate(zip(jobs, counts, epochs, strict=True)):
        order_key, drop_key = draws.keys([Stream(job.seed).child(name).seed for name in ("batches", "dropout")], device)
        # One row for each epoch, as long as its steps need; −1 marks what a batch lacks.
        orders = torch.full((config.epochs, steps * size), -1, device=device)
        filled = [size * step + place for step, own in enumerate(batch_sizes(n, config)) for place in range(own)]
        orders[:, filled] = draws.permutation(draws.fold(order_key, epoch_numbers), n)
        orders = orders.view(-1, size)[:, : shape[2]]
        real, orders, last = orders >= 0, orders.clamp(min=0), config.epochs * steps
        rows[:, r] = places[r][0]  # padding has to be some sample: share 0 makes its gradient exactly 0
        rows[:last, r] = places[r].to(device)[orders]
        labels[:last, r] = job.labels.to(device)[orders]
        shares[:last, r] = real.double() / real.sum(dim=1, keepdim=True)
        keys[:last, r] = draws.mask_keys(drop_key, last, dropouts)
    sizes = (shares > 0).sum(dim=2).amax(dim=1).tolist()
    return Plan(rows, labels[..., None], shares[..., None], keys, sizes, epochs, counts)
