"""Is what a labeling project tells of itself true? Projects whose labels are all known are labeled, and asked.

    python scripts/check_savings.py --datasets digits fashion-mnist --projects 10 --out runs/savings.jsonl

At some numbers of labels each project tells the accuracy, the accuracy after the next 50 labels, and what as many
random labels would give. What is true is measured on test images, which are none of the pool,
with later fits of the same project, and with fits to random labels of the same pool. One line for each project and
number; the same command goes on where it was stopped, and ends with a Markdown table: how often a project tells, and
how often its interval holds what is true.
"""

from __future__ import annotations

import dataclasses
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
import tyro
from tqdm import tqdm

from iale import _storage as storage
from iale.classifiers.base import TrainingConfig
from iale.data.arrays import ArraySamples
from iale.data.catalog import load_dataset
from iale.labeling.fitting.saved import fit_now, load_latest
from iale.labeling.forecast._savings import AHEAD
from iale.labeling.forecast.status import Range, Status
from iale.labeling.project import Project
from iale.labeling.record.config import ProjectConfig
from iale.seeding import Stream

POOL = 2000
REPEATS = 4  # draws of random labels, whose mean accuracy is the truth
TESTS = 3000


@dataclasses.dataclass(frozen=True)
class Options:
    """What is tried.

    Attributes:
        datasets: by name.
        projects: of each data set, with other pools and draws.
        first: the seed of the first project; the others follow.
        asked: numbers of labels, those of the test share included, at which a project is asked what it thinks.
        test_share: of the labels.
        classifier: of the project.
        batch: labels between two fits.
        epochs: of a fit of a network.
        out: the lines.
    """

    datasets: tuple[str, ...] = ("digits", "fashion-mnist")
    projects: int = 10
    first: int = 0
    asked: tuple[int, ...] = (200, 400)
    test_share: float = 0.1
    classifier: str = "auto"
    batch: int = 20
    epochs: int = 100
    out: Path = Path("runs/savings.jsonl")


def main(options: Options) -> None:
    """Plays what is missing, then prints the table."""
    torch.set_num_threads(1)
    done = {(line["dataset"], line["seed"], line["test_share"]) for line in storage.read_lines(options.out)}
    seeds = range(options.first, options.first + options.projects)
    wanted = [(name, seed, options.test_share) for seed in seeds for name in options.datasets]
    for name, seed, share in tqdm([each for each in wanted if each not in done], unit="project"):
        lines = list(play(name, seed, options))  # whole projects alone are kept
        for line in lines:
            storage.append_line(options.out, {"dataset": name, "seed": seed, "test_share": share, **line})
    print(table([line for line in storage.read_lines(options.out) if line["dataset"] in options.datasets]))


def play(name: str, seed: int, options: Options) -> Iterator[dict[str, Any]]:
    """Labels one project up to the last number that is asked and 50 more; a line for each number."""
    data = load_dataset(name)
    rows = Stream(seed).child("pool").numpy().permutation(len(data.train))[:POOL]
    truth = [str(label) for label in data.train_labels.numpy()[rows].tolist()]
    places = torch.arange(min(TESTS, len(data.test))) * len(data.test) // min(TESTS, len(data.test))
    tests = ArraySamples(data.test.batch(places))
    answers = [str(label) for label in data.test_labels[places].tolist()]

    with tempfile.TemporaryDirectory() as scratch:
        pool = Path(scratch) / "pool.npz"
        np.savez(pool, x=data.train.batch(torch.from_numpy(rows)).numpy())

        def create(folder: str, test_share: float) -> Project:
            config = ProjectConfig(
                pool,
                tuple(str(label) for label in range(data.num_classes)),
                classifier=options.classifier,
                test_share=test_share,
                twice_share=0,
                seed=seed,
                training=TrainingConfig(epochs=options.epochs, device="cpu"),
            )
            return Project.create(Path(scratch) / folder, config)

        def right(project: Project) -> float:
            fit_now(project)
            said = load_latest(project).predict(tests)
            return float(np.mean([one == other for one, other in zip(said, answers, strict=True)]))

        def at_random(labels: int, draw: int) -> float:
            project = create(f"random-{labels}-{draw}", 0)
            chosen = Stream(seed).child("random", labels, draw).numpy().permutation(len(truth))[:labels]
            ids = project.items.ids
            project.add_labels("ann", {ids[int(row)]: truth[row] for row in chosen}, "random")
            return right(project)

        project = create("project", options.test_share)
        curve: list[tuple[int, int, float]] = []  # labels given, labels learned from, true accuracy
        told: dict[int, Status] = {}
        while len(project.labels()) < max(options.asked) + AHEAD + options.batch:
            for ticket in project.next("ann", options.batch):
                project.label("ann", ticket.sample, truth[project.items.ids.index(ticket.sample)])
            if not project.can_fit():
                continue
            height = right(project)
            given = len(project.labels())
            curve.append((given, project.fits.all[-1].labels, height))
            if any(asked <= given < asked + options.batch for asked in options.asked):
                told[len(curve) - 1] = project.status()
        for at, status in told.items():
            given, learned, height = curve[at]
            random = float(np.mean([at_random(learned, draw) for draw in range(REPEATS)]))
            yield {
                "labels": given,
                "tests": status.tested,
                "accuracy": [*dataclasses.astuple(status.accuracy), height],
                "expected": [*dataclasses.astuple(status.expected), later(curve, given + status.ahead)],
                "at_random": [*dataclasses.astuple(status.at_random), random],
            }


def later(curve: list[tuple[int, int, float]], given: int) -> float:
    """True accuracy with so many labels: the mean of the three fits around, since single ones vary."""
    near = sorted(range(len(curve)), key=lambda at: abs(curve[at][0] - given))[:3]
    return float(np.mean([curve[at][2] for at in near]))


def holds(told: Range, true: float | None) -> bool | None:
    """Whether an interval holds what is true; None where nothing was told, or the truth is not known."""
    if true is None or (told.low is None and told.high is None):
        return None
    low, high = told.low, told.high
    return (low is None or low <= true) and (high is None or true <= high)


def table(lines: list[dict[str, Any]]) -> str:
    """How often something is told, how wide its intervals are, and how often they hold what is true, as Markdown."""
    rows = ["| labels | told | asked | told with both ends | mean width | the interval holds what is true |"]
    rows.append("| ---: | --- | ---: | ---: | ---: | ---: |")
    for asked in sorted({line["labels"] for line in lines}):
        own = [line for line in lines if line["labels"] == asked]
        for what in ("accuracy", "expected", "at_random"):
            pairs = [(Range(*line[what][:3]), line[what][3]) for line in own]
            found = [held for told, true in pairs if (held := holds(told, true)) is not None]
            widths = [
                r.high - r.low for r, _ in pairs if r.value is not None and r.low is not None and r.high is not None
            ]
            width = f"{np.mean(widths):.2f}" if widths else "—"
            share = f"{sum(found)} of {len(found)}" if found else "—"
            rows.append(f"| {asked} | {what} | {len(pairs)} | {len(widths)} | {width} | {share} |")
    return "\n".join(rows)


if __name__ == "__main__":
    main(tyro.cli(Options))
