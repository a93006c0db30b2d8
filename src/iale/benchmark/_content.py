"""What a line of records.jsonl holds: the names of a run, its configuration, and two digests.

One digest is the key, of the run's configuration, and one is of the whole content. If either does not match, the record
is damaged or was altered.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from iale import _storage as storage
from iale._implied import complete
from iale.strategies.catalog import STRATEGIES

NAMES = ("dataset", "classifier", "strategy", "pool", "seed")
"""What a record repeats of its configuration, so that a line can be read without digging."""

_FIELDS = {"key", "digest", *NAMES, "config", "labeled", "accuracy", "selected"}


@dataclass(frozen=True)
class RunConfig:
    """What a report reads of a run's configuration."""

    kind: str | None  # of the trained policy that chose, "iale" or "alil"; None for anything else
    weights: str | None  # SHA-256 of that policy's weights, which identify it wherever its folder is
    beside: tuple[str, ...]  # strategies that were also asked in every state, without acting
    pool_size: int | None  # training samples that could be labeled; None for all
    test_size: int | None
    labeling_budget: int
    acquisition_size: int
    initial_size: int
    subset_size: int | None  # None for the whole pool
    epochs: int
    batch_size: int
    learning_rate: float
    device: str  # "cpu" or "cuda"
    view: str  # embeddings that classifiers learn from, or else the geometry that strategies compare samples by
    options: Mapping[str, Any]  # everything, as in the file; the key of the run is its hash

    @classmethod
    def parse(cls, options: Mapping[str, Any]) -> RunConfig:
        """The configuration in a record; raises KeyError, TypeError or AttributeError for anything else."""
        policy = options.get("policy") or {"kind": None, "weights_sha256": None}
        own = {"kind": policy["kind"], "weights": policy["weights_sha256"], "beside": tuple(options.get("beside", ()))}
        seen = complete(options)
        own["view"] = seen["embeddings"] or seen["geometry"]
        flat = {**options, **options["cycle"], **options["training"], **own, "options": options}
        return cls(**{name: flat[name] for name in cls.__dataclass_fields__})


def label(name: str) -> str:
    """What a strategy is called in records: a class ``package.module:Class`` by its own name, a policy by its folder.

    A folder called "policy", which is what training writes, is known by the name of its parent.
    """
    if name in STRATEGIES or "/" not in name:
        return name.rpartition(":")[2]
    path = Path(name).expanduser().resolve()
    return path.parent.name if path.name == "policy" and path.parent.name else path.name


def told(described: Mapping[str, object]) -> str:
    """A run in words, from its record's content or its configuration; "?" for what is unknown."""
    return ", ".join([*(str(described.get(name, "?")) for name in NAMES[:4]), f"seed {described.get('seed', '?')}"])


def run_key(described: object) -> str:
    """The hash of a run's resolved configuration."""
    return storage.sha256(storage.to_json(described).encode())


def seal(content: Mapping[str, object]) -> dict[str, object]:
    """The content of a record with its schema version, its key and the digest of everything."""
    keyed = {**content, "schema": storage.SCHEMA, "key": run_key(content["config"])}
    keyed.pop("digest", None)
    return {**keyed, "digest": storage.sha256(storage.to_json(keyed).encode())}


def is_record(content: Mapping[str, object]) -> bool:
    """Whether a line has the fields of a record and a curve that could be one."""
    if content.get("schema") != storage.SCHEMA or not content.keys() >= _FIELDS:
        return False
    labeled, accuracy = content["labeled"], content["accuracy"]
    if not isinstance(content["config"], dict) or not isinstance(labeled, list) or not isinstance(accuracy, list):
        return False
    plausible = len(labeled) == len(accuracy) > 0 and all(isinstance(n, int) for n in labeled)
    return plausible and all(isinstance(a, float) and 0 <= a <= 1 for a in accuracy)


def is_sealed(content: Mapping[str, object]) -> bool:
    """Whether the key, the digest and the repeated names match the content."""
    try:
        sealed = seal(content)
    except ValueError:  # NaN or a lone surrogate, which JSON reads and UTF-8 cannot write
        return False
    config = content["config"]
    return sealed == content and isinstance(config, dict) and all(content[n] == config.get(n) for n in NAMES)
