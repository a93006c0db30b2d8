"""Is what a labeling project tells of itself true? Projects whose labels are all known are labeled, and asked.

    python scripts/check_savings.py --datasets digits fashion-mnist --projects 10 --out runs/savings.jsonl

At some numbers of labels each project tells the accuracy, the gain of the next batch, the labels to a target and the
labels saved against random choice. What is true is measured on test images, which are none of the pool, with later
fits of the same project, and with fits to random labels of the same pool. One line for each project and number; the
same command goes on where it was stopped, and ends with a Markdown table: how often the intervals hold what is true.
"""

from __future__ import annotations

import dataclasses
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
import tyro
from numpy.typing import NDArray
from tqdm import tqdm

from iale import _storage as storage
from iale.classifiers.base import FitJob, FittedClassifier, TrainingConfig
from iale.data.arrays import ArraySamples
from iale.data.catalog import load_dataset
from iale.data.samples import Samples
from iale.labeling.fitting._fit import Refitter
from iale.labeling.fitting.saved import load_latest
from iale.labeling.forecast.status import Range
from iale.labeling.items._reading import Reading
from iale.labeling.project import Project
from iale.labeling.record.config import ProjectConfig
from iale.learner import accuracy
from iale.recipe import classifier_of
from iale.seeding import Stream

POOL = 2000
ASKED = (250, 350, 450, 600)
"""Labels, those of the test share included, at which a project is asked what it thinks."""

RANDOM = (25, 50, 100, 200, 400, 800, 1600)
REPEATS = 2
TESTS = 3000


@dataclasses.dataclass(frozen=True)
class Options:
    """What is tried.

    Attributes:
        datasets: by name.
        projects: of each data set, with other pools and draws.
        test_share: of the labels.
        batch: labels between two fits.
        epochs: of a fit.
        out: the lines.
    """

    datasets: tuple[str, ...] = ("digits", "fashion-mnist")
    projects: int = 10
    test_share: float = 0.1
    batch: int = 50
    epochs: int = 100
    out: Path = Path("runs/savings.jsonl")


def main(options: Options) -> None:
    """Plays what is missing, then prints the table."""
    torch.set_num_threads(1)
    done = {(line["dataset"], line["seed"], line["test_share"]) for line in storage.read_lines(options.out)}
    wanted = [(name, seed, options.test_share) for name in options.datasets for seed in range(options.projects)]
    for name, seed, share in tqdm([each for each in wanted if each not in done], unit="project"):
        lines = list(play(name, seed, options))  # whole projects alone are kept
        for line in lines:
            storage.append_line(options.out, {"dataset": name, "seed": seed, "test_share": share, **line})
    print(table([line for line in storage.read_lines(options.out) if line["dataset"] in options.datasets]))


def play(name: str, seed: int, options: Options) -> Iterator[dict[str, Any]]:
    """Labels one project up to the last number of ``ASKED`` and a batch; a line for each of them."""
    data = load_dataset(name)
    rows = Stream(seed).child("pool").numpy().permutation(len(data.train))[:POOL]
    inputs = data.train.batch(torch.from_numpy(rows)).numpy()
    truth = data.train_labels.numpy()[rows]
    names = [str(label) for label in range(data.num_classes)]
    tests = torch.arange(min(TESTS, len(data.test))) * len(data.test) // min(TESTS, len(data.test))

    def right(fitted: FittedClassifier) -> float:
        return accuracy(fitted, data.test, tests, data.test_labels[tests])

    with tempfile.TemporaryDirectory() as scratch:
        np.savez(Path(scratch) / "pool.npz", x=inputs)
        config = ProjectConfig(
            Path(scratch) / "pool.npz",
            tuple(names),
            classifier="mlp",
            fit_every=options.batch,
            test_share=options.test_share,
            twice_share=0,
            seed=seed,
            training=TrainingConfig(epochs=options.epochs, device="cpu"),
        )
        project = Project.create(Path(scratch) / "project", config)
        refitter = Refitter(project, Reading(project.items))
        curve: list[tuple[int, int, float]] = []  # labels given, labels learned from, true accuracy
        told: dict[int, Any] = {}
        while len(project.labels()) < min(max(ASKED) + 3 * options.batch, len(truth) - options.batch):
            for ticket in project.next("ann", options.batch):
                project.label("ann", ticket.sample, names[truth[project.items.ids.index(ticket.sample)]])
            if len(project.labels_to_learn_from()) < 20:
                continue
            refitter.fit()
            given = len(project.labels())
            curve.append((given, project.fits.all[-1].labels, right(load_latest(project).fitted)))
            for asked in ASKED:
                if asked <= given < asked + options.batch:
                    told[len(curve) - 1] = project.status()
        random = random_curve(config, ArraySamples(inputs), truth, right, seed)
    for at, status in told.items():
        given, learned, height = curve[at]
        most = len(truth) - status.tested  # labels that anyone could learn from, in this pool
        yield {
            "labels": given,
            "accuracy": [*dataclasses.astuple(status.accuracy), height],
            "gain": [*dataclasses.astuple(status.gain), later(curve, learned + options.batch) - later(curve, learned)],
            "target": status.target,
            "to_target": [*dataclasses.astuple(status.to_target), labels_to(curve, at, status.target)],
            "saved": [*dataclasses.astuple(status.saved), min(labels_at_random(random, height), most) - learned],
        }


