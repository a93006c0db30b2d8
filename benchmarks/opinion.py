"""How much longer a query of Error Herding takes than one of Uncertainty Herding, with an MLP and a pool of 7,000.

    python benchmarks/opinion.py [--rounds 5]

Images are 28 × 28, of 10 classes, and strategies compare them in the built-in geometry. A whole query is measured, with
the five fits of the cross-validation that both need. The two take turns, each with a learner of its own, and the
ratios are of processor seconds.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
from common import record
from torch import Tensor

from iale.benchmark._views import BUILT_IN, geometry_of
from iale.classifiers.base import TrainingConfig
from iale.classifiers.build import build_classifier
from iale.data.arrays import ArraySamples
from iale.data.pool import Pool
from iale.data.samples import DataSet
from iale.geometry.points import Points
from iale.learner import Learner, QueryConfig
from iale.seeding import Stream
from iale.strategies import ErrorHerding, UncertaintyHerding

POOL, CLASSES, K = 7000, 10, 10


def images(seed: int = 0) -> DataSet:
    """A smooth shape for each class, and noise."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(CLASSES, (POOL,), generator=generator)
    coarse = torch.rand(CLASSES, 1, 7, 7, generator=generator)
    shapes = torch.nn.functional.interpolate(coarse, size=28, mode="bilinear")
    noisy = shapes[labels] + 0.3 * torch.randn(POOL, 1, 28, 28, generator=generator)
    samples = ArraySamples((255 * noisy.clamp(0, 1)).byte().numpy())
    return DataSet("shapes", samples, labels, samples, labels, tuple(map(str, range(CLASSES))))


def seconds(data: DataSet, geometry: Points, first: Tensor, strategy: UncertaintyHerding, seed: int) -> float:
    """Processor seconds of one query, after a fit."""
    model = build_classifier("mlp", data.train, CLASSES, TrainingConfig(device="cpu", epochs=30))
    pool = Pool(torch.arange(POOL), CLASSES)
    pool.acquire(first, data.train_labels[first])
    learner = Learner(model, data.train, pool, QueryConfig(subset_size=None), Stream(seed), geometry=geometry)
    learner.fit()
    started = time.process_time()
    learner.query(strategy, K)
    return time.process_time() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    data = images()
    geometry = geometry_of(data, BUILT_IN)
    results, details = {}, {}
    for labeled in (50, 200):
        found: dict[str, list[float]] = {}
        for seed in range(rounds + 1):
            first = torch.randperm(POOL, generator=torch.Generator().manual_seed(seed))[:labeled]
            for strategy in (UncertaintyHerding(), ErrorHerding()):
                found.setdefault(strategy.name, []).append(seconds(data, geometry, first, strategy, seed))
        base, own = (found[name][1:] for name in ("uherding", "eherding"))  # the first round warms up
        ratio = statistics.median(b / a for a, b in zip(base, own, strict=True))
        results[f"eherding_over_uherding_{labeled}"] = round(ratio, 2)
        details[f"{labeled} labels, cpu_s"] = {
            name: round(statistics.median(each[1:]), 3) for name, each in found.items()
        }
    record("opinion", results, details)


if __name__ == "__main__":
    main()
