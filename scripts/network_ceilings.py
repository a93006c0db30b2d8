"""What a better judge of a network could gain over Error Herding at most: controls that know what no strategy knows.

    python scripts/network_ceilings.py [--out results/universal/network-ceilings] [--seeds 5]

One covers just the samples that the network gets wrong; one takes the mean of that and of what Error Herding believes;
and one is Error Herding that asks for 5 samples at a time. The runs are those of the MLP in `iale bench networks`.
Finished runs are in the folder and are not played again.
"""

from __future__ import annotations

import argparse
import os
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import ClassVar

os.environ.setdefault("OMP_NUM_THREADS", "1")

from torch import Tensor

from iale.benchmark._experiments.networks import DOUBTS, SEES, networks
from iale.benchmark._play import loaded
from iale.benchmark._sizes import SIZES
from iale.benchmark.runner import run_grids
from iale.classifiers import TrainingConfig
from iale.strategies._calibrated import doubted
from iale.strategies.base import QueryContext
from iale.strategies.herding import ErrorHerding
from replay import FAMILIES


class PerfectJudge(ErrorHerding):
    """U = 1 where the network is wrong, and 0 elsewhere."""

    name: ClassVar[str] = "perfect-judge"

    def _uncertainty(self, context: QueryContext, at: Tensor) -> Tensor:
        return wrong(context)[at].double()


class HalfPerfect(ErrorHerding):
    """The mean of both judges."""

    name: ClassVar[str] = "half-perfect"

    def _uncertainty(self, context: QueryContext, at: Tensor) -> Tensor:
        return (wrong(context)[at].double() + doubted(context, at)) / 2


def wrong(context: QueryContext) -> Tensor:
    """Bool [n]: whether the network's answer for each candidate is wrong."""
    assert context.geometry is not None
    truth = labels_of(len(context.geometry.values))
    return context.candidates.logits.argmax(1) != truth[context.geometry.indices]


@lru_cache
def labels_of(samples: int) -> Tensor:
    """Those of the data set with so many samples; the three differ in that."""
    (found,) = (data for data, _ in map(loaded, FAMILIES) if len(data.train) == samples)
    return found.train_labels


def main() -> None:
    """Plays what is missing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("results/universal/network-ceilings"))
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    grids = networks(SIZES["standard"](TrainingConfig(device="cpu"))).grids
    added = tuple(f"network_ceilings:{name}" for name in ("PerfectJudge", "HalfPerfect"))
    for name in FAMILIES:
        shape = next(g for g in grids if (g.dataset, g.classifier) == (name, "mlp") and DOUBTS in g.strategies)
        grid = replace(shape, strategies=(SEES, DOUBTS, *added), seeds=options.seeds)
        often = replace(grid, strategies=(DOUBTS,), cycle=replace(grid.cycle, acquisition_size=5))
        run_grids((grid, often), options.out, workers=1)


if __name__ == "__main__":
    main()
