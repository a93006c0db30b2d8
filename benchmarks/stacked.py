"""How many small classifiers are trained in a second, compared with a plain PyTorch loop in the same process tree.

    python benchmarks/stacked.py [--rounds 5] [--epochs 10] [--threads 2]

The plain loop is what a user would write: an nn.Module, torch.optim.Adam, and batches from a tensor in memory, with 500
labels and batches of 64. Ours runs as it always does in iale, in processes of one thread each or on threads of one
process; the plain loop may use as many threads. With a GPU, the script also measures the two limits of the machine (a
large matrix product and a large copy), every way to convolve and every precision, and it projects one policy of the
paper's size from measured episodes.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from common import interleaved, record
from stacked_gpu import gpu_figures
from torch import Tensor, nn

from iale.classifiers._chunks import Chunks
from iale.classifiers.base import FitJob, TrainingConfig
from iale.classifiers.build import build_classifier
from iale.classifiers.stacked._train import train_stacked
from iale.classifiers.torch_classifier import TorchClassifier
from iale.data.catalog import load_dataset
from iale.data.samples import DataSet
from iale.executors import Executor, ProcessExecutor
from iale.seeding import Stream

LABELS, BATCH = 500, 64


def peer(name: str) -> nn.Module:
    if name == "mlp":
        return nn.Sequential(nn.Flatten(), nn.Linear(784, 256), nn.ReLU(), nn.Dropout(0.5), nn.Linear(256, 10))
    return nn.Sequential(
        nn.Conv2d(1, 32, 4, padding=2),
        nn.ReLU(),
        nn.Conv2d(32, 32, 2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Dropout(0.25),
        nn.Flatten(),
        nn.Linear(6272, 128),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Linear(128, 10),
    )


def plain_fits(name: str, inputs: Tensor, labels: Tensor, count: int, epochs: int) -> None:
    """``inputs``: float32 [L, 1, 28, 28], standardized."""
    for _ in range(count):
        module = peer(name).to(inputs.device)
        optimizer = torch.optim.Adam(module.parameters())
        for _ in range(epochs):
            for batch in torch.randperm(len(inputs), device=inputs.device).split(BATCH):
                loss = nn.functional.cross_entropy(module(inputs[batch]), labels[batch])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()


def make_jobs(data: DataSet, count: int) -> list[FitJob]:
    indices = torch.arange(LABELS)
    return [FitJob(indices, data.train_labels[indices], seed) for seed in range(count)]


def part(name: str, epochs: int, seeds: tuple[int, ...]) -> None:
    """What a worker does: the fits with ``seeds``."""
    data = load_dataset("fashion-small")
    jobs = make_jobs(data, max(seeds) + 1)
    recipe(name, data, epochs).fit_many(data.train, [jobs[seed] for seed in seeds])


def recipe(name: str, data: DataSet, epochs: int) -> TorchClassifier:
    return build_classifier(name, data.train, 10, TrainingConfig(epochs=epochs, batch_size=BATCH, device="cpu"))


def stacked(classifier: TorchClassifier, data: DataSet, count: int, width: int) -> None:
    jobs = make_jobs(data, count)
    networks = [classifier.initial_module(Stream(job.seed)) for job in jobs]
    train_stacked(networks, data.train, jobs, classifier.training, chunks=Chunks(width))


def cpu_figures(name: str, data: DataSet, epochs: int, rounds: int, threads: int, workers: Executor) -> dict[str, Any]:
    """Seconds of R fits in each way, and in stacks of other heights."""
    classifier = recipe(name, data, epochs)
    inputs = (data.train.batch(torch.arange(LABELS)).float() / 255 - 0.3) / 0.3
    labels = data.train_labels[:LABELS]
    torch.set_num_threads(threads)

    def in_workers(count: int) -> None:
        shares = [tuple(range(count))[n::threads] for n in range(min(threads, count))]
        for future in [workers.submit(part, name, epochs, share) for share in shares]:
            future.result()

    def ways(count: int) -> dict[str, Callable[[], Any]]:
        return {
            "peer": lambda: plain_fits(name, inputs, labels, count, epochs),
            "workers": lambda: in_workers(count),
            "threads": lambda: classifier.fit_many(data.train, make_jobs(data, count)),
            "definition": lambda: [classifier.fit(data.train, job) for job in make_jobs(data, count)],
        }

    for way in ways(threads).values():
        way()  # warm up
    growth = {}
    for count in (1, 2, 3, 6, 12):
        times = interleaved(rounds, **ways(count))
        ratios = {way: round(times["peer"]["wall_s"] / times[way]["wall_s"], 3) for way in times}
        growth[count] = {"times": times, "times_as_fast_as_the_peer": ratios}
        print(name, count, ratios, flush=True)
    heights = {f"{width} high": partial(stacked, classifier, data, 12, width) for width in (1, 2, 3, 6, 12)}
    torch.set_num_threads(1)
    alone = {"peer": ways(12)["peer"], "definition": ways(12)["definition"], **heights}
    return {"by_number_of_classifiers": growth, "twelve_on_one_thread": interleaved(rounds, **alone)}


def best(figures: dict[str, Any]) -> float:
    """The ratio for twelve fits, in the better of our two ways."""
    ratios = figures["by_number_of_classifiers"][12]["times_as_fast_as_the_peer"]
    return max(ratios["workers"], ratios["threads"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=40, help="of the MLP; the CNN takes a tenth of them on a CPU")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    data = load_dataset("fashion-small")
    with ProcessExecutor(arguments.threads) as workers:
        cpu = {
            name: cpu_figures(name, data, epochs, arguments.rounds, arguments.threads, workers)
            for name, epochs in (("mlp", arguments.epochs), ("cnn", max(1, arguments.epochs // 10)))
        }
    print(cpu, flush=True)
    gpu: dict[str, Any] = {}
    if torch.cuda.is_available():
        gpu = gpu_figures(data, lambda x, y, count, epochs: plain_fits("cnn", x, y, count, epochs), arguments.rounds)
        print(gpu, flush=True)
    results = {
        "mlp12_cpu": best(cpu["mlp"]),
        "cnn12_cpu": best(cpu["cnn"]),
        "cnn_gpu": gpu.get("ratio"),
        "cnn_gpu_of_limit": gpu.get("of_limit"),
        "paper_policy_minutes": gpu.get("paper_policy_minutes"),
    }
    record("stacked", results, {"cpu": cpu, "gpu": gpu or "not measured: no GPU", **vars(arguments)})


if __name__ == "__main__":
    main()
