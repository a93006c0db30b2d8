"""The time of a whole run with IALE divided by that of the same run with Random: what does the policy cost?

    python benchmarks/overhead.py [--rounds 7] [--labels 60] [--epochs 100]

It runs the CNN on the embedded subset of Fashion-MNIST, with sub-pools of 100 and acquisitions of 10, and measures the
accuracy after each fit. The policy is untrained, because its time does not depend on its weights. Short runs have the
cheapest fits and so the least favorable ratio; the paper's is 1.055 for a ResNet-18 on CIFAR-10.
"""

from __future__ import annotations

import argparse
import os
from functools import partial

os.environ.setdefault("OMP_NUM_THREADS", "1")  # as everywhere in iale: the same sums on any machine

import torch
from common import interleaved, record

from iale.classifiers.base import TrainingConfig
from iale.classifiers.build import build_classifier
from iale.data.catalog import load_dataset
from iale.learner import CycleConfig, accuracy, run_cycle, start
from iale.policies.iale import random_policy
from iale.policies.state import StateConfig
from iale.seeding import Stream
from iale.strategies.base import QueryStrategy
from iale.strategies.random import Random


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--labels", type=int, default=60, help="labels at the end of a run")
    parser.add_argument("--epochs", type=int, default=100)
    arguments = parser.parse_args()
    data = load_dataset("fashion-small")
    training = TrainingConfig(epochs=arguments.epochs, device="cpu")
    classifier = build_classifier("cnn", data.train, data.num_classes, training)
    policy = random_policy(StateConfig(), data.num_classes, classifier.embedding_dim, Stream(0))
    test = torch.arange(len(data.test))

    def run(strategy: QueryStrategy, labels: int) -> None:
        learner = start(classifier, data, CycleConfig(labeling_budget=labels), Stream(0))
        evaluate = partial(accuracy, samples=data.test, indices=test, labels=data.test_labels)
        list(run_cycle(learner, strategy, data.train_labels, evaluate))

    for strategy in (policy, Random()):
        run(strategy, 30)  # warm up
    times = interleaved(
        arguments.rounds, iale=lambda: run(policy, arguments.labels), random=lambda: run(Random(), arguments.labels)
    )
    wall, used = (round(times["iale"][key] / times["random"][key], 4) for key in ("wall_s", "cpu_s"))
    details = {**times, "ratio_by_processor_time": used, **vars(arguments)}
    print(details, flush=True)
    record("overhead", {"iale_over_random": wall}, details)


if __name__ == "__main__":
    main()
