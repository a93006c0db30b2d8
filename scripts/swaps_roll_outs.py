"""Rules 4 and 6 of docs/protocol.md ("A universal policy"): Uncertainty Herding with swaps, on held-out families.

    python scripts/swaps_roll_outs.py [--out results/universal/swaps] [--seeds 10] [--batch 50]

Runs of iale's own linear head with a pool of 3,000, from 20 to 320 labels, beside Uncertainty Herding. Finished runs
are in the folder and are not played again.
"""

from __future__ import annotations

import argparse
import os
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from torch import Tensor

from herding_variants import swapped
from iale.benchmark.grid import GridConfig
from iale.benchmark.runner import run_grids
from iale.learner import CycleConfig
from iale.strategies._bandwidth import find_bandwidth
from iale.strategies._calibrated import calibrated_uncertainty
from iale.strategies._kernel import Kernel
from iale.strategies.base import Need, QueryContext, QueryStrategy
from iale.strategies.herding import UncertaintyHerding

HELD_OUT = ("fashion-mnist", "kmnist-10k", "cifar10-jpeg")
SWAPS = "swaps_roll_outs:Swaps"


class Swaps(QueryStrategy):
    """Uncertainty Herding's batch, after up to three rounds in which each sample gives way to a better one.

    It holds the kernel of all candidates, so it is for pools of a few thousand.
    """

    name: ClassVar[str] = "swaps"
    needs: ClassVar[frozenset[Need]] = UncertaintyHerding.needs
    starts_cold: ClassVar[bool] = True

    def select(self, context: QueryContext, k: int, *, rng: np.random.Generator) -> Tensor:
        """int64 [k]."""
        assert context.geometry is not None
        assert context.labeled_geometry is not None
        first = UncertaintyHerding().select(context, k, rng=rng).tolist()
        kernel = Kernel(context.geometry.read(), find_bandwidth(context.labeled_geometry, "median"))
        covered = kernel.nearest(context.labeled_geometry).float().numpy()
        weights = calibrated_uncertainty(context, torch.arange(len(context))).float().numpy()
        near, free = kernel.block(slice(None), slice(None), torch.float32).numpy(), np.ones(len(context), bool)
        return torch.tensor(swapped(near, weights, covered, free, first), dtype=torch.int64)


def main() -> None:
    """Plays what is missing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("results/universal/swaps"))
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--families", default=",".join(HELD_OUT))
    parser.add_argument("--batch", type=int, default=50)
    options = parser.parse_args()
    cycle = CycleConfig(labeling_budget=320, acquisition_size=options.batch, subset_size=None)
    shape = GridConfig(classifier="linear", embeddings="pixels", pools=("whole",), pool_size=3000, test_size=2000)
    for name in options.families.split(","):  # one at a time: a process remembers two data sets
        grid = replace(shape, dataset=name, strategies=("uherding", SWAPS), seeds=options.seeds, cycle=cycle)
        run_grids((grid,), options.out, workers=1)


if __name__ == "__main__":
    main()
