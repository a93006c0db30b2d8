"""One record for each finished run, and the key that tells whether a run is finished."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import nn

from iale import storage
from iale.benchmark.config import ExperimentConfig, PoolName, resolved
from iale.errors import StorageError
from iale.learner import Step
from iale.policies.saved import versions
from iale.strategies.base import QueryStrategy
from iale.strategies.catalog import STRATEGIES

RECORDS = "records.jsonl"
_FIELDS = {"key", "dataset", "classifier", "strategy", "pool", "seed", "config", "labeled", "accuracy", "selected"}


def describe_run(
    config: ExperimentConfig, name: str, strategy: QueryStrategy, pool: PoolName, seed: int
) -> dict[str, Any]:
    """The resolved configuration of one run; a policy is identified by its weights, wherever its folder lies."""
    described = resolved(config)
    for other in ("strategies", "seeds", "first_seed", "pools"):
        del described[other]
    described["cycle"]["subset_size"] = config.cycle_of(pool).subset_size
    digest = _weights_digest(strategy)
    policy = None if digest is None else {"kind": strategy.name, "weights_sha256": digest}
    return {**described, "strategy": _label(name), "policy": policy, "pool": pool, "seed": seed}


def run_key(described: dict[str, Any]) -> str:
    """The hash of a run's resolved configuration."""
    return storage.sha256(storage.to_json(described).encode())


def make_record(described: dict[str, Any], steps: Sequence[Step]) -> dict[str, Any]:
    """What a finished run leaves behind; nothing in it differs between two executions."""
    return {
        "schema": storage.SCHEMA,
        "key": run_key(described),
        **{name: described[name] for name in ("dataset", "classifier", "strategy", "pool", "seed")},
        "config": described,
        "labeled": [step.labeled for step in steps],
        "accuracy": [step.accuracy for step in steps],
        "selected": [list(step.selected) for step in steps],
        "versions": versions(),
    }


def read_records(path: Path) -> list[dict[str, Any]]:
    """The records of finished runs, each once; raises StorageError for a line that is not one."""
    records: dict[str, dict[str, Any]] = {}
    for number, record in enumerate(storage.read_lines(path), start=1):
        if not _is_record(record):
            raise StorageError(
                f"{path}, line {number}, is not a run's record of schema version {storage.SCHEMA}: delete that line or "
                f"choose another folder."
            )
        records.setdefault(record["key"], record)
    return list(records.values())


def _is_record(record: dict[str, Any]) -> bool:
    if record.get("schema") != storage.SCHEMA or not record.keys() >= _FIELDS or not isinstance(record["config"], dict):
        return False
    labeled, accuracy = record["labeled"], record["accuracy"]
    if not isinstance(labeled, list) or not isinstance(accuracy, list) or not len(labeled) == len(accuracy) > 0:
        return False
    return all(isinstance(n, int) for n in labeled) and all(isinstance(a, float) and 0 <= a <= 1 for a in accuracy)


def _label(name: str) -> str:
    """A strategy's name; a policy's folder is called by its own name, or its parent's where it is just "policy"."""
    if name in STRATEGIES or "/" not in name:
        return name
    path = Path(name).expanduser().resolve()
    return path.parent.name if path.name == "policy" and path.parent.name else path.name


def _weights_digest(strategy: QueryStrategy) -> str | None:
    """SHA-256 of the weights of a learned strategy; None for one that has none."""
    parts = []
    for name, part in sorted(vars(strategy).items()):
        if isinstance(part, nn.Module):
            for key, tensor in sorted(part.state_dict().items()):
                parts.append(f"{name}.{key} {tensor.dtype} {tuple(tensor.shape)} ".encode())
                parts.append(tensor.detach().cpu().contiguous().numpy().tobytes())
    return storage.sha256(b"".join(parts)) if parts else None
