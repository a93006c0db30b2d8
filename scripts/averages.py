"""Plays a linear head on averages of neighbors, on points as they are, and on points less their mean.

    python scripts/averages.py results/averages [--seeds 10] [--first 0] [--families mnist,digits]

docs/protocol.md says why. Runs that are in the folder are not played again.
"""

from __future__ import annotations

import argparse
import os
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from torch.nn.functional import normalize

from iale.benchmark._play import loaded
from iale.benchmark._views import BUILT_IN
from iale.benchmark.grid import GridConfig
from iale.benchmark.runner import run_grids
from iale.classifiers import TrainingConfig
from iale.data import load_dataset
from iale.data._split_names import split_names
from iale.geometry._averages import NEIGHBORS
from iale.learner import CycleConfig

FAMILIES = ("digits", "mnist", "cifar10-mobilenetv2", "fashion-mnist", "kmnist-10k", "cifar10-jpeg")
STRATEGIES = ("random", "margin", "maxherding", "uherding")


def grid(family: str, seed: int) -> GridConfig:
    """One seed of the runs on points as they are."""
    small = family == "digits"
    cycle = CycleConfig(labeling_budget=200, acquisition_size=10, initial_size=20)
    return GridConfig(
        dataset=family,
        classifier="linear",
        strategies=STRATEGIES,
        seeds=1,
        first_seed=seed,
        pools=("whole",),
        pool_size=None if small else 7000,
        test_size=None if small else 2000,
        embeddings=BUILT_IN,
        cycle=cycle,
        training=TrainingConfig(device="cpu"),
    )


def less_their_mean(family: str, folder: Path) -> Path:
    """A file of the points of both splits less the mean of the training points, scaled to length 1."""
    path = folder / f"{family}.npz"
    if not path.exists():
        data, _ = loaded(family, BUILT_IN)
        train, test = (part.points.read() for part in (data.train, data.test))  # type: ignore[attr-defined]
        mean = train.mean(dim=0)
        both = torch.cat([normalize(part - mean, dim=1) for part in (train, test)])
        names = [name for part in split_names(load_dataset(family)) for name in part]
        folder.mkdir(parents=True, exist_ok=True)
        np.savez(path, ids=np.array(names), embeddings=both.numpy())
    return path


def main() -> None:
    """Plays seed after seed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--families", default=",".join(FAMILIES))
    options = parser.parse_args()
    for seed in range(options.first, options.first + options.seeds):
        for family in options.families.split(","):
            plain = grid(family, seed)
            centered = replace(plain, embeddings=str(less_their_mean(family, Path("runs/less-their-mean"))))
            run_grids([plain, replace(plain, neighbors=NEIGHBORS), centered], options.out)


if __name__ == "__main__":
    main()
