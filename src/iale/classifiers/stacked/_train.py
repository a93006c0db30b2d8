"""R classifiers of one architecture trained side by side, each as the plain loop would train it alone.

`TorchClassifier.fit` is the definition. Here, the same batches meet the same dropout masks and the same Adam, with
gradients by hand: no graph is built, and a GPU replays one recorded step. All networks take their s-th step together,
whatever the length of their epochs, so Adam needs one step counter for all; a network leaves after its last step.
Results equal those of the plain loop up to the rounding of sums.

Dimensions: R networks.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import torch
from torch import nn

from iale.classifiers._chunks import Chunks
from iale.classifiers._global_state import arithmetic
from iale.classifiers.base import FitJob, TrainingConfig
from iale.classifiers.networks import Dropout
from iale.classifiers.stacked._convolutions import Way
from iale.classifiers.stacked._layers import parts_of
from iale.classifiers.stacked._plan import plan
from iale.classifiers.stacked._stack import Stack
from iale.data.samples import Samples
from iale.executors import one_thread

_ON_GPU = 512
_WEIGHTS = 700_000
"""Weights in a stack on a CPU: with their gradients and two moments, they just fit into its caches."""


def width(network: nn.Module, device: torch.device) -> int:
    """Height of the first stack: 512 on a GPU; 3 MLPs or 1 CNN on a CPU (measured by `benchmarks/stacked.py`)."""
    if device.type != "cpu":
        return _ON_GPU
    return max(1, _WEIGHTS // max(1, sum(weight.numel() for weight in network.parameters())))


def stackable(network: nn.Module) -> bool:
    """Whether `train_stacked` can train networks like this one.

    It can train a `Network` of convolutions, linear layers, ReLU, max-pooling, flattening and counted dropout. Batch
    normalization, and every other module, is left to the plain loop.
    """
    weights = list(network.parameters())
    plain = all(w.requires_grad and w.dtype in (torch.float32, torch.float64) for w in weights)
    return plain and parts_of(network) is not None


def train_stacked(
    networks: Sequence[nn.Module],
    samples: Samples,
    jobs: Sequence[FitJob],
    config: TrainingConfig,
    *,
    chunks: Chunks | None = None,
    way: Way = "auto",
) -> None:
    """Trains ``networks[r]`` on ``jobs[r]``, in place.

    On a CPU, each stack trains on one thread, and as many stacks train at a time as PyTorch may use threads. So the
    number of threads changes no result. The networks are `stackable`, on one device, and have their initial weights;
    ``chunks`` says how many train side by side. Raises ModelError if a loss is not finite.
    """
    device = next(networks[0].parameters()).device
    chunks = chunks or Chunks(width(networks[0], device))
    # Jobs share many samples: each is read, and kept on the device, once.
    rows, places = torch.unique(torch.cat([job.indices for job in jobs]), return_inverse=True)
    inputs = samples.batch(rows).to(device)
    own = torch.split(places, [len(job.indices) for job in jobs])
    dropouts = sum(isinstance(part, Dropout) for part in parts_of(networks[0]) or [])
    operands = torch.bfloat16 if config.precision == "bf16" and device.type == "cuda" else None

    def train(start: int, stop: int) -> None:
        steps = plan(jobs[start:stop], own[start:stop], config, dropouts, device)
        with torch.no_grad(), arithmetic(config.precision, device):
            Stack(networks[start:stop], inputs, steps, config, way, operands).run()

    parts = range(0, len(jobs), chunks.size)
    threads = min(torch.get_num_threads(), len(parts)) if device.type == "cpu" else 1
    with one_thread() if device.type == "cpu" else contextlib.nullcontext():
        if threads == 1:
            list(chunks.run(len(jobs), train))
            return
        with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            list(pool.map(lambda start: train(start, min(start + chunks.size, len(jobs))), parts))
