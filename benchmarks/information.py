"""BAIT of rank one compared with a dense NumPy version of the same rule.

    python benchmarks/information.py [--rounds 3]

Both choose from the same embeddings and probabilities and agree on every candidate. The dense version updates the
inverse by Woodbury's identity, as the authors' code does, and computes each candidate's score from it in each step.
"""

from __future__ import annotations

import argparse
import os
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # as everywhere in iale: the same sums on any machine

import numpy as np
import torch
from common import interleaved, record
from numpy.typing import NDArray

from iale.classifiers.base import Outputs
from iale.geometry.points import Points
from iale.strategies.bait import Bait
from iale.strategies.base import QueryContext

N, DIM, CLASSES, LABELED = 10_000, 128, 10, 100
Floats = NDArray[np.float64]


def context(n: int, dim: int) -> QueryContext:
    """Clustered embeddings as after a ReLU, and logits that are linear in them, like those of a trained network."""
    generator = torch.Generator().manual_seed(0)
    centers = torch.randn(CLASSES, dim, generator=generator)
    rows = n + LABELED
    embeddings = centers[torch.randint(CLASSES, (rows,), generator=generator)]
    embeddings = (embeddings + torch.randn(rows, dim, generator=generator)).relu_()
    logits = embeddings @ torch.randn(dim, CLASSES, generator=generator) / dim**0.5
    points = Points(torch.zeros(rows, 1), torch.arange(rows))
    return QueryContext(
        Outputs(logits[:n], embeddings[:n]),
        CLASSES,
        labeled=Outputs(logits[n:], embeddings[n:]),
        geometry=points.at(torch.arange(n)),
        labeled_geometry=points.at(torch.arange(n, rows)),
    )


def dense(candidates: Floats, labeled: Floats, k: int) -> list[int]:
    """The rule with scores of all candidates from M⁻¹ in every step; rows are √w·z."""
    count, weight = len(labeled), k / (len(labeled) + k)
    whole = (candidates.T @ candidates + labeled.T @ labeled) / (count + len(candidates))
    inverse = np.linalg.inv(np.eye(candidates.shape[1]) + labeled.T @ labeled / (count + k))
    rows, chosen = weight**0.5 * candidates, list[int]()

    def effects(of: Floats, sign: int) -> Floats:
        turned = of @ inverse
        return ((turned @ whole) * turned).sum(axis=1) / (1 + sign * (turned * of).sum(axis=1))

    def update(row: Floats, sign: int) -> Floats:
        turned = inverse @ row
        return inverse - sign * np.outer(turned, turned) / (1 + sign * row @ turned)

    for _ in range(2 * k):
        gains = effects(rows, 1)
        gains[chosen] = -np.inf
        chosen.append(int(gains.argmax()))
        inverse = update(rows[chosen[-1]], 1)
    while len(chosen) > k:
        out = int(effects(rows[chosen], -1).argmin())
        inverse = update(rows[chosen[out]], -1)
        del chosen[out]
    return chosen


def compare(n: int, dim: int, k: int, rounds: int) -> tuple[float, dict[str, Any]]:
    on = context(n, dim)
    assert on.labeled is not None
    picks: dict[str, list[int]] = {}

    def rows(outputs: Outputs) -> Floats:
        largest = torch.softmax(outputs.logits.double(), dim=1).amax(dim=1, keepdim=True)
        return ((largest * (1 - largest)).sqrt() * outputs.embeddings.double()).numpy()

    def ours() -> None:
        picks["ours"] = Bait().query(on, k, rng=np.random.default_rng(0)).tolist()

    def theirs() -> None:
        assert on.labeled is not None
        picks["dense"] = dense(rows(on.candidates), rows(on.labeled), k)

    times = interleaved(rounds, ours=ours, dense=theirs)
    ratio = round(times["dense"]["cpu_s"] / times["ours"]["cpu_s"], 1)
    return ratio, {"times": times, "equal": picks["ours"] == picks["dense"]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    results: dict[str, float] = {}
    details: dict[str, Any] = {"sizes": {"n": N, "dim": DIM, "classes": CLASSES, "labeled": LABELED}}
    for key, dim, k in (("bait_k10", DIM, 10), ("bait_k100", DIM, 100)):
        results[key], details[key] = compare(N, dim, k, rounds)
        print(key, results[key], details[key], flush=True)
    record("information", results, details)


if __name__ == "__main__":
    main()
