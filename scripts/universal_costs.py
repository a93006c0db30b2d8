"""What one acquisition costs with each form of a universal policy, beside Uncertainty Herding: processor seconds.

    python scripts/universal_costs.py [--out results/universal/costs.json] [--rounds 3]

MNIST, 7,000 candidates, patches as the geometry, 100 labels, 10 to be chosen. "choice": the choice alone, from outputs
and folds that are known; "acquisition": the fit, its folds, the outputs, and the choice. What a network has learned
changes no time, but closed gates would skip parts of it, so they are opened by hand. The fastest round counts.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch

from iale.classifiers.base import TrainingConfig
from iale.classifiers.build import build_classifier
from iale.data.arrays import ArraySamples
from iale.data.catalog import load_dataset
from iale.data.pool import Pool
from iale.geometry import built_in
from iale.learner import Learner, QueryConfig
from iale.policies.universal import Form, UniversalPolicy, untrained_policy
from iale.seeding import Stream
from iale.strategies.base import QueryStrategy
from iale.strategies.herding import UncertaintyHerding

CANDIDATES, LABELS, BATCH, EPOCHS = 7_000, 100, 10, 30


def opened(form: Form) -> UniversalPolicy:
    """A policy none of whose parts is skipped."""
    policy = untrained_policy(Stream(0), form)
    policy.network.gates.data = torch.tensor([1.0, 1.0, 0.5, 0.3, 0.3])
    return policy


def seconds(work: Callable[[], object]) -> float:
    """Of the processor, so that other programs do not count."""
    start = time.process_time()
    work()
    return time.process_time() - start


def costs(learner: Learner, strategy: QueryStrategy, rounds: int) -> dict[str, float]:
    """The fastest of some rounds, each of which fits anew."""

    def acquisition() -> None:
        learner.fit(strategy.needs)
        learner.query(strategy, BATCH)

    found: dict[str, list[float]] = {"choice": [], "acquisition": []}
    for seed in range(rounds):
        found["acquisition"].append(seconds(acquisition))
        context = learner.context(learner.candidates(), strategy.needs)
        rng = np.random.default_rng(seed)
        found["choice"].append(seconds(lambda: strategy.query(context, BATCH, rng=rng)))  # noqa: B023 (called at once)
    return {name: round(min(each), 3) for name, each in found.items()}


def main() -> None:
    """Measures a linear head and an MLP."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("results/universal/costs.json"))
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    data = load_dataset("mnist")
    every = torch.arange(CANDIDATES + LABELS)
    images = ArraySamples(data.train.batch(every))
    points = built_in(images)
    found = {}
    for name, samples in (("linear", ArraySamples(points.read())), ("mlp", images)):
        training = None if name == "linear" else TrainingConfig(epochs=EPOCHS, device="cpu")
        classifier = build_classifier(name, samples, data.num_classes, training)
        pool = Pool(every, data.num_classes)
        pool.acquire(every[:LABELS], data.train_labels[:LABELS])
        learner = Learner(classifier, samples, pool, QueryConfig(subset_size=None), Stream(0), geometry=points)
        strategies = {"uherding": UncertaintyHerding(), "herding": opened("herding"), "selector": opened("selector")}
        found[name] = {each: costs(learner, strategy, options.rounds) for each, strategy in strategies.items()}
        print(name, json.dumps(found[name]), flush=True)
    options.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
