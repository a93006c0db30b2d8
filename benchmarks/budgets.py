"""Time of BADGE beyond its memory, memory of a prediction on large images, and time of one on small images.

    python benchmarks/budgets.py

Both sizes of a ratio are measured in one run. With 11,014 classes, the residuals of 3,046 candidates fill 256 MiB.
Peaks are those of processes of their own, less that of one that only imports.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from statistics import median

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from common import record
from torch import nn

from iale.active_learner import ActiveLearner
from iale.benchmark._machine import peak_megabytes
from iale.classifiers.base import FitJob, Outputs, TrainingConfig
from iale.classifiers.build import build_classifier
from iale.data.arrays import ArraySamples
from iale.strategies.badge import Badge
from iale.strategies.base import QueryContext

CLASSES, WIDTH, K, SIZES, SIDE = 11_014, 64, 20, (3000, 3100, 6000), 256
IMAGES = ArraySamples(np.random.default_rng(0).integers(0, 256, (2000, 1, 28, 28)).astype(np.uint8))


def badge_seconds(n: int) -> float:
    """The shortest of three queries."""
    generator = torch.Generator().manual_seed(0)
    embeddings = torch.randn(n, WIDTH, generator=generator)
    logits = embeddings @ torch.randn(WIDTH, CLASSES, generator=generator) / 8
    context, seconds = QueryContext(Outputs(logits, embeddings), CLASSES), []
    for _ in range(3):
        begin = time.perf_counter()
        Badge().query(context, K, rng=np.random.default_rng(0))
        seconds.append(time.perf_counter() - begin)
    return min(seconds)


def cnn_seconds(forced: int | None, images: ArraySamples = IMAGES) -> float:
    """One prediction of the paper's CNN for all images."""
    training = TrainingConfig(epochs=1, device="cpu", prediction_batch_size=forced)
    classifier = build_classifier("cnn", images, 10, training)
    fitted = classifier.fit(images, FitJob(torch.arange(20), torch.arange(20) % 10, 0))
    begin = time.perf_counter()
    fitted.outputs(images, torch.arange(len(images)))
    return time.perf_counter() - begin


def predict(forced: int | None, samples: int) -> float:
    """Peak megabytes of a question about large images that a small convolution reads; none only imports."""
    if samples:
        head = (nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 2))
        training = TrainingConfig(epochs=1, device="cpu", prediction_batch_size=forced)
        images = np.zeros((samples, 3, SIDE, SIDE), dtype=np.uint8)
        learner = ActiveLearner(nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), *head), images, training=training)
        learner.tell([0, 1], [0, 1])
        learner.ask(5)
    return peak_megabytes() or 0.0


def peak(forced: int | None, samples: int) -> float:
    code = f"import budgets; print(budgets.predict({forced}, {samples}))"
    folder = os.path.dirname(__file__) or "."
    return float(subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, check=True).stdout)


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    seconds = {n: badge_seconds(n) for n in SIZES}
    results = {f"badge_{n}_over_{SIZES[0]}": round(seconds[n] / seconds[SIZES[0]], 2) for n in SIZES[1:]}
    empty = peak(None, 0)
    for name, forced in (("measured", None), ("500", 500)):
        results[f"ask_{name}_mb"] = round(peak(forced, 600) - empty)
    rounds = [(cnn_seconds(500), cnn_seconds(None)) for _ in range(5)]
    results["cnn_500_over_measured"] = round(median(many / few for many, few in rounds), 2)
    record("budgets", results)


if __name__ == "__main__":
    main()