def later(curve: list[tuple[int, int, float]], learned: int) -> float:
    """True accuracy with so many labels to learn from: the mean of the three fits around, since single ones vary."""
    near = sorted(range(len(curve)), key=lambda at: abs(curve[at][1] - learned))[:3]
    return float(np.mean([curve[at][2] for at in near]))


def labels_to(curve: list[tuple[int, int, float]], at: int, target: float | None) -> float | None:
    """Further labels until two fits in a row reach the target; None where the project ended before."""
    for first, second in zip(curve[at:], curve[at + 1 :], strict=False):
        if target is not None and min(first[2], second[2]) >= target:
            return float(first[0] - curve[at][0])
    return None


def random_curve(
    config: ProjectConfig,
    samples: Samples,
    truth: NDArray[Any],
    right: Callable[[FittedClassifier], float],
    seed: int,
) -> list[tuple[int, float]]:
    """Mean true accuracy of the project's classifier with random labels."""
    labels = torch.from_numpy(truth.astype(np.int64))
    classifier = classifier_of(config, "image", samples, len(config.classes))
    found = []
    for size in (*(size for size in RANDOM if size < len(truth)), len(truth)):
        heights = []
        for repeat in range(REPEATS):
            stream = Stream(seed).child("random", size, repeat)
            rows = torch.from_numpy(stream.child("rows").numpy().permutation(len(truth)))[:size]
            fitted = classifier.fit_many(samples, [FitJob(rows, labels[rows], stream.child("fit").seed)])[0]
            heights.append(right(fitted))
        found.append((size, float(np.mean(heights))))
    return found


def labels_at_random(random: list[tuple[int, float]], accuracy: float) -> float:
    """Labels at which the mean curve of random choice reaches the accuracy; its last number where it does not."""
    sizes, heights = np.array(random).T
    heights = np.maximum.accumulate(heights)
    return float(np.exp(np.interp(accuracy, heights, np.log(sizes))))


def holds(told: Range, true: float | None) -> bool | None:
    """Whether an interval holds what is true; None where nothing was told, or the truth is not known."""
    if true is None or (told.low is None and told.high is None):
        return None
    low, high = told.low, told.high
    return (low is None or low <= true) and (high is None or true <= high)


def table(lines: list[dict[str, Any]]) -> str:
    """Coverage and width, as Markdown."""
    rows = ["| data | told | asked | told with both ends | told with a lower end | the interval holds what is true |"]
    rows.append("| --- | --- | ---: | ---: | ---: | ---: |")
    for name in dict.fromkeys(line["dataset"] for line in lines):
        own = [line for line in lines if line["dataset"] == name]
        for what in ("accuracy", "gain", "to_target", "saved"):
            pairs = [(Range(*line[what][:3]), line[what][3]) for line in own]
            found = [held for told, true in pairs if (held := holds(told, true)) is not None]
            both = sum(told.value is not None for told, _ in pairs)
            half = sum(told.value is None and told.low is not None for told, _ in pairs)
            share = f"{sum(found)} of {len(found)}" if found else "—"
            rows.append(f"| {name} | {what} | {len(pairs)} | {both} | {half} | {share} |")
    return "\n".join(rows)


if __name__ == "__main__":
    main(tyro.cli(Options))
