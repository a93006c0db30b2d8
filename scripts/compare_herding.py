"""Uncertainty Herding with several bandwidths and temperatures, in paired runs of a linear head.

    python scripts/compare_herding.py [--seeds 3] [--datasets digits,mnist,fashion-mnist]

The pool is 3,000 random training samples, seen through 64 principal components of their pixels. A run starts with 20
labels, two a class, adds 10 a step up to 200, and ends at the area under the curve of accuracy. All runs of a seed
share their split and their first labels. Printed are the gains over Random in points: mean and 95 % interval over seeds
(Student's t). Digits and MNIST choose the default; other sets only report.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import optimize, special, stats
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression

from iale.classifiers.base import Outputs
from iale.data.catalog import load_dataset
from iale.geometry.points import Points
from iale.strategies.base import QueryContext, QueryStrategy
from iale.strategies.herding import MaxHerding, UncertaintyHerding
from iale.strategies.random import Random
from iale.strategies.uncertainty import Margin

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]
Temperature = Callable[[Floats, Labels, int], float]
POOL, TEST, FIRST, LAST, STEP = 3000, 1000, 20, 200, 10


def data(name: str, seed: int) -> tuple[Floats, Labels, Floats, Labels]:
    """Points and labels of the pool and of the test samples of one seed."""
    rng = np.random.default_rng(seed)
    if name == "digits":
        pixels, labels = load_digits(return_X_y=True)
        pixels, labels = pixels / 16.0, labels.astype(np.int64)
        order = rng.permutation(len(labels))
        pool, test = order[:1300], order[1300:]
        held, held_labels = pixels, labels
    else:
        found = load_dataset(name)
        pool = rng.choice(len(found.train), POOL, replace=False)
        test = rng.choice(len(found.test), TEST, replace=False)
        pixels, held = found.train.batch(torch.from_numpy(pool)), found.test.batch(torch.from_numpy(test))
        pixels, held = (part.flatten(1).double().numpy() for part in (pixels, held))
        labels, held_labels = found.train_labels.numpy()[pool], found.test_labels.numpy()[test]
        pool, test = np.arange(POOL), np.arange(TEST)
    components = PCA(min(64, pixels.shape[1] - 1), random_state=0).fit(pixels[pool])
    points = [components.transform(part) for part in (pixels[pool], held[test])]
    scale = points[0].std()
    return points[0] / scale, labels[pool], points[1] / scale, held_labels[test]


def head(rows: Floats, labels: Labels) -> LogisticRegression:
    """The classifier."""
    return LogisticRegression(max_iter=300).fit(rows, labels)


def logits(model: LogisticRegression, rows: Floats) -> Floats:
    """One column a class, of two classes too."""
    values = model.decision_function(rows)
    return values if values.ndim == 2 else np.stack([-values, values], axis=1) / 2


def none(rows: Floats, labels: Labels, seed: int) -> float:
    """Logits as they are."""
    return 1.0


def smallest_ece(rows: Floats, labels: Labels, seed: int) -> float:
    """As published: the smallest calibration error on 30 % of the labels after a refit on 70 %, from 1.0 … 19.9."""
    order = np.random.default_rng(seed).permutation(len(labels))
    fitted, held = order[: int(0.7 * len(order))], order[int(0.7 * len(order)) :]
    model = head(rows[fitted], labels[fitted])
    values = logits(model, rows[held])
    right = model.classes_[values.argmax(axis=1)] == labels[held]

    def error(temperature: float) -> float:
        sure = special.softmax(values / temperature, axis=1).max(axis=1)
        bins = np.minimum((15 * sure).astype(int), 14)
        return float(sum(abs((right[bins == b] - sure[bins == b]).sum()) for b in range(15)) / len(right))

    return float(min(np.arange(1.0, 20.0, 0.1), key=error))


def smallest_nll(rows: Floats, labels: Labels, seed: int) -> float:
    """The smallest negative log likelihood over three folds; samples of a class that a fold lacks are left out."""
    parts, order = [], np.random.default_rng(seed).permutation(len(labels))
    order = order[np.argsort(labels[order], kind="stable")]  # every third sample of a class is in one fold
    for fold in range(3):
        held = order[fold::3]
        fitted = np.setdiff1d(order, held)
        model = head(rows[fitted], labels[fitted])
        held = held[np.isin(labels[held], model.classes_)]
        parts.append((logits(model, rows[held]), np.searchsorted(model.classes_, labels[held])))

    def loss(log_temperature: float) -> float:
        return -sum(
            float(special.log_softmax(values / np.exp(log_temperature), axis=1)[np.arange(len(y)), y].sum())
            for values, y in parts
        )

    return float(np.exp(optimize.minimize_scalar(loss, bounds=(np.log(0.05), np.log(20.0)), method="bounded").x))


def run(strategy: QueryStrategy, temperature: Temperature, name: str, seed: int) -> float:
    """The area under one curve, as a mean accuracy."""
    rows, labels, held, held_labels = data(name, seed)
    values, rng = torch.from_numpy(rows).float(), np.random.default_rng(seed)
    order = rng.permutation(len(labels))
    known = [int(i) for c in range(10) for i in order[labels[order] == c][: FIRST // 10]]
    curve = []
    while True:
        model = head(rows[known], labels[known])
        curve.append(model.score(held, held_labels))
        if len(known) >= LAST:
            return float(np.trapezoid(curve) / (len(curve) - 1))
        left = torch.from_numpy(np.setdiff1d(np.arange(len(labels)), known))
        outputs = torch.from_numpy(logits(model, rows[left.numpy()])).float()
        context = QueryContext(
            Outputs(outputs, values[left]),
            outputs.shape[1],
            geometry=Points(values, left),
            labeled_geometry=Points(values, torch.tensor(known)),
            temperature=temperature(rows[known], labels[known], seed),
        )
        known += left[strategy.query(context, STEP, rng=rng)].tolist()


def main() -> None:
    """Plays all runs and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--datasets", default="digits,mnist,fashion-mnist")
    parser.add_argument("--minutes", type=float, default=1e9, help="begins no seed after so long")
    parser.add_argument("--only", default="", help="strategies whose names contain this; Random always plays")
    arguments = parser.parse_args()
    asked: dict[str, tuple[QueryStrategy, Temperature]] = {
        "random": (Random(), none),
        "margin": (Margin(), none),
        "maxherding": (MaxHerding(), none),
    }
    for rule in ("smallest", "median", 1.0):
        for temperature in (none, smallest_ece, smallest_nll):
            asked[f"δ {rule}, {temperature.__name__}"] = UncertaintyHerding(rule), temperature
    asked = {key: how for key, how in asked.items() if key == "random" or arguments.only in key}
    begun, scores = time.monotonic(), {}
    names = arguments.datasets.split(",")
    for seed in range(arguments.seeds):
        if time.monotonic() - begun > 60 * arguments.minutes:
            break
        for name in names:
            scores[name, seed] = {key: run(*how, name, seed) for key, how in asked.items()}
            print(json.dumps([name, seed, scores[name, seed]], ensure_ascii=False), flush=True)
    for name in names:
        runs = [score for (known, _), score in scores.items() if known == name]
        for key in list(asked)[1:]:
            gains = np.array([100 * (each[key] - each["random"]) for each in runs])
            reach = stats.t.ppf(0.975, len(gains) - 1) * gains.std(ddof=1) / len(gains) ** 0.5 if len(gains) > 1 else 0
            print(f"{name:14} {key:24} {gains.mean():+.2f} ± {reach:.2f}  ({len(gains)} seeds)")


if __name__ == "__main__":
    main()
