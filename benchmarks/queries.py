"""BADGE and CoreSet compared with scikit-activeml and on a million samples, and an IALE query on a large pool.

    python benchmarks/queries.py [--rounds 3] [--only peer,growth,memory,iale]

Only selection is measured: both sides get the same probabilities (or logits) and embeddings, which are computed before.
The peer's strategies are called as in its documentation, with a classifier whose ``predict_proba`` returns the given
probabilities, and ``fit_clf=False``.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # as everywhere in iale: the same sums on any machine

import numpy as np
import torch
from common import interleaved, record
from large_pools import make_images, make_outputs

from iale.classifiers.base import Outputs
from iale.strategies._gradient import residuals
from iale.strategies.badge import Badge
from iale.strategies.base import QueryContext, QueryStrategy
from iale.strategies.coreset import CoreSet

N, DIM, CLASSES, LABELED = 60_000, 128, 10, 100
KEYS = (
    "badge_k10",
    "badge_k100",
    "coreset_k10",
    "coreset_k100",
    "badge_1m_mb",
    "coreset_1m_mb",
    "iale_1m_over_10k",
)


def context(n: int, dim: int, classes: int, labeled: int = LABELED, seed: int = 0) -> QueryContext:
    """Clustered embeddings as after a ReLU, and logits that are linear in them, like those of a trained network."""
    generator = torch.Generator().manual_seed(seed)
    centers = torch.randn(classes, dim, generator=generator)
    rows = n + labeled
    embeddings = centers[torch.randint(classes, (rows,), generator=generator)]
    embeddings = (embeddings + torch.randn(rows, dim, generator=generator)).relu_()
    logits = embeddings @ torch.randn(dim, classes, generator=generator) / dim**0.5
    known = Outputs(logits[n:], embeddings[n:])
    return QueryContext(Outputs(logits[:n], embeddings[:n]), classes, known, torch.zeros(labeled, dtype=torch.int64))


def ask(strategy: QueryStrategy, on: QueryContext, k: int) -> list[int]:
    return strategy.query(on, k, rng=np.random.default_rng(1)).tolist()


def full_badge(outputs: Outputs, k: int) -> list[int]:
    """The rule of `Badge` on the whole matrix of gradient embeddings [n, C·D], in float64."""
    gradients = torch.einsum("nc,nd->ncd", residuals(outputs.logits), outputs.embeddings.double()).flatten(1)
    rng, chosen = np.random.default_rng(1), []
    norms = gradients.square().sum(dim=1).numpy()
    weights, nearest = (norms == norms.max()).astype(float), np.full(len(norms), np.inf)
    while True:
        sums = np.cumsum(weights)
        chosen.append(int(np.searchsorted(sums, rng.random() * sums[-1], side="right")))
        if len(chosen) == k:
            return chosen
        center = gradients[chosen[-1]]
        for start in range(0, len(norms), 2000):
            rows = slice(start, start + 2000)
            distances = (gradients[rows] - center).square_().sum(dim=1).numpy()
            nearest[rows] = np.minimum(nearest[rows], distances)
        nearest[chosen] = 0.0
        weights = nearest


Peer = Callable[[int, int | None], list[int]]


def peers(on: QueryContext) -> tuple[Peer, Peer]:
    """The peer's BADGE and CoreSet as functions of k and a number of threads."""
    from skactiveml.base import SkactivemlClassifier
    from skactiveml.pool import Badge as PeerBadge
    from skactiveml.pool import CoreSet as PeerCoreSet
    from threadpoolctl import threadpool_limits

    class Ready(SkactivemlClassifier):
        """Predicts the probabilities that it was given."""

        def __init__(self, proba: Any = None, classes: Any = None, missing_label: float = np.nan) -> None:
            super().__init__(classes=classes, missing_label=missing_label)
            self.proba = proba

        def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Ready:
            return self

        def predict_proba(self, X: Any) -> Any:
            return self.proba

    assert on.labeled is not None
    pool = np.concatenate([on.candidates.embeddings.numpy(), on.labeled.embeddings.numpy()])
    labels = np.full(len(pool), np.nan)
    labels[N:] = 0
    ready = Ready(torch.softmax(on.candidates.logits.double(), dim=1).numpy(), list(range(CLASSES)))

    def badge(k: int, threads: int | None) -> list[int]:
        with threadpool_limits(threads):
            return PeerBadge(random_state=1).query(pool, labels, ready, fit_clf=False, batch_size=k)

    def coreset(k: int, threads: int | None) -> list[int]:
        with threadpool_limits(threads):
            return PeerCoreSet(random_state=1).query(pool, labels, batch_size=k).tolist()

    return badge, coreset


