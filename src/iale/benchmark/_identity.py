"""What identifies a run, and the record of it once it is finished."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from iale import _storage as storage
from iale._versions import versions
from iale.benchmark._seal import NAMES, seal
from iale.benchmark.grid import GridConfig
from iale.benchmark.records import PoolName, Record
from iale.learner import Step
from iale.strategies.base import QueryStrategy


def describe_run(
    config: GridConfig, name: str, strategy: QueryStrategy | None, pool: PoolName, seed: int
) -> dict[str, Any]:
    """The resolved configuration of one run, whose hash is the key of its record.

    Args:
        config: the grid.
        name: of the strategy, as the grid has it.
        strategy: what it names; None for an oracle. A policy is identified by its weights, wherever its folder is.
        pool: "subset" or "whole".
        seed: root of every draw.
    """
    digest = None if strategy is None else weights_digest(strategy)
    policy = None if strategy is None or digest is None else {"kind": strategy.name, "weights_sha256": digest}
    return {**config.described(name, pool, seed), "policy": policy}


def make_record(described: Mapping[str, Any], steps: Sequence[Step]) -> Record:
    """The record of a finished run.

    Args:
        described: what identifies the run, see `describe_run`.
        steps: the recorded points.
    """
    content = {
        **{name: described[name] for name in NAMES},
        "config": described,
        "labeled": [step.labeled for step in steps],
        "accuracy": [step.accuracy for step in steps],
        "selected": [list(step.selected) for step in steps],
        "versions": versions(),
    }
    if described.get("beside"):
        content["overlap"] = {name: [step.overlap[name] for step in steps[:-1]] for name in described["beside"]}
    return Record.parse(seal(content))


def weights_digest(strategy: QueryStrategy) -> str | None:
    """SHA-256 of the weights of a trained policy; None for a strategy without weights."""
    parts = []
    for name, part in sorted(vars(strategy).items()):
        if isinstance(part, nn.Module):
            for key, tensor in sorted(part.state_dict().items()):
                parts.append(f"{name}.{key} {tensor.dtype} {tuple(tensor.shape)} ".encode())
                parts.append(tensor.detach().cpu().contiguous().numpy().tobytes())
    return storage.sha256(b"".join(parts)) if parts else None
