"""Whether labels tell where averages of neighbors harm: a gate that compares them at each fit.

    python scripts/averages_gate.py results/averages/gate.jsonl [--wheels WHEELS] [--first 0] [--seeds 3]
        [--tasks digits,languages] [--errors 0,1,2]

docs/protocol.md says why. Uncertainty Herding plays on points as they are, on averages, and for each number of standard
errors behind a gate, which closes if averages are worse by more than that. Tasks of texts need the WHEELS that
`scripts/averages_texts.py` names. Lines that are in the file are not played again.
"""

from __future__ import annotations

import argparse
import os
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch

from averages import FAMILIES, grid
from averages_texts import TASKS, text_grid
from iale import _storage as storage
from iale.benchmark._play import begin_run, prepared_for
from iale.benchmark.grid import GridConfig
from iale.geometry._averages import NEIGHBORS
from iale.labeling.fitting._gate import gains_of
from iale.learner import accuracy
from iale.policies.catalog import find_strategy

HERDING = find_strategy("uherding")


def played(plain: GridConfig, seed: int, errors: float | None) -> tuple[float, float]:
    """The AUC, and the share of the fits on averages; ``errors`` are infinite for averages, and None for none."""
    views = []
    for config in (plain, replace(plain, neighbors=NEIGHBORS)):
        data, head, _ = prepared_for(config)
        learner = begin_run(config, data, head, "whole", seed)
        learner.geometry = data.train.points  # type: ignore[attr-defined]
        views.append((learner, data, head))
    pool = views[1][0].pool = views[0][0].pool
    count = plain.test_size or len(views[0][1].test)
    tested = torch.arange(count) * len(views[0][1].test) // count
    shares, opened = [], []
    while True:
        learner, data, _ = views[int(_opens(views, errors))]
        opened.append(learner is views[1][0])
        learner.fit(HERDING.needs)
        shares.append(accuracy(learner.fitted, data.test, tested, data.test_labels[tested]))
        if len(pool.labeled) == plain.cycle.labeling_budget:
            return float(np.mean(shares)), float(np.mean(opened))
        chosen = learner.query(HERDING, plain.cycle.acquisition_size)
        pool.acquire(chosen, data.train_labels[chosen])


def _opens(views: list[tuple[object, ...]], errors: float | None) -> bool:
    if errors is None or errors == float("inf"):
        return errors is not None
    (learner, data, head), (_, averaged, other) = views
    pool = learner.pool  # type: ignore[attr-defined]
    gains = gains_of((head, data.train), (other, averaged.train), pool.labeled, pool.labels)  # type: ignore
    return float(gains.mean()) >= -errors * float(gains.std()) / len(gains) ** 0.5


def main() -> None:
    """Plays seed after seed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--wheels", type=Path)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--tasks", default=",".join((*FAMILIES[:3], "libraries", "scipy", "languages")))
    parser.add_argument("--errors", default="0,1,2")
    options = parser.parse_args()
    torch.set_num_threads(1)
    lines = storage.read_lines(options.out) if options.out.exists() else []
    kept = {(line["task"], line["seed"], line["view"]) for line in lines}
    views = {"as they are": None, "averages": float("inf")}
    views |= {f"gate {errors}": float(errors) for errors in options.errors.split(",")}
    for seed in range(options.first, options.first + options.seeds):
        for task in options.tasks.split(","):
            for view, errors in views.items():
                if (task, seed, view) not in kept:
                    config = text_grid(task, options.wheels, seed) if task in TASKS else grid(task, seed)
                    auc, share = played(config, seed, errors)
                    line = {"task": task, "seed": seed, "view": view, "auc": round(auc, 6), "open": round(share, 4)}
                    storage.append_line(options.out, line)
                    print(line, flush=True)


if __name__ == "__main__":
    main()