def peer(rounds: int) -> tuple[dict[str, float], dict[str, Any]]:
    """Ours and the peer's in turn, the peer's with one thread and with all cores, of which the faster one counts."""
    on = context(N, DIM, CLASSES)
    peer_badge, peer_coreset = peers(on)
    results, details = {}, {}
    cores = os.cpu_count() or 1
    for name, strategy, other in (("coreset", CoreSet(), peer_coreset), ("badge", Badge(), peer_badge)):
        for k in (10, 100):
            ask(strategy, on, k)  # warm up
            times = interleaved(
                rounds,
                ours=lambda s=strategy, k=k: ask(s, on, k),
                peer_one_thread=lambda f=other, k=k: f(k, 1),
                ours_again=lambda s=strategy, k=k: ask(s, on, k),
                peer_all_cores=lambda f=other, k=k: f(k, cores),
            )
            own = min(times["ours"]["wall_s"], times["ours_again"]["wall_s"])
            best = min(times["peer_one_thread"]["wall_s"], times["peer_all_cores"]["wall_s"])
            results[f"{name}_k{k}"] = round(best / own, 1)
            by_processor = times["peer_one_thread"]["cpu_s"] / times["ours"]["cpu_s"]
            details[f"{name}_k{k}"] = {**times, "ratio_by_processor_time": round(by_processor, 1)}
            print(name, k, results[f"{name}_k{k}"], details[f"{name}_k{k}"], flush=True)
    details["coreset_equals_the_peer"] = ask(CoreSet(), on, 100) == peer_coreset(100, cores)
    details["badge_equals_the_full_matrix_rule"] = ask(Badge(), on, 100) == full_badge(on.candidates, 100)
    print({key: value for key, value in details.items() if "equals" in key}, flush=True)
    return results, details


def growth(rounds: int) -> dict[str, Any]:
    """Processor seconds of our selection as one size grows and the others stay as in ``base``."""
    base = {"n": 20_000, "dim": 128, "classes": 10, "k": 50}
    steps = {
        "n": (10_000, 20_000, 40_000, 80_000),
        "dim": (32, 128, 512),
        "classes": (10, 100, 1000),
        "k": (10, 50, 250),
    }
    found: dict[str, Any] = {}
    for axis, values in steps.items():
        for value in values:
            size = {**base, axis: value}
            on = context(size["n"], size["dim"], size["classes"])
            times = interleaved(
                rounds,
                badge=lambda on=on, k=size["k"]: ask(Badge(), on, k),
                coreset=lambda on=on, k=size["k"]: ask(CoreSet(), on, k),
            )
            found[f"{axis}={value}"] = {name: round(time["cpu_s"], 4) for name, time in times.items()}
            print(axis, value, found[f"{axis}={value}"], flush=True)
    return found


def child(*arguments: object) -> dict[str, Any]:
    """What a new process measures and prints as JSON in its last line."""
    script = Path(__file__).with_name("large_pools.py")
    answer = subprocess.run(
        [sys.executable, str(script), *map(str, arguments)], check=True, stdout=subprocess.PIPE, text=True
    )
    found: dict[str, Any] = json.loads(answer.stdout.splitlines()[-1])
    print(*arguments, found, flush=True)
    return found


def memory(folder: Path) -> tuple[dict[str, float], dict[str, Any]]:
    """A million samples on disk, k = 100, with 10 and with 100 classes."""
    results, details = {}, {}
    for classes in (10, 100):
        place = folder / f"outputs-{classes}"
        make_outputs(place, 1_000_000, DIM, classes)
        for name in ("badge", "coreset") if classes == 10 else ("badge",):
            key = f"{name}_1m" if classes == 10 else f"{name}_1m_{classes}_classes"
            details[key] = child("select", name, place, 100)
            if classes == 10:
                results[f"{key}_mb"] = details[key]["resident_mb"]
    details["ask_1m"] = child("ask", folder / "ask", 1_000_000)
    return results, details


def iale(folder: Path, rounds: int) -> tuple[dict[str, float], dict[str, Any]]:
    """Sub-pools of 1,000 from 10,000 and from 1,000,000 images, in turn; the largest ratio of time or memory."""
    sizes = (10_000, 1_000_000)
    for size in sizes:
        make_images(folder / f"{size}.npy", size)
    found: dict[int, list[dict[str, Any]]] = {size: [] for size in sizes}
    for _ in range(rounds):
        for size in sizes:
            found[size].append(child("iale", folder / f"{size}.npy"))
    details: dict[str, Any] = {str(size): runs for size, runs in found.items()}
    for key in ("wall_s", "cpu_s", "query_mb", "peak_mb"):
        small, large = (float(np.median([run[key] for run in found[size]])) for size in sizes)
        details[f"ratio_{key}"] = round(large / small, 3)
    ratio = max(details[f"ratio_{key}"] for key in ("wall_s", "query_mb", "peak_mb"))
    return {"iale_1m_over_10k": ratio}, details


def main() -> None:
    warnings.simplefilter("ignore")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="peer,growth,memory,iale", help="parts, separated by commas")
    arguments = parser.parse_args()
    parts = arguments.only.split(",")
    results: dict[str, float | None] = dict.fromkeys(KEYS)
    details: dict[str, Any] = {"sizes": {"n": N, "dim": DIM, "classes": CLASSES, "labeled": LABELED}}
    with tempfile.TemporaryDirectory(prefix="iale-benchmark-") as name:
        folder = Path(name)
        if "iale" in parts:
            found, details["iale"] = iale(folder, arguments.rounds)
            results |= found
        if "memory" in parts:
            found, details["memory"] = memory(folder)
            results |= found
        if "growth" in parts:
            details["growth_cpu_s"] = growth(arguments.rounds)
        if "peer" in parts:
            found, details["peer"] = peer(arguments.rounds)
            results |= found
    record("queries", results, details)


if __name__ == "__main__":
    main()
