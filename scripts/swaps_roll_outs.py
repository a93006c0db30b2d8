"""Rules 4 and 6 of docs/protocol.md ("A universal policy"): two forms of swaps, on held-out families.

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

from herding_variants import greedy, swapped
from iale.benchmark.grid import GridConfig
from iale.benchmark.runner import run_grids
from iale.learner import CycleConfig
from iale.strategies._bandwidth import find_bandwidth
from iale.strategies._calibrated import calibrated_uncertainty
from iale.strategies._kernel import Kernel
from iale.strategies.base import Need, QueryContext, QueryStrategy
from iale.strategies.herding import UncertaintyHerding

HELD_OUT = ("fashion-mnist", "kmnist-10k", "cifar10-jpeg")
FORMS = ("swaps_roll_outs:Swaps", "swaps_roll_outs:SwapsAndMore")


class Swaps(QueryStrategy):
    """Uncertainty Herding's batch, after up to three rounds in which each sample gives way to a better one.

    It holds the kernel of all candidates, so it is for pools of a few thousand.
    """

    name: ClassVar[str] = "swaps"
    needs: ClassVar[frozenset[Need]] = UncertaintyHerding.needs
    starts_cold: ClassVar[bool] = True
    trust: ClassVar[float] = 1.0
    """What labeled samples cover counts as this share of it."""
    floor: ClassVar[float] = 0.0
    """This is added to every U."""

    def select(self, context: QueryContext, k: int, *, rng: np.random.Generator) -> Tensor:
        """int64 [k]."""
        assert context.geometry is not None
        assert context.labeled_geometry is not None
        first = UncertaintyHerding().select(context, k, rng=rng).tolist()
        kernel = Kernel(context.geometry.read(), find_bandwidth(context.labeled_geometry, "median"))
        covered = self.trust * kernel.nearest(context.labeled_geometry).float().numpy()
        weights = calibrated_uncertainty(context, torch.arange(len(context))).float().numpy() + self.floor
        near, free = kernel.block(slice(None), slice(None), torch.float32).numpy(), np.ones(len(context), bool)
        if self.floor or self.trust != 1:
            first = greedy(near, weights, covered, free, k)
        return torch.tensor(swapped(near, weights, covered, free, first), dtype=torch.int64)


class SwapsAndMore(Swaps):
    """Swaps and labels cover 0.9 and U + 0.1."""

    name: ClassVar[str] = "swaps-and-more"
    trust: ClassVar[float] = 0.9
    floor: ClassVar[float] = 0.1


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
        grid = replace(shape, dataset=name, strategies=("uherding", *FORMS), seeds=options.seeds, cycle=cycle)
        run_grids((grid,), options.out, workers=1)


if __name__ == "__main__":
    main()
