"""Where a network begins to do better than the linear head that `iale label` fits to the built-in geometry.

    python scripts/heads_and_networks.py [digits mnist …] [--seeds 5] [--out results/heads-and-networks.jsonl]

Both learn from the same random labels of a folder of 5,000 images, and tell 2,000 test images (or all there are).
Finished seeds are in the file and are not played again; `make results` makes the table in docs/labeling-measured.md.
"""

from __future__ import annotations

import argparse
import os
from collections import defaultdict
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch

from iale import _storage as storage
from iale.benchmark._statistics import estimate
from iale.classifiers import FitJob, TrainingConfig, build_classifier
from iale.data import ArraySamples, DataSet, load_dataset
from iale.geometry import PointSamples, built_in
from iale.geometry._builtin import built_in_maker
from iale.geometry.points import Points
from iale.reports._markup import Table, markdown
from iale.reports._tables import percent, signed
from iale.seeding import Stream

SETS = ("digits", "mnist", "fashion-mnist", "kmnist-10k")
COUNTS = (50, 100, 200, 400, 800)
POOL, TESTED = 5000, 2000


def main() -> None:
    """Plays what is missing, a line for each data set and seed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("datasets", nargs="*", default=SETS)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path("results/heads-and-networks.jsonl"))
    options = parser.parse_args()
    known = storage.read_lines(options.out) if options.out.exists() else []
    done = {(line["dataset"], line["seed"]) for line in known}
    for seed in range(options.seeds):
        for name in options.datasets:
            if (name, seed) not in done:
                found = {"dataset": name, "seed": seed, "labels": COUNTS, **accuracies(load_dataset(name), seed)}
                storage.append_line(options.out, found)
                print(found, flush=True)


def accuracies(data: DataSet, seed: int) -> dict[str, list[float]]:
    """Of the head and of the network, for each number of labels."""
    rng = Stream(seed).child("pool").numpy()
    rows = torch.from_numpy(rng.permutation(len(data.train))[:POOL])
    images, labels = ArraySamples(data.train.batch(rows)), data.train_labels[rows]
    tests = torch.arange(min(TESTED, len(data.test)))
    seen = ArraySamples(data.test.batch(tests))
    points = PointSamples(built_in(images))
    test_points = PointSamples(Points(built_in_maker(images).points(seen, tests), tests))
    jobs = [FitJob(torch.arange(count), labels[:count], seed) for count in COUNTS]
    found, cpu = {}, TrainingConfig(device="cpu")
    for name, learned, tested in (("linear", points, test_points), ("cnn", images, seen)):
        classifier = build_classifier(name, learned, data.num_classes, cpu)
        told = (each.outputs(tested, tests).predictions for each in classifier.fit_many(learned, jobs))
        found[name] = [float((each == data.test_labels[tests]).double().mean()) for each in told]
    return found


def table(path: Path) -> str:
    """The accuracies in percent, and how much better the network is in points, each over the seeds of a data set."""
    lines = defaultdict(list)
    for line in storage.read_lines(path):
        lines[str(line["dataset"])].append(line)
    rows = []
    for name in sorted(lines, key=SETS.index):
        for place, count in enumerate(COUNTS):
            head, cnn = ([line[each][place] for line in lines[name]] for each in ("linear", "cnn"))
            gain = estimate([b - a for a, b in zip(head, cnn, strict=True)])
            rows.append(
                [name, str(count), percent(estimate(head)), percent(estimate(cnn)), signed(gain), str(gain.count)]
            )
    return markdown(Table(["images", "labels", "head, %", "cnn, %", "cnn − head, points", "seeds"], rows))


if __name__ == "__main__":
    main()
