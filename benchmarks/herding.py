"""Herding compared with scikit-activeml, on 35,000 candidates, on a million points from disk, and what a sketch loses.

    python benchmarks/herding.py [--rounds 2] [--only peer,memory,sketch]

The peer computes all n × n kernel values. Both sides get the same candidates, the same labeled points, U = 1 and the
peer's default kernel, δ² = D, in one thread. `uherding_k10_delta_1` has δ = 1.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # as everywhere in iale: the same sums on any machine

import numpy as np
import torch
from common import interleaved, record
from memory import Peak
from torch import Tensor

from iale.classifiers.base import Outputs
from iale.geometry._mapped import points_of
from iale.geometry.points import Points
from iale.strategies import _herd
from iale.strategies._unit import unit_rows
from iale.strategies.base import QueryContext
from iale.strategies.herding import MaxHerding, UncertaintyHerding

N, DIM, LABELED = 10_000, 128, 100
KEYS = ("uherding_k10", "uherding_k100", "herding_35k_mb", "herding_1m_mb", "sketch_loss_percent")


def points(n: int, dim: int, seed: int = 0) -> Tensor:
    """Clustered points as features after a ReLU are."""
    generator = torch.Generator().manual_seed(seed)
    centers = torch.randn(10, dim, generator=generator)
    rows = centers[torch.randint(10, (n,), generator=generator)] + torch.randn(n, dim, generator=generator)
    return rows.relu_()


def context(values: Tensor | Points, n: int, logits: Tensor | None = None) -> QueryContext:
    """The first n points are candidates, the others are labeled."""
    every = torch.arange(len(values))
    whole = values if isinstance(values, Points) else Points(values, every)
    outputs = Outputs(torch.zeros(n, 10) if logits is None else logits, torch.zeros(n, 0))
    return QueryContext(
        outputs, 10, geometry=whole.at(every[:n]), labeled_geometry=whole.at(every[n:]), temperature=1.0
    )


def ask(strategy: UncertaintyHerding | MaxHerding, on: QueryContext, k: int) -> list[int]:
    return strategy.query(on, k, rng=np.random.default_rng(1)).tolist()


def peer(rounds: int) -> tuple[dict[str, float], dict[str, Any]]:
    """Ours and the peer's in turn."""
    from skactiveml.pool import MaxHerding as Peer

    rows = points(N + LABELED, DIM)
    on, pool = context(rows, N), rows.numpy()
    labels = np.full(len(rows), np.nan)
    labels[N:] = 0
    results, details = {}, {}
    for k in (10, 100):
        for name, delta in ((f"uherding_k{k}", DIM**0.5), (f"uherding_k{k}_delta_1", 1.0))[: 2 if k == 10 else 1]:
            theirs = Peer(random_state=1, metric_dict={"gamma": 1 / delta**2})
            ours = UncertaintyHerding(delta)
            times = interleaved(
                rounds,
                ours=lambda s=ours, k=k: ask(s, on, k),
                peer=lambda s=theirs, k=k: s.query(pool, labels, batch_size=k),
                ours_again=lambda s=ours, k=k: ask(s, on, k),
            )
            own = min(times["ours"]["wall_s"], times["ours_again"]["wall_s"])
            results[name] = round(times["peer"]["wall_s"] / own, 1)
            by_processor = times["peer"]["cpu_s"] / min(times["ours"]["cpu_s"], times["ours_again"]["cpu_s"])
            # In float32, its gains have too few digits for its kernel, whose values all lie between 0.97 and 1.
            same = ask(ours, on, k) == theirs.query(pool.astype(float), labels, batch_size=k).tolist()
            details[name] = {**times, "ratio_by_processor_time": round(by_processor, 1), "same_picks": same}
            print(name, results[name], details[name], flush=True)
    return results, details


def child(*arguments: object) -> dict[str, Any]:
    """What a new process measures and prints as JSON in its last line."""
    answer = subprocess.run(
        [sys.executable, __file__, "--child", *map(str, arguments)], check=True, stdout=subprocess.PIPE, text=True
    )
    found: dict[str, Any] = json.loads(answer.stdout.splitlines()[-1])
    print(*arguments, found, flush=True)
    return found


