"""How fast 100 linear heads are fitted, compared with scikit-learn's LogisticRegression in a loop, on one thread.

    python benchmarks/heads.py [--rounds 7]

Each head has its own 100 labeled samples of a pool of 7,000, with 128 inputs and 10 classes. Both sides minimize the
same loss, from the same standardized inputs, at three strengths: the default 0.02 D, ten times it and 100 times it.
scikit-learn runs with the largest of its tolerances 1e-4, 1e-5, … with which its losses are within 1e-4 of the least.
The two take turns, and the ratios are of processor seconds. And how long one head takes whose strength is
cross-validated, with 768 inputs whose spectrum decays as that of embeddings does, in milliseconds of the processor.
"""

from __future__ import annotations

import argparse
import os
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from common import interleaved, record
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from iale.classifiers.base import FitJob, TrainingConfig
from iale.classifiers.heads import FittedLinearHead, LinearHead
from iale.data.arrays import ArraySamples

POOL, WIDTH, CLASSES, LABELS, HEADS = 7000, 128, 10, 100, 100
STRENGTHS = (0.02 * WIDTH, 0.2 * WIDTH, 2.0 * WIDTH)
Floats = NDArray[np.float64]
Sets = list[tuple[Floats, NDArray[np.int64]]]


def make() -> tuple[ArraySamples, list[FitJob]]:
    rng = np.random.default_rng(0)
    labels = rng.integers(CLASSES, size=POOL)
    inputs = rng.normal(size=(CLASSES, WIDTH))[labels] * 0.3 + rng.normal(size=(POOL, WIDTH))
    jobs = []
    for seed in range(HEADS):
        chosen = torch.from_numpy(np.sort(rng.permutation(POOL)[:LABELS]))
        jobs.append(FitJob(chosen, torch.from_numpy(labels)[chosen], seed))
    return ArraySamples(inputs.astype(np.float32)), jobs


def peer(sets: Sets, l2: float, tolerance: float) -> list[Floats]:
    models = [LogisticRegression(C=1 / l2, tol=tolerance, max_iter=5000).fit(x, y) for x, y in sets]
    return [np.hstack([model.coef_, model.intercept_[:, None]]) for model in models]


def loss(weights: Floats, x: Floats, y: NDArray[np.int64], l2: float) -> float:
    logits = x @ weights[:, :-1].T + weights[:, -1]
    missed = np.logaddexp.reduce(logits, axis=1) - logits[np.arange(len(y)), y]
    return float(missed.sum() + l2 / 2 * (weights[:, :-1] ** 2).sum())


def compare(samples: ArraySamples, jobs: list[FitJob], l2: float, rounds: int) -> dict[str, Any]:
    head = LinearHead(samples, CLASSES, TrainingConfig(device="cpu"), l2=l2)
    fitted = [each for each in head.fit_many(samples, jobs) if isinstance(each, FittedLinearHead)]
    sets = [
        (one.outputs(samples, job.indices).embeddings.double().numpy(), job.labels.numpy())
        for one, job in zip(fitted, jobs, strict=True)
    ]
    ours = [loss(np.hstack([f.weight, f.bias[:, None]]), x, y, l2) for f, (x, y) in zip(fitted, sets, strict=True)]
    for power in range(4, 12):
        theirs = [loss(w, x, y, l2) for w, (x, y) in zip(peer(sets, l2, 10.0**-power), sets, strict=True)]
        apart = max(abs(a / b - 1) for a, b in zip(theirs, ours, strict=True))
        if apart <= 1e-4:
            break
    tolerance = 10.0**-power
    times = interleaved(rounds, ours=lambda: head.fit_many(samples, jobs), peer=lambda: peer(sets, l2, tolerance))
    ratio = times["peer"]["cpu_s"] / times["ours"]["cpu_s"]
    return {"ratio": round(ratio, 1), "losses_apart": apart, "tolerance": tolerance, "times": times}


def cross_validated(labels: int, rounds: int) -> float:
    rng = np.random.default_rng(0)
    said = rng.integers(CLASSES, size=labels)
    spread, turn = 1 / np.sqrt(1 + np.arange(768)), np.linalg.qr(rng.normal(size=(768, 768)))[0]
    inputs = ((rng.normal(size=(CLASSES, 768))[said] * 0.6 + rng.normal(size=(labels, 768))) * spread) @ turn
    samples, job = ArraySamples(inputs.astype(np.float32)), FitJob(torch.arange(labels), torch.from_numpy(said), 0)
    head = LinearHead(samples, CLASSES, TrainingConfig(device="cpu"))
    return round(1000 * interleaved(rounds, ours=lambda: head.fit(samples, job))["ours"]["cpu_s"], 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    torch.set_num_threads(1)
    samples, jobs = make()
    details = {f"l2 {l2:g}": compare(samples, jobs, l2, rounds) for l2 in STRENGTHS}
    ratios = [each["ratio"] for each in details.values()]
    names = ("heads_100", "heads_100_l2_10x", "heads_100_l2_100x")
    alone = {f"head_cv_{labels}_ms": cross_validated(labels, rounds) for labels in (100, 300)}
    record("heads", {**dict(zip(names, ratios, strict=True)), **alone}, details)


if __name__ == "__main__":
    main()
