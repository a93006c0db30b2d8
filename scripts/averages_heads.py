"""What averages do for a head on samples as they are: their choices, and the student of a head on averages.

    python scripts/averages_heads.py results/averages/heads.jsonl [--seeds 3] [--families mnist,digits]

Uncertainty Herding plays on points as they are and on averages, as in `scripts/averages.py`. After each acquisition, a
head on points as they are is fitted to what was chosen, and a student is made of the head on averages. Lines that are
in the file are not played again.
"""

from __future__ import annotations

import argparse
import os
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from torch import Tensor

from averages import FAMILIES, grid
from iale import _storage as storage
from iale.benchmark._play import begin_run, prepared_for
from iale.classifiers.base import FitJob, FittedClassifier
from iale.classifiers.heads import FittedLinearHead, LinearHead
from iale.data.samples import DataSet
from iale.geometry._averages import NEIGHBORS
from iale.labeling.fitting._student import student_of
from iale.learner import run_cycle
from iale.policies.catalog import find_strategy


def played(family: str, seed: int) -> dict[str, float | int | str]:
    """The AUC of each head: of what was chosen on points as they are, and on averages; of its student, too."""
    torch.set_num_threads(1)
    plain = grid(family, seed)
    data, head, _ = prepared_for(plain)
    assert isinstance(head, LinearHead)
    count = plain.test_size or len(data.test)
    tested = torch.arange(count) * len(data.test) // count
    found: dict[str, float | int | str] = {"family": family, "seed": seed}
    for view, config in {"plain": plain, "averages": replace(plain, neighbors=NEIGHBORS)}.items():
        seen, classifier, _ = prepared_for(config)
        learner = begin_run(config, seen, classifier, "whole", seed)
        learner.geometry = seen.train.points  # type: ignore[attr-defined]
        heads: dict[str, list[float]] = {"own": [], "plain": [], "student": []}

        def measure(
            fitted: FittedClassifier, seen: DataSet = seen, heads: dict[str, list[float]] = heads, view: str = view
        ) -> float:
            labeled, pool = learner.pool.labeled, learner.pool  # noqa: B023  (called in this turn of the loop)
            heads["own"].append(_share(fitted, seen, tested))
            other = head.fit(data.train, FitJob(labeled, pool.labels, 0))
            heads["plain"].append(_share(other, data, tested))
            if view == "averages":
                assert isinstance(fitted, FittedLinearHead)
                heads["student"].append(_share(student_of(fitted.fitted, seen.train, data.train), data, tested))
            return heads["own"][-1]

        list(run_cycle(learner, find_strategy("uherding"), data.train_labels, measure))
        found |= {f"{view}: {name}": round(float(np.mean(values)), 6) for name, values in heads.items() if values}
    return found


def _share(fitted: FittedClassifier, data: DataSet, tested: Tensor) -> float:
    """The accuracy on some test samples."""
    right = fitted.outputs(data.test, tested).predictions == data.test_labels[tested]
    return float(right.double().mean())


def main() -> None:
    """Plays seed after seed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--families", default=",".join(FAMILIES))
    options = parser.parse_args()
    kept = (
        {(line["family"], line["seed"]) for line in storage.read_lines(options.out)} if options.out.exists() else set()
    )
    for seed in range(options.seeds):
        for family in options.families.split(","):
            if (family, seed) not in kept:
                storage.append_line(options.out, found := played(family, seed))
                print(found, flush=True)


if __name__ == "__main__":
    main()
