"""What sheets of look-alikes save: a scripted annotator labels Fashion-MNIST one by one, and with sheets.

    IALE_DATA=FOLDER python benchmarks/label_grid.py

Nobody is timed. The annotator has the times and the errors that are written below, and everything else is the program
as people use it: the samples that the default strategy asks for, the model's guesses, the sheets, and a fit after every
24 labels. With sheets, the annotator looks at each sample as before. If the guess is right, a sheet is opened; if it is
wrong, the sample is labeled, and a sheet of what is like it is opened. Every tile gets a glance; what is deselected is
asked alone, and costs another look.

The last line is one JSON object:
    grid_labels_per_minute        with sheets, from 100 to 400 labels;
    one_by_one_labels_per_minute  without;
    grid_error, one_by_one_error  share of wrong labels;
    grid_times_one_by_one         how many times as many labels a minute.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from common import record

from iale.classifiers.base import TrainingConfig
from iale.data import ArraySamples, load_dataset
from iale.errors import DataError
from iale.geometry import built_in
from iale.labeling import Project, ProjectConfig
from iale.labeling.fitting._fit import Refitter
from iale.labeling.items._reading import Reading
from iale.labeling.suggesting._near import Near
from iale.labeling.suggesting._sheets import MOST, Sheets
from iale.labeling.suggesting._sources import Suggested

LOOK_S, GLANCE_S = 1.2, 0.4  # at one sample and at one tile, the key included
SLIP = 0.02  # of a look: another class is pressed
MISS = 0.1  # of a glance: a wrong tile stays selected
DOUBT = 0.01  # of a glance: a right tile is deselected
POOL, START, STOP, FIT_EVERY = 3000, 100, 400, 24
SEEDS = (0, 1, 2, 3)


@dataclass
class Annotator:
    """Knows the truth, and works as fast and as carelessly as a person."""

    project: Project
    truth: list[str]
    rng: np.random.Generator
    seconds: float = 0.0
    wrong: int = 0
    count: int = 0
    sheets: list[tuple[int, int]] = field(default_factory=list)  # tiles of each, and how many of them were right

    def of(self, sample: str) -> str:
        return self.truth[self.project.items.ids.index(sample)]

    def say(self, sample: str, label: str) -> None:
        self.project.label("ann", sample, label)
        self.count += 1
        self.wrong += label != self.of(sample)

    def look(self, sample: str) -> None:
        """Labels a sample that is on the screen; the look itself is counted by the caller."""
        others = [name for name in self.project.classes if name != self.of(sample)]
        self.say(sample, str(self.rng.choice(others)) if self.rng.random() < SLIP else self.of(sample))

    def sheet(self, sheets: Sheets, sample: str) -> bool:
        """Labels a sheet; false if there is none."""
        try:
            sheet = sheets.lay("ann", "", sample, MOST)
        except DataError:
            return False
        self.seconds += GLANCE_S * sum(each != sample for each in sheet.samples)  # that one has had its look
        self.sheets.append((len(sheet.samples), sum(self.of(each) == sheet.label for each in sheet.samples)))
        for each in sheet.samples:
            right = self.of(each) == sheet.label
            if each == sample or self.rng.random() < (1 - DOUBT if right else MISS):
                self.say(each, sheet.label)
            else:
                self.seconds += LOOK_S
                self.look(each)
        return True


def label(ann: Annotator, sheets: Sheets | None, count: int, refitter: Refitter | None) -> None:
    """Labels until there are ``count`` more, with sheets if there is a model."""
    fitted = None
    while ann.count < count:
        if refitter is not None and (fitted is None or ann.count - fitted >= FIT_EVERY):
            refitter.fit()
            fitted = ann.count
            print(f"{ann.count} labels, {ann.seconds:.0f} s, {ann.wrong} wrong, sheets {ann.sheets[-3:]}", flush=True)
        (ticket,) = ann.project.next("ann", 1)
        ann.seconds += LOOK_S
        right = any(label == ann.of(ticket.sample) for label, _ in ticket.guess[:1])
        if not (right and sheets is not None and ann.sheet(sheets, ticket.sample)):
            ann.look(ticket.sample)
            if sheets is not None and ticket.reason != "test" and not right:
                ann.sheet(sheets, ticket.sample)


def play(folder: Path, seed: int, *, grid: bool) -> Annotator:
    """From START to STOP labels; returns the annotator, whose times and errors begin at START."""
    data = load_dataset("fashion-mnist")
    rows = torch.from_numpy(np.sort(np.random.default_rng(seed).permutation(len(data.train))[:POOL]))
    images = data.train.batch(rows)
    np.savez(folder / "data.npz", x=images.numpy())
    np.save(folder / "points.npy", built_in(ArraySamples(images), "image").read().numpy())
    truth = [f"class {int(label)}" for label in data.train_labels[rows]]
    config = ProjectConfig(
        folder / "data.npz",
        tuple(sorted(set(truth))),
        embeddings=folder / "points.npy",
        training=TrainingConfig(device="cpu"),
        twice_share=0.0,
        seed=seed,
    )
    project = Project.create(folder / "project", config)
    reader = project.reader
    refitter = Refitter(reader, Reading(reader.items, reader.views.inputs))
    refitter._random_labels = POOL  # what random choice would have given is not asked
    sheets = Sheets(reader, Suggested(reader), Near(reader))
    ann = Annotator(project, truth, np.random.default_rng(seed))
    label(ann, sheets, START, refitter=None)
    ann.count, ann.seconds, ann.wrong = 0, 0.0, 0
    label(ann, sheets if grid else None, STOP - START, refitter if grid else None)
    project.close()
    return ann


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    begun = time.monotonic()
    found: dict[str, list[float]] = {}
    tiles = right = 0
    for seed in SEEDS:
        for name in ("grid", "one_by_one"):
            with tempfile.TemporaryDirectory(prefix="iale-grid-") as folder:
                ann = play(Path(folder), seed, grid=name == "grid")
            found.setdefault(f"{name}_labels_per_minute", []).append(60 * ann.count / ann.seconds)
            found.setdefault(f"{name}_error", []).append(ann.wrong / ann.count)
            tiles, right = tiles + sum(n for n, _ in ann.sheets), right + sum(n for _, n in ann.sheets)
            print(
                f"seed {seed}, {name}: {60 * ann.count / ann.seconds:.1f} a minute, {ann.wrong} of {ann.count} wrong",
                flush=True,
            )
    results = {name: round(float(np.mean(values)), 4) for name, values in found.items()}
    results["grid_times_one_by_one"] = round(
        results["grid_labels_per_minute"] / results["one_by_one_labels_per_minute"], 2
    )
    assumed = {"look_s": LOOK_S, "glance_s": GLANCE_S, "slip": SLIP, "miss": MISS, "doubt": DOUBT}
    details = {
        "assumed": assumed,
        "pool": POOL,
        "labels": [START, STOP],
        "seeds": list(SEEDS),
        "tiles_right": round(right / max(1, tiles), 3),
        "each": {name: [round(value, 4) for value in values] for name, values in found.items()},
        "seconds": round(time.monotonic() - begun, 1),
    }
    record("label_grid", results, details)


if __name__ == "__main__":
    main()