def select(path: str, labeled: str, k: str) -> dict[str, Any]:
    """Uncertainty Herding from a file of points, of which the last ones are labeled."""
    values = points_of(np.load(path, mmap_mode="r"))  # as everywhere: their pages are given back as they are read
    n = len(values) - int(labeled)
    logits = torch.randn(n, 10, generator=torch.Generator().manual_seed(0))
    on = context(values, n, logits)
    ask(UncertaintyHerding(), context(points(2000, 64), 1900), 10)  # loads libraries and allocates their buffers
    started, used = time.perf_counter(), time.process_time()
    with Peak() as peak:
        chosen = ask(UncertaintyHerding(), on, int(k))
    return {
        "wall_s": round(time.perf_counter() - started, 2),
        "cpu_s": round(time.process_time() - used, 2),
        "resident_mb": round(peak.resident, 1),
        "anonymous_mb": round(peak.anonymous, 1),
        "chosen": len(set(chosen)),
    }


def memory(folder: Path) -> tuple[dict[str, float], dict[str, Any]]:
    """35,000 × 128 in float32 and 1,000,000 × 768 in float16, k = 100.

    Resident memory counts, pages of the file as well.
    """
    results, details = {}, {}
    for key, n, dim, kind in (
        ("herding_35k_mb", 35_000, 128, np.float32),
        ("herding_1m_mb", 1_000_000, 768, np.float16),
    ):
        stored = np.lib.format.open_memmap(folder / "points.npy", "w+", kind, (n + LABELED, dim))
        block = points(20_000, dim).numpy().astype(kind)
        for start in range(0, len(stored), len(block)):  # the columns in another order: other rows
            part = block[: len(stored) - start]
            stored[start : start + len(block)] = part[:, np.random.default_rng(start).permutation(dim)]
        stored.flush()
        del stored
        details[key] = child(folder / "points.npy", LABELED, 100)
        results[key] = details[key]["resident_mb"]
    return results, details


def sketch() -> tuple[dict[str, float], dict[str, Any]]:
    """How much less of a whole pool 100 choices from a sketch cover than exact ones."""
    details: dict[str, Any] = {}
    whole, size = _herd._WHOLE, _herd._SKETCH
    for n, dim, held, deltas in (
        (20_000, 32, 4_000, (1.0, 0.5)),
        (20_000, 128, 4_000, (1.0,)),
        (50_000, 32, 20_000, (1.0,)),
    ):
        for delta in deltas:
            on = context(points(n, dim), n)
            _herd._WHOLE = n
            exact = ask(MaxHerding(delta), on, 100)
            _herd._WHOLE, _herd._SKETCH = 1, held
            loose = ask(MaxHerding(delta), on, 100)
            _herd._WHOLE, _herd._SKETCH = whole, size
            by_chance = np.random.default_rng(0).permutation(n)[:100].tolist()
            reached = [covered(on, chosen, delta) for chosen in (exact, loose, by_chance)]
            name = f"n={n}, D={dim}, sketch of {held}, δ={delta}"
            details[name] = dict(zip(("exact", "sketch", "random"), (round(x, 5) for x in reached), strict=True))
            details[name]["loss_percent"] = round(100 * (1 - reached[1] / reached[0]), 2)
            print(name, details[name], flush=True)
    worst = max(each["loss_percent"] for each in details.values())
    return {"sketch_loss_percent": worst}, details


def covered(on: QueryContext, chosen: list[int], delta: float) -> float:
    """The mean kernel value of a candidate with the nearest chosen one."""
    assert on.geometry is not None
    centers, total = unit_rows(on.geometry.at(torch.tensor(chosen)).read()), 0.0
    for start in range(0, len(on), 10_000):
        distances = torch.cdist(unit_rows(on.geometry.read(start, start + 10_000)), centers)
        total += float(torch.exp(-((distances.amin(dim=1) / delta) ** 2)).sum())
    return total / len(on)


def main() -> None:
    warnings.simplefilter("ignore")
    if sys.argv[1:2] == ["--child"]:
        print(json.dumps(select(*sys.argv[2:])))
        return
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--only", default="peer,memory,sketch", help="parts, separated by commas")
    arguments = parser.parse_args()
    results: dict[str, float | None] = dict.fromkeys(KEYS)
    details: dict[str, Any] = {"sizes": {"n": N, "dim": DIM, "labeled": LABELED}}
    parts = arguments.only.split(",")
    if "peer" in parts:
        found, details["peer"] = peer(arguments.rounds)
        results |= found
    if "memory" in parts:
        with tempfile.TemporaryDirectory(prefix="iale-benchmark-") as name:
            found, details["memory"] = memory(Path(name))
        results |= found
    if "sketch" in parts:
        found, details["sketch"] = sketch()
        results |= found
    record("herding", results, details)


if __name__ == "__main__":
    main()
