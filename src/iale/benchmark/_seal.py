"""The two digests of a record: its key, of the run's configuration, and one of the whole content.

If either does not match, the record is damaged or was altered.
"""

from __future__ import annotations

from collections.abc import Mapping

from iale import _storage as storage

NAMES = ("dataset", "classifier", "strategy", "pool", "seed")
"""What a record repeats of its configuration, so that a line can be read without digging."""

_FIELDS = {"key", "digest", *NAMES, "config", "labeled", "accuracy", "selected"}


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
    if not len(labeled) == len(accuracy) > 0:
        return False
    return all(isinstance(n, int) for n in labeled) and all(isinstance(a, float) and 0 <= a <= 1 for a in accuracy)


def is_sealed(content: Mapping[str, object]) -> bool:
    """Whether the key, the digest and the repeated names match the content."""
    try:
        sealed = seal(content)
    except ValueError:  # NaN or a lone surrogate, which JSON reads and UTF-8 cannot write
        return False
    config = content["config"]
    return sealed == content and isinstance(config, dict) and all(content[n] == config.get(n) for n in NAMES)


def told(described: Mapping[str, object]) -> str:
    """A run in words, from its record's content or its configuration; "?" for what is unknown."""
    return ", ".join([*(str(described.get(name, "?")) for name in NAMES[:4]), f"seed {described.get('seed', '?')}"])
