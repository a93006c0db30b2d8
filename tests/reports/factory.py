"""Records as the runner writes them, with accuracies that are made up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from iale import _storage as storage
from iale.benchmark._content import seal
from iale.benchmark._statistics import Floats

GAINS = {
    "iale": 0.02,
    "margin": 0.018,
    "ensemble": 0.016,
    "mc-dropout": 0.012,
    "badge": 0.004,
    "confidence": 0.0,
    "random": 0.0,
    "entropy": -0.01,
    "coreset": -0.04,
}
"""Points over Random that `experiment` gives to each strategy, in the end."""


def record(
    strategy: str,
    seed: int,
    accuracy: Sequence[float] | Floats,
    labeled: Sequence[int],
    *,
    kind: str | None = None,
    overlap: Mapping[str, Sequence[float] | Floats] | None = None,
    cycle: Mapping[str, Any] | None = None,
    **changes: Any,
) -> dict[str, Any]:
    """A record of one run; ``changes`` go to the configuration, ``cycle`` to the sizes of its loop."""
    sizes: dict[str, Any] = {
        "labeling_budget": labeled[-1],
        "acquisition_size": 10,
        "subset_size": 100,
        "initial_size": labeled[0],
        "monte_carlo_passes": 20,
        "committee_size": 5,
        **(cycle or {}),
    }
    config: dict[str, Any] = {
        "dataset": "digits",
        "classifier": "mlp",
        "strategy": strategy,
        "policy": None if kind is None else {"kind": kind, "weights_sha256": storage.sha256(strategy.encode())},
        "pool": "whole" if sizes["subset_size"] is None else "subset",
        "seed": seed,
        "pool_size": None,
        "test_size": None,
        "cycle": sizes,
        "training": {"epochs": 5, "batch_size": 64, "learning_rate": 0.001, "device": "cpu"},
        **changes,
    }
    beside = (
        {}
        if overlap is None
        else {"overlap": {name: [float(share) for share in shares] for name, shares in overlap.items()}}
    )
    return seal(
        {
            **{name: config[name] for name in ("dataset", "classifier", "strategy", "pool", "seed")},
            "config": config,
            "labeled": list(labeled),
            "accuracy": [float(a) for a in accuracy],
            "selected": [[] for _ in labeled],
            "versions": {"iale": "0.1.0", "torch": "2.13.0"},
            **beside,
        }
    )


def experiment(
    gains: Mapping[str, float] = GAINS,
    *,
    seeds: int = 5,
    budget: int = 200,
    step: int = 10,
    beside: Sequence[str] = (),
    **changes: Any,
) -> list[dict[str, Any]]:
    """Paired learning curves: a level of each seed, a gain of each strategy, and noise; names with "iale" are policies.

    With ``beside`` the policies have overlaps, those of later names lower.
    """
    labeled = list(range(20, budget + 1, step))
    rise = 1 - np.exp(-(np.asarray(labeled) - 20) / (0.3 * budget))
    cycle = {"acquisition_size": step, "labeling_budget": budget, **changes.pop("cycle", {})}
    records = []
    for seed in range(seeds):
        level = np.random.default_rng(seed).normal(0.45, 0.02)
        for place, (name, gain) in enumerate(gains.items()):
            rng = np.random.default_rng([seed, place])
            noise = rng.normal(0, 0.006, len(labeled)) * (rise > 0) + rng.normal(0, 0.01) * rise
            curve = np.clip(level + (0.42 + gain) * rise + noise, 0, 1)
            kind = "alil" if "alil" in name else "iale" if "iale" in name else None
            shares: dict[str, Floats] | None = None
            if beside and kind is not None:
                shares = {
                    other: np.clip(0.55 - 0.07 * i - 0.15 * rise[:-1] + rng.normal(0, 0.06, len(labeled) - 1), 0, 1)
                    for i, other in enumerate(beside)
                }
            records.append(record(name, seed, curve, labeled, kind=kind, overlap=shares, cycle=cycle, **changes))
    return records


def times(records: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Lines of times.jsonl: fits alike, queries as dear as the strategy is known to be."""
    dear = {"random": 0.01, "ensemble": 40.0, "mc-dropout": 4.0, "badge": 0.4, "coreset": 0.3}
    lines = []
    for place, each in enumerate(records):
        rng = np.random.default_rng(place)
        fit, query = 10 + rng.normal(0, 0.3), dear.get(each["strategy"], 0.1) * (1 + rng.normal(0, 0.05))
        name = {field: each[field] for field in ("key", "strategy", "pool", "seed")}
        seconds = {"seconds": fit + query + 0.5, "fit_seconds": fit, "query_seconds": query}
        lines.append({**name, **seconds, "peak_mb": 400.0 + 10 * place % 50})
    return lines


def write(folder: Path, records: Sequence[Mapping[str, Any]]) -> Path:
    """The folder, with the records in it."""
    for each in records:
        storage.append_line(folder / "records.jsonl", each)
    return folder
