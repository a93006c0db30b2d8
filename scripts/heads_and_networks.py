"""Where a network begins to do better than the linear head that `iale label` fits to the built-in geometry.

    python scripts/heads_and_networks.py digits mnist fashion-mnist --seeds 3

Both learn from the same random labels of a folder of 5,000 images. Prints the accuracy on the test split.
"""

from __future__ import annotations

import argparse

import torch

from iale.classifiers import FitJob, TrainingConfig, build_classifier
from iale.data import ArraySamples, DataSet, load_dataset
from iale.geometry import PointSamples, built_in
from iale.geometry._builtin import built_in_maker
from iale.geometry.points import Points
from iale.seeding import Stream

COUNTS = (50, 100, 200, 400, 800)
POOL, TESTED = 5000, 2000


def main() -> None:
    """Prints a line for each data set and number of labels."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("datasets", nargs="+")
    options.add_argument("--seeds", type=int, default=3)
    options.add_argument("--counts", type=int, nargs="+", default=COUNTS)
    said = options.parse_args()
    for name in said.datasets:
        data = load_dataset(name)
        for count in said.counts:
            found = [accuracies(data, count, seed) for seed in range(said.seeds)]
            head, network = (100 * sum(each) / len(found) for each in zip(*found, strict=True))
            told = f"head {head:.1f}  cnn {network:.1f}  ({network - head:+.1f})"
            print(f"{name:14} {count:4} labels: {told}", flush=True)


def accuracies(data: DataSet, count: int, seed: int) -> list[float]:
    """Of the head and of the network."""
    rng = Stream(seed).child("pool").numpy()
    rows = torch.from_numpy(rng.permutation(len(data.train))[:POOL])
    images, labels = ArraySamples(data.train.batch(rows)), data.train_labels[rows]
    tests = torch.arange(min(TESTED, len(data.test)))
    seen = ArraySamples(data.test.batch(tests))
    points = PointSamples(built_in(images))
    test_points = PointSamples(Points(built_in_maker(images).points(seen, tests), tests))
    job = FitJob(torch.arange(count), labels[:count], seed)
    found, cpu = [], TrainingConfig(device="cpu")
    for name, learned, tested in (("linear", points, test_points), ("cnn", images, seen)):
        fitted = build_classifier(name, learned, data.num_classes, cpu).fit_many(learned, [job])[0]
        found.append(float((fitted.outputs(tested, tests).predictions == data.test_labels[tests]).double().mean()))
    return found


if __name__ == "__main__":
    main()
