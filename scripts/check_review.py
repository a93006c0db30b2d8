"""How many wrong labels does a review show first? Wrong labels are planted, and the review is asked which it doubts.

    python scripts/check_review.py --datasets digits fashion-mnist --repeats 5

A line for each data set: of 1,000 labels 5 % are wrong at random; the mean number of wrong ones among the first 50
that "the model disagrees" shows, and the smallest and largest number. By chance there would be 2.5.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
import tyro

from iale.data.arrays import ArraySamples
from iale.data.catalog import load_dataset
from iale.geometry import built_in
from iale.labeling.reviewing._left_out import left_out_probabilities
from iale.seeding import Stream


@dataclass(frozen=True)
class Options:
    """What is tried.

    Attributes:
        datasets: by name.
        repeats: draws of samples and errors.
        labels: how many labels there are.
        wrong: the share of them that is wrong.
        looked: how many are looked at.
    """

    datasets: tuple[str, ...] = ("digits", "fashion-mnist")
    repeats: int = 5
    labels: int = 1000
    wrong: float = 0.05
    looked: int = 50


def found(name: str, seed: int, options: Options) -> tuple[int, int]:
    """Planted errors among the first ones, and all of them."""
    rng = Stream(seed).child("review", name).numpy()
    data = load_dataset(name)
    some = torch.from_numpy(rng.permutation(len(data.train))[: options.labels])
    points = built_in(ArraySamples(data.train.batch(some)), "image").read().double().numpy()
    truth, classes = data.train_labels[some].numpy().astype(np.int64), data.num_classes
    wrong = rng.permutation(len(truth))[: round(options.wrong * len(truth))]
    given = truth.copy()
    given[wrong] = (given[wrong] + rng.integers(1, classes, len(wrong))) % classes
    probabilities = left_out_probabilities(points, given, classes)
    rows = np.arange(len(given))
    doubted = np.where(probabilities.argmax(axis=1) == given, 2.0, probabilities[rows, given])
    return len(set(np.argsort(doubted, kind="stable")[: options.looked]) & set(wrong)), len(wrong)


def main(options: Options) -> None:
    """Prints the table."""
    print(f"| data set | wrong | among the first {options.looked} | least to most |\n|---|---:|---:|---:|")
    for name in options.datasets:
        pairs = [found(name, seed, options) for seed in range(options.repeats)]
        hits = [hit for hit, _ in pairs]
        print(f"| {name} | {pairs[0][1]} | {np.mean(hits):.1f} | {min(hits)} to {max(hits)} |", flush=True)


if __name__ == "__main__":
    main(tyro.cli(Options))
