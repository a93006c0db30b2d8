"""The figures in `stacked.py` that need a GPU: fits per second, the machine's limits, and one policy of the paper."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from iale.classifiers._chunks import Chunks
from iale.classifiers.base import Classifier, FitJob, TrainingConfig
from iale.classifiers.build import build_classifier
from iale.classifiers.networks import cnn
from iale.classifiers.stacked._convolutions import Way
from iale.classifiers.stacked._train import train_stacked
from iale.classifiers.stacked.meeting import side_by_side
from iale.classifiers.torch_classifier import TorchClassifier
from iale.dagger._demonstrations import Episode
from iale.dagger._episode import run_episode
from iale.dagger.config import DaggerConfig
from iale.data.samples import DataSet
from iale.learner import CycleConfig, accuracy
from iale.policies.catalog import find_strategy
from iale.seeding import Stream

LABELS, BATCH = 500, 64
WAYS: tuple[Way, ...] = ("auto", "unfold", "each", "grouped")
Plain = Callable[[Tensor, Tensor, int, int], None]


def gpu_figures(data: DataSet, plain: Plain, rounds: int) -> dict[str, Any]:
    device = torch.device("cuda")
    inputs = (data.train.batch(torch.arange(LABELS)).float() / 255 - 0.3) / 0.3
    labels = data.train_labels[:LABELS].to(device)
    inputs = inputs.to(device)
    loop = seconds(lambda: plain(inputs, labels, 1, 5), rounds) / 5  # of one fit's epoch
    fits = {}
    for precision in ("float32", "tf32", "bf16"):
        for way in WAYS:
            for count in (1, 8, 32, 128, 512) if way == "auto" else (128,):
                fits[f"{precision} {way} {count}"] = fit_figures(data, precision, way, count, rounds)
    best = max((key for key in fits if key.startswith("tf32")), key=lambda key: fits[key]["epochs_per_second"])
    limits = machine_limits(rounds)
    step = step_costs()
    floor = max(
        step["operations"] / limits["products_per_second"]["tf32"],
        step["bytes"] / limits["copied_bytes_per_second"],
    )
    steps = -(-LABELS // BATCH)
    rate = fits[best]["epochs_per_second"]
    return {
        "plain_epochs_per_second": 1 / loop,
        "fits": fits,
        "best": best,
        "ratio": round(rate * loop, 2),
        "limits": limits,
        "step": step,
        "of_limit": round(rate * steps * floor, 4),
        "paper_policy_minutes": paper_policy(data),
    }


def fit_figures(data: DataSet, precision: str, way: Way, count: int, rounds: int) -> dict[str, float]:
    """Epochs of single classifiers per second, and the mean accuracy after ten epochs."""
    epochs = 10
    training = TrainingConfig(epochs=epochs, batch_size=BATCH, device="cuda", precision=precision)
    classifier = build_classifier("cnn", data.train, data.num_classes, training)
    indices = torch.arange(LABELS)
    jobs = [FitJob(indices, data.train_labels[indices], seed) for seed in range(count)]
    networks: list[torch.nn.Module] = []

    def run() -> None:
        networks[:] = [classifier.initial_module(Stream(job.seed)).to("cuda") for job in jobs]
        train_stacked(networks, data.train, jobs, training, chunks=Chunks(count), way=way)

    torch.cuda.reset_peak_memory_stats()
    taken = seconds(run, rounds)
    everything = torch.arange(len(data.test))
    correct = [accuracy(fitted(classifier, n), data.test, everything, data.test_labels) for n in networks[:32]]
    return {
        "epochs_per_second": epochs * count / taken,
        "accuracy": statistics.fmean(correct),
        "peak_gb": torch.cuda.max_memory_allocated() / 1e9,
    }


def fitted(classifier: TorchClassifier, network: torch.nn.Module) -> Any:
    from iale.classifiers.torch_classifier import FittedTorchClassifier

    return FittedTorchClassifier(network.eval(), classifier)


def machine_limits(rounds: int) -> dict[str, Any]:
    """Multiplications and additions per second of a large product, and bytes read and written by a large copy."""
    n = 8192
    rates = {}
    for name, kind, fast in (
        ("float32", torch.float32, False),
        ("tf32", torch.float32, True),
        ("bf16", torch.bfloat16, True),
    ):
        torch.set_float32_matmul_precision("high" if fast else "highest")
        a, b = torch.randn(2, n, n, device="cuda").to(kind)
        rates[name] = 2 * n**3 / seconds(lambda a=a, b=b: a @ b, rounds)
    torch.set_float32_matmul_precision("highest")
    source = torch.randn(1 << 29, device="cuda")
    target = torch.empty_like(source)
    copied = 2 * source.numel() * 4 / seconds(lambda: target.copy_(source), rounds)
    return {"products_per_second": rates, "copied_bytes_per_second": copied}


def step_costs() -> dict[str, float]:
    """What one step of one CNN needs: operations, and the fewest bytes (inputs read once, results written once).

    The optimizer reads weights, gradients and two moments and writes weights and moments; each layer's output is
    written and read once in the forward pass, and its gradient once in the backward pass.
    """
    first, second, dense, last = 841 * 32 * 16, 784 * 32 * 128, 6272 * 128, 128 * 10
    operations = 2 * BATCH * (2 * first + 3 * (second + dense + last))  # the pixels need no gradient
    weights = sum(p.numel() for p in cnn((1, 28, 28), 10, [0.0], [1.0]).parameters())
    outputs = 841 * 32 + 784 * 32 + 6272 + 128 + 10
    return {"operations": operations, "bytes": 4 * (7 * weights + 4 * BATCH * outputs) + BATCH * 784}


def paper_policy(data: DataSet, episodes: int = 3, budget: int = 1000) -> float:
    """Minutes of 100 episodes to 1,000 labels with 100 epochs a fit, projected from ``episodes`` of them side by side.

    Episodes of one policy run in rounds. The projection assumes rounds of this size; larger rounds are faster.
    """
    config = DaggerConfig(
        dataset=data.name,
        episodes=episodes,
        cycle=CycleConfig(labeling_budget=budget),
        training=TrainingConfig(epochs=100, device="cuda", precision="tf32"),
    )
    classifier = build_classifier("cnn", data.train, data.num_classes, config.training)
    experts = {name: find_strategy(name) for name in config.experts}

    def episode(number: int) -> Callable[[Classifier], Episode]:
        return lambda shared: run_episode(config, data, shared, experts, find_strategy("random"), number)

    started = time.perf_counter()
    side_by_side(classifier, [episode(number) for number in range(1, episodes + 1)])
    return round((time.perf_counter() - started) / episodes * 100 / 60, 1)


def seconds(work: Callable[[], object], rounds: int) -> float:
    """Median wall seconds of ``work`` after one warm-up, until the device is done."""
    taken = []
    for _ in range(rounds + 1):
        torch.cuda.synchronize()
        started = time.perf_counter()
        work()
        torch.cuda.synchronize()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken[1:])
