"""One measurement of a large pool in a separate process, which `queries.py` starts.

python benchmarks/large_pools.py select badge FOLDER 100
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from memory import Peak, resident
from torch import nn

from iale.active_learner import ActiveLearner
from iale.classifiers.base import Outputs, TrainingConfig
from iale.classifiers.build import build_classifier
from iale.data.arrays import ArraySamples
from iale.policies.catalog import find_strategy
from iale.policies.iale import random_policy
from iale.policies.state import StateConfig
from iale.seeding import Stream
from iale.strategies.base import QueryContext

BLOCK = 50_000


def make_outputs(folder: Path, n: int, dim: int, classes: int) -> None:
    """Logits and embeddings in two .npy files, written one block at a time."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    centers = rng.normal(size=(classes, dim)).astype("float32")
    weight = rng.normal(size=(dim, classes)).astype("float32") / dim**0.5
    shapes = {"logits": (n, classes), "embeddings": (n, dim)}
    maps = {
        name: np.lib.format.open_memmap(folder / f"{name}.npy", "w+", np.float32, shape)
        for name, shape in shapes.items()
    }
    for start in range(0, n, BLOCK):
        rows = slice(start, start + BLOCK)
        size = len(maps["logits"][rows])
        embeddings = centers[rng.integers(classes, size=size)] + rng.standard_normal((size, dim), dtype=np.float32)
        maps["embeddings"][rows] = embeddings = np.maximum(embeddings, 0)
        maps["logits"][rows] = embeddings @ weight


def make_images(path: Path, n: int) -> None:
    """n images of 28 × 28 pixels in an .npy file."""
    rng = np.random.default_rng(0)
    images = np.lib.format.open_memmap(path, "w+", np.uint8, (n, 28, 28))
    for start in range(0, n, BLOCK):
        images[start : start + BLOCK] = rng.integers(0, 256, images[start : start + BLOCK].shape, dtype=np.uint8)


def select(name: str, folder: str, k: str) -> dict[str, Any]:
    """Selection from outputs on disk."""
    strategy = find_strategy(name)
    parts = [torch.from_numpy(np.load(Path(folder, f"{part}.npy"), mmap_mode="c")) for part in ("logits", "embeddings")]
    outputs = Outputs(*parts)
    classes = outputs.logits.shape[1]
    labeled = outputs.at(torch.arange(0, len(outputs), len(outputs) // 100))
    small = QueryContext(outputs.at(torch.arange(5000)), classes, labeled)
    strategy.query(small, 10, rng=np.random.default_rng(0))  # loads libraries and allocates their buffers
    started, used = time.perf_counter(), time.process_time()
    with Peak() as peak:
        chosen = strategy.query(QueryContext(outputs, classes, labeled), int(k), rng=np.random.default_rng(0))
    return {
        "wall_s": round(time.perf_counter() - started, 2),
        "cpu_s": round(time.process_time() - used, 2),
        "resident_mb": round(peak.resident, 1),
        "anonymous_mb": round(peak.anonymous, 1),
        "chosen": len(set(chosen.tolist())),
    }


def ask(folder: str, n: str) -> dict[str, Any]:
    """BADGE on a whole pool of features on disk: the first query computes the outputs, the second reads them."""
    place = Path(folder)
    place.mkdir(parents=True)
    rng = np.random.default_rng(0)
    features = np.lib.format.open_memmap(place / "pool.npy", "w+", np.float32, (int(n), 32))
    for start in range(0, int(n), BLOCK):
        features[start : start + BLOCK] = rng.standard_normal((len(features[start : start + BLOCK]), 32))
    del features
    model = nn.Sequential(nn.Linear(32, 128), nn.ReLU(), nn.Linear(128, 10))
    found: dict[str, Any] = {}
    answers = []
    for question in ("first", "second"):
        pool = ArraySamples(np.load(place / "pool.npy", mmap_mode="r"))
        learner = ActiveLearner(
            model, pool, "badge", training=TrainingConfig(epochs=1), subset_size=None, cache=place / "cache"
        )
        learner.tell(list(range(100)), [i % 10 for i in range(100)])
        learner.fit()
        started, used = time.perf_counter(), time.process_time()
        with Peak() as peak:
            answers.append(learner.ask(10))
        found[f"{question}_wall_s"] = round(time.perf_counter() - started, 2)
        found[f"{question}_cpu_s"] = round(time.process_time() - used, 2)
        found[f"{question}_resident_mb"] = round(peak.resident, 1)
        found[f"{question}_anonymous_mb"] = round(peak.anonymous, 1)
    return {**found, "equal": answers[0] == answers[1]}


def iale(path: str) -> dict[str, Any]:
    """Medians of ten queries by an IALE policy with sub-pools of 1,000, including the acquisition but not the fits."""
    before = resident()
    samples = ArraySamples(np.load(path, mmap_mode="r"))
    classifier = build_classifier("cnn", samples, 10, TrainingConfig(epochs=1, device="cpu"))
    policy = random_policy(StateConfig(), 10, classifier.embedding_dim, Stream(0))
    learner = ActiveLearner(classifier, samples, policy, subset_size=1000)
    first = np.linspace(0, len(samples) - 1, 100).astype(int).tolist()
    learner.tell(first, [i % 10 for i in range(100)])
    wall, used, extra, whole = [], [], [], []
    for _ in range(11):
        learner.fit()
        started, cpu = time.perf_counter(), time.process_time()
        with Peak() as peak:
            chosen = learner.ask(10)
            learner.tell(chosen, [i % 10 for i in chosen])
        used.append(time.process_time() - cpu)
        wall.append(time.perf_counter() - started)
        extra.append(peak.resident)
        whole.append(resident("VmHWM"))
    return {
        "wall_s": round(statistics.median(wall[1:]), 4),
        "cpu_s": round(statistics.median(used[1:]), 4),
        "query_mb": round(max(extra), 1),
        "run_mb": round(max(whole) - before, 1),
        "peak_mb": round(max(whole), 1),
    }


if __name__ == "__main__":
    measures = {"select": select, "ask": ask, "iale": iale}
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("measure", choices=measures)
    parser.add_argument("values", nargs="*")
    arguments = parser.parse_args()
    print(json.dumps(measures[arguments.measure](*arguments.values)))
