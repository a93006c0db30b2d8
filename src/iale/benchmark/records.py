"""One record for each finished run, and the key that tells whether a run is finished.

A record carries two digests: its key, of the run's resolved configuration, and one of its content. Where either does
not fit, the record is damaged or was altered, and is refused.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from torch import nn

from iale import _storage as storage
from iale._versions import versions
from iale.benchmark.config import ExperimentConfig, PoolName, resolved
from iale.errors import StorageError
from iale.learner import Step
from iale.strategies.base import QueryStrategy
from iale.strategies.catalog import STRATEGIES

RECORDS = "records.jsonl"
PACKED = "records.jsonl.gz"
_NAMES = ("dataset", "classifier", "strategy", "pool", "seed")
_FIELDS = {"key", "digest", *_NAMES, "config", "labeled", "accuracy", "selected"}


def describe_run(
    config: ExperimentConfig, name: str, strategy: QueryStrategy | None, pool: PoolName, seed: int
) -> dict[str, Any]:
    """The resolved configuration of one run; a policy is identified by its weights, wherever its folder lies.

    ``strategy`` is None for an oracle.
    """
    described = resolved(config)
    for other in ("strategies", "seeds", "first_seed", "pools"):
        del described[other]
    if not config.beside:  # nothing was asked beside: the same run as ever
        del described["beside"]
    described["cycle"]["subset_size"] = config.cycle_of(pool).subset_size
    digest = None if strategy is None else weights_digest(strategy)
    policy = None if strategy is None or digest is None else {"kind": strategy.name, "weights_sha256": digest}
    return {**described, "strategy": label(name), "policy": policy, "pool": pool, "seed": seed}


def run_key(described: dict[str, Any]) -> str:
    """The hash of a run's resolved configuration."""
    return storage.sha256(storage.to_json(described).encode())


def make_record(described: dict[str, Any], steps: Sequence[Step]) -> dict[str, Any]:
    """What a finished run leaves behind; nothing in it differs between two executions on one machine."""
    record = {
        **{name: described[name] for name in _NAMES},
        "config": described,
        "labeled": [step.labeled for step in steps],
        "accuracy": [step.accuracy for step in steps],
        "selected": [list(step.selected) for step in steps],
        "versions": versions(),
    }
    if described.get("beside"):
        record["overlap"] = {name: [step.overlap[name] for step in steps[:-1]] for name in described["beside"]}
    return seal(record)


def seal(record: dict[str, Any]) -> dict[str, Any]:
    """The record with its schema, its key and the digest of its content."""
    content = {**record, "schema": storage.SCHEMA, "key": run_key(record["config"])}
    content.pop("digest", None)
    return {**content, "digest": storage.sha256(storage.to_json(content).encode())}


def read_records(path: Path) -> list[dict[str, Any]]:
    """The records of finished runs, each once, plain or packed.

    Raises:
        StorageError: a line is no record or is damaged, or two tell different results of one run.
    """
    records = []
    for number, record in enumerate(storage.read_lines(path), start=1):
        if not _is_record(record):
            raise StorageError(
                f"{path}, line {number}, is not a run's record of schema version {storage.SCHEMA}: delete that line or "
                f"choose another folder."
            )
        if not _is_sealed(record):
            raise StorageError(
                f"{path}, line {number}, does not fit its digest: it is damaged or was altered; delete that line, and "
                f"the run is played again."
            )
        records.append(record)
    return each_once(records, str(path))


def each_once(records: Iterable[dict[str, Any]], where: str) -> list[dict[str, Any]]:
    """Each run once; raises StorageError where two records tell different results of one run."""
    found: dict[str, dict[str, Any]] = {}
    for record in records:
        if found.setdefault(record["key"], record) != record:
            raise StorageError(
                f"{where}: there are two results of one run ({told(record)}), as of two machines or versions: keep one "
                f"and delete the line of the other."
            )
    return list(found.values())


def all_records(folder: Path) -> list[dict[str, Any]]:
    """The records of a folder, plain and packed, each once."""
    return each_once([r for name in (RECORDS, PACKED) for r in read_records(folder / name)], str(folder))


def told(described: dict[str, Any]) -> str:
    """A run in words, from its record or from what identifies it."""
    return ", ".join([*(str(described.get(name, "?")) for name in _NAMES[:4]), f"seed {described.get('seed', '?')}"])


def cut_short(path: Path) -> str | None:
    """The run, in words, whose line at the end of the file was cut short by a kill; None where none was."""
    line = storage.unfinished_line(path)
    if not line:
        return None
    try:  # the configuration comes early in a line, so it is mostly there
        found = json.JSONDecoder().raw_decode(line.decode(errors="replace").partition('"config": ')[2])[0]
    except ValueError:
        found = {}
    return told(found)


def pack(folder: Path) -> Path:
    """Puts all records of a folder, sorted by key, into its packed file; the plain one goes on with the next run."""
    lines = sorted(storage.to_json(record) for record in all_records(folder))
    storage.write_bytes(folder / PACKED, gzip.compress("".join(f"{line}\n" for line in lines).encode(), 9, mtime=0))
    (folder / RECORDS).unlink(missing_ok=True)
    return folder / PACKED


def _is_record(record: dict[str, Any]) -> bool:
    if record.get("schema") != storage.SCHEMA or not record.keys() >= _FIELDS or not isinstance(record["config"], dict):
        return False
    labeled, accuracy = record["labeled"], record["accuracy"]
    if not isinstance(labeled, list) or not isinstance(accuracy, list) or not len(labeled) == len(accuracy) > 0:
        return False
    return all(isinstance(n, int) for n in labeled) and all(isinstance(a, float) and 0 <= a <= 1 for a in accuracy)


def _is_sealed(record: dict[str, Any]) -> bool:
    """Whether the key, the digest and the names fit the content."""
    try:
        sealed = seal(record)
    except ValueError:  # NaN, or half a character
        return False
    return sealed == record and all(record[name] == record["config"].get(name) for name in _NAMES)


def label(name: str) -> str:
    """A strategy's name; a class of one's own is called by its own name, and a policy's folder, too, or by its
    parent's where it is just "policy"."""
    if name in STRATEGIES or "/" not in name:
        return name.rpartition(":")[2]
    path = Path(name).expanduser().resolve()
    return path.parent.name if path.name == "policy" and path.parent.name else path.name


def policy_weights(record: dict[str, Any]) -> str | None:
    """SHA-256 of the weights of the policy that chose; None where none did."""
    digest: str | None = (record["config"].get("policy") or {}).get("weights_sha256")
    return digest


def weights_digest(strategy: QueryStrategy) -> str | None:
    """SHA-256 of the weights of a learned strategy; None for one that has none."""
    parts = []
    for name, part in sorted(vars(strategy).items()):
        if isinstance(part, nn.Module):
            for key, tensor in sorted(part.state_dict().items()):
                parts.append(f"{name}.{key} {tensor.dtype} {tuple(tensor.shape)} ".encode())
                parts.append(tensor.detach().cpu().contiguous().numpy().tobytes())
    return storage.sha256(b"".join(parts)) if parts else None
