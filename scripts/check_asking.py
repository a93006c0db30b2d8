"""What a project's questions gain: the accuracy with its labels, less that with as many random ones.

    IALE_DATA=FOLDER python scripts/check_asking.py --strategy uherding --candidates 1000 --projects 10

The pool is 5,000 images of Fashion-MNIST. A person labels what the project asks for, ten samples for each fit, with the
honest test share, and is never wrong. At 100 and 200 labels the head is tested on the 10,000 test images. Random choice
has the same head, and as many labels to learn from (80 and 160, since 20 and 40 belong to the test share), which are
drawn from the samples outside the test share. Prints a line for each project, and the means with their standard errors.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch

from iale.classifiers.base import TrainingConfig
from iale.data import ArraySamples, DataSet, load_dataset
from iale.labeling import Project, ProjectConfig
from iale.labeling.fitting._background import choose_first
from iale.labeling.fitting._fit import Refitter
from iale.labeling.fitting.saved import load_latest
from iale.labeling.items._reading import Reading
from iale.seeding import Stream

POOL, BATCH, COUNTS = 5000, 10, (100, 200)


@dataclass(frozen=True)
class Site:
    """One project whose labels are all known."""

    project: Project
    fitter: Refitter
    truth: Sequence[str]
    data: DataSet

    @classmethod
    def make(cls, data: DataSet, folder: Path, seed: int, strategy: str, candidates: int | None) -> Site:
        """A new project in ``folder``, whose geometry is made and whose first samples are chosen."""
        rows = torch.from_numpy(Stream(seed).child("pool").numpy().permutation(len(data.train))[:POOL])
        pool = folder / "pool.npz"
        np.savez(pool, x=data.train.batch(rows).numpy())
        config = ProjectConfig(
            pool,
            tuple(map(str, range(data.num_classes))),
            twice_share=0.0,
            seed=seed,
            strategy=strategy,
            subset_size=candidates,
            training=TrainingConfig(device="cpu"),
        )
        project = Project.create(folder / strategy, config)
        reader = project.reader
        reader.views.make_geometry()
        choose_first(reader)
        fitter = Refitter(reader, Reading(reader.items, reader.views.inputs))
        fitter._random_labels = POOL  # what random choice would have given is not asked here
        return cls(project, fitter, [str(label) for label in data.train_labels[rows].tolist()], data)

    def fit(self) -> float:
        """The accuracy of the head that is fitted to the labels there are now, on the test split."""
        self.fitter.fit()
        said = load_latest(self.project).predict(ArraySamples(self.data.test.batch(torch.arange(len(self.data.test)))))
        answers = self.data.test_labels.tolist()
        return float(np.mean([one == str(other) for one, other in zip(said, answers, strict=True)]))


def asked(site: Site) -> tuple[list[float], list[int]]:
    """The accuracies at the counts, and how many labels each head learned from."""
    project, heights, learned = site.project, [], []
    for count in COUNTS:
        while (left := count - len(project.labels())) > 0:
            for ticket in project.next("ann", min(BATCH, left)):
                project.label("ann", ticket.sample, site.truth[project.items.ids.index(ticket.sample)])
            if left > BATCH and project.can_fit():
                site.fitter.fit()
        heights.append(site.fit())
        learned.append(len(project.labels_to_learn_from()))
    return heights, learned


def at_random(site: Site, counts: Sequence[int], seed: int) -> list[float]:
    """The accuracies with so many random labels."""
    open_ = np.flatnonzero(~site.project.shares.reserved)
    order = open_[Stream(seed).child("r").numpy().permutation(len(open_))].tolist()
    heights, ids = [], site.project.items.ids
    for before, count in zip((0, *counts), counts, strict=False):
        site.project.add_labels("ann", {ids[row]: site.truth[row] for row in order[before:count]}, "random")
        heights.append(site.fit())
    return heights


def main() -> None:
    """Plays the projects."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--strategy", default=ProjectConfig.strategy)
    options.add_argument("--candidates", type=int, default=ProjectConfig.subset_size)
    options.add_argument("--projects", type=int, default=10)
    options.add_argument("--first", type=int, default=0)
    said = options.parse_args()
    torch.set_num_threads(1)
    data, gains = load_dataset("fashion-mnist"), []
    for seed in range(said.first, said.first + said.projects):
        with tempfile.TemporaryDirectory(prefix="iale-asking-") as folder:
            heights, learned = asked(Site.make(data, Path(folder), seed, said.strategy, said.candidates))
            random = at_random(Site.make(data, Path(folder), seed, "random", said.candidates), learned, seed)
        gains.append([100 * (one - other) for one, other in zip(heights, random, strict=True)])
        told = ", ".join(f"{100 * h:.1f} ({g:+.1f})" for h, g in zip(heights, gains[-1], strict=True))
        print(f"project {seed}: {told}", flush=True)
    means, spread = np.mean(gains, axis=0), np.std(gains, axis=0, ddof=1) / np.sqrt(len(gains))
    for count, mean, error in zip(COUNTS, means, spread, strict=True):
        print(f"{count} labels: {mean:+.1f} ± {error:.1f} points")


if __name__ == "__main__":
    main()
