"""TypiClust compared with scikit-activeml's and with a plain one of scikit-learn's parts, and what the others take.

    python benchmarks/clusters.py [--rounds 3] [--only peer,times,memory]

n = 10,000, D = 128, 100 labeled, one thread, selection only. The peer has another rule (5 neighbors, distances that are
not squared, a draw once every cluster has a label), so the plain version has ours: `KMeans`, `NearestNeighbors`, turns.
``typiclust_k10`` is the smaller of the two ratios.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from common import interleaved, record
from queries import CLASSES, DIM, LABELED, ask, context

from iale.benchmark._machine import peak_megabytes
from iale.geometry.points import Points
from iale.strategies.base import QueryContext
from iale.strategies.catalog import STRATEGIES
from iale.strategies.typiclust import TypiClust

N, NAMES = 10_000, ("typiclust", "probcover", "dropquery", "alfamix")


def with_geometry(labeled: int = LABELED) -> QueryContext:
    """The context of the other benchmarks, whose embeddings are the geometry, too."""
    on = context(N, DIM, CLASSES, labeled)
    assert on.labeled is not None
    rows, every = torch.cat([on.candidates.embeddings, on.labeled.embeddings]), torch.arange(N + labeled)
    labels = torch.arange(labeled) % CLASSES
    return replace(
        on, labels=labels, geometry=Points(rows, every[:N]), labeled_geometry=Points(rows, every[N:]), temperature=1.0
    )


def plain(points: Any, labeled: int, k: int) -> list[int]:
    """The rule of `TypiClust` from scikit-learn's parts; ``points`` [L + n, D]."""
    from sklearn.cluster import KMeans
    from sklearn.neighbors import NearestNeighbors

    clusters = KMeans(min(labeled + k, 500), n_init=1, random_state=1).fit_predict(points)
    sizes, labels = np.bincount(clusters), np.bincount(clusters[:labeled], minlength=clusters.max() + 1)
    ranks = [each for each in np.lexsort((-sizes, labels)) if sizes[each] > 5]
    left, chosen = np.arange(len(points)) >= labeled, []
    while len(chosen) < k:
        for cluster in ranks[: k - len(chosen)]:
            members = np.flatnonzero(left & (clusters == cluster))
            neighbors = min(20, len(members) // 2)
            near = NearestNeighbors(n_neighbors=neighbors + 1).fit(points[members]).kneighbors(points[members])[0]
            chosen.append(int(members[(near[:, 1:] ** 2).mean(axis=1).argmin()]))
            left[chosen[-1]] = False
    return chosen


def peer(rounds: int) -> tuple[dict[str, float], dict[str, Any]]:
    from skactiveml.pool import TypiClust as PeerTypiClust
    from threadpoolctl import threadpool_limits

    on = with_geometry()
    assert on.geometry is not None
    assert on.labeled_geometry is not None
    points = torch.cat([on.labeled_geometry.read(), on.geometry.read()]).numpy()
    labels = np.full(len(points), np.nan)
    labels[:LABELED] = 0
    details: dict[str, Any] = {}
    with threadpool_limits(1):
        for k in (10, 100):
            times = interleaved(
                rounds,
                ours=lambda k=k: ask(TypiClust(), on, k),
                scikit_activeml=lambda k=k: PeerTypiClust(random_state=1).query(points, labels, batch_size=k),
                plain=lambda k=k: plain(points, LABELED, k),
            )
            for name in ("scikit_activeml", "plain"):
                times[name]["ratio"] = round(times[name]["cpu_s"] / times["ours"]["cpu_s"], 1)
            details[f"k{k}"] = times
            print(k, times, flush=True)
    return {"typiclust_k10": min(details["k10"][name]["ratio"] for name in ("scikit_activeml", "plain"))}, details


def times(rounds: int) -> dict[str, Any]:
    """Processor seconds of each strategy from 0 and from 100 labels."""
    found: dict[str, Any] = {}
    for labeled in (0, LABELED):
        on = with_geometry(labeled)
        for k in (1, 10, 100, 1000):
            every = {name: (lambda name=name, on=on, k=k: ask(STRATEGIES[name](), on, k)) for name in NAMES}
            seconds = interleaved(rounds, **every)
            found[f"labeled={labeled},k={k}"] = {name: round(each["cpu_s"], 2) for name, each in seconds.items()}
            print(labeled, k, found[f"labeled={labeled},k={k}"], flush=True)
    return found


def large(name: str, folder: str) -> None:
    """100 of a million samples, float16 [N, 128] on disk, from 100 labels; prints megabytes and seconds."""
    from time import perf_counter

    from iale.classifiers.base import Outputs

    values = torch.from_numpy(np.load(Path(folder) / "points.npy", mmap_mode="c"))
    every, rows = torch.arange(len(values)), len(values) - LABELED
    blank = Outputs(torch.zeros(rows, CLASSES), torch.zeros(rows, 0))
    on = QueryContext(
        blank, CLASSES, geometry=Points(values, every[:rows]), labeled_geometry=Points(values, every[rows:])
    )
    on = replace(on, labeled=blank.at(every[:0]), labels=every[:0])
    before, begin = peak_megabytes() or 0.0, perf_counter()
    ask(STRATEGIES[name](), on, 100)
    print(
        json.dumps({"extra_mb": round((peak_megabytes() or 0.0) - before), "wall_s": round(perf_counter() - begin, 1)})
    )


def memory() -> dict[str, Any]:
    """Pages of the file that were read count, too: 256 MB if all were."""
    found = {}
    with tempfile.TemporaryDirectory(prefix="iale-benchmark-") as folder:
        made = np.lib.format.open_memmap(f"{folder}/points.npy", "w+", np.float16, (1_000_000, DIM))
        for start in range(0, len(made), 50_000):
            made[start : start + 50_000] = np.random.default_rng(start).normal(size=(50_000, DIM))
        made.flush()
        del made
        for name in ("typiclust", "probcover", "dropquery"):
            code = f"import clusters; clusters.large({name!r}, {folder!r})"
            where = os.path.dirname(__file__) or "."
            done = subprocess.run(
                [sys.executable, "-c", code], cwd=where, stdout=subprocess.PIPE, check=True, text=True
            )
            found[name] = json.loads(done.stdout.splitlines()[-1])
            print(name, found[name], flush=True)
    return found


def main() -> None:
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="peer,times,memory", help="parts, separated by commas")
    arguments = parser.parse_args()
    parts, results, details = arguments.only.split(","), dict[str, float | None](typiclust_k10=None), dict[str, Any]()
    if "peer" in parts:
        found, details["peer"] = peer(arguments.rounds)
        results |= found
    if "times" in parts:
        details["cpu_s"] = times(arguments.rounds)
    if "memory" in parts:
        details["memory"] = memory()
    record("clusters", results, details)


if __name__ == "__main__":
    main()
