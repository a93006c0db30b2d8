"""What a finished run leaves behind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from iale.benchmark._content import RunConfig
from iale.data._made_from import DataFingerprint

PoolName = Literal["subset", "whole"]


@dataclass(frozen=True)
class Record:
    """One finished run, parsed once when it is read. Nothing in it differs between two executions on one machine.

    Attributes:
        key: hash of the run's resolved configuration; runs with equal keys are the same run.
        dataset: name or path.
        strategy: the name of the strategy, the oracle or the policy.
        seed: root of every draw.
        config: everything else that decides the run.
        labeled: number of labels at each of the P recorded points.
        accuracy: test accuracy at each recorded point, 0 … 1.
        selected: data-set indices acquired after each fit; empty at the last point.
        overlap: for each strategy that was asked without acting, the share of the P − 1 acquisitions that it would
            have chosen too.
        versions: of Python and of the packages that the numbers depend on.
        data: the fingerprint of the data set; None in records that are older than fingerprints.
        code: the SHA-256 of the code of each class or function of one's own that it used, by name.
        machine: what made it, without names of hosts or users; empty in older records.
        content: the record as it is in the file, sealed by a digest.
    """

    key: str
    dataset: str
    classifier: str
    strategy: str
    pool: PoolName
    seed: int
    config: RunConfig
    labeled: tuple[int, ...]
    accuracy: tuple[float, ...]
    selected: tuple[tuple[int, ...], ...]
    overlap: Mapping[str, tuple[float, ...]]
    versions: Mapping[str, str]
    data: DataFingerprint | None
    code: Mapping[str, str]
    machine: Mapping[str, str]
    content: Mapping[str, object]

    @classmethod
    def parse(cls, content: Mapping[str, Any]) -> Record:
        """The record in a line of records.jsonl; raises KeyError, TypeError or AttributeError for anything else."""
        names = {name: content[name] for name in ("key", "dataset", "classifier", "strategy", "pool")}
        return cls(
            **names,
            seed=int(content["seed"]),
            config=RunConfig.parse(content["config"]),
            labeled=tuple(content["labeled"]),
            accuracy=tuple(content["accuracy"]),
            selected=tuple(map(tuple, content["selected"])),
            overlap={name: tuple(shares) for name, shares in content.get("overlap", {}).items()},
            versions=content["versions"],
            data=DataFingerprint.parse(content.get("data")),
            code=content.get("code", {}),
            machine=content.get("machine", {}),
            content=content,
        )
