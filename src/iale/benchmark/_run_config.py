"""The configuration in a record, parsed: what decides a run besides data set, classifier, strategy, pool and seed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_CYCLE = ("labeling_budget", "acquisition_size", "initial_size", "subset_size")
_TRAINING = ("epochs", "batch_size", "learning_rate", "device")


@dataclass(frozen=True)
class RunConfig:
    """What a report reads of a run's configuration.

    Attributes:
        kind: of the trained policy that chose, "iale" or "alil"; None for anything else.
        weights: SHA-256 of that policy's weights, which identify it wherever its folder is; or None.
        beside: strategies that were also asked in every state, without acting.
        pool_size: training samples that could be labeled; None for all.
        test_size: test samples; None for all.
        labeling_budget: labels at the end, the first ones included.
        acquisition_size: labels between two fits.
        initial_size: class-balanced labels at the start.
        subset_size: size of the random sub-pool of a query; None for the whole pool.
        epochs: passes over the labeled samples of one fit.
        batch_size: samples of one optimizer step.
        learning_rate: of Adam.
        device: "cpu" or "cuda".
        options: everything, as in the file; the key of the run is its hash.
    """

    kind: str | None
    weights: str | None
    beside: tuple[str, ...]
    pool_size: int | None
    test_size: int | None
    labeling_budget: int
    acquisition_size: int
    initial_size: int
    subset_size: int | None
    epochs: int
    batch_size: int
    learning_rate: float
    device: str
    options: Mapping[str, Any]

    @classmethod
    def parse(cls, options: Mapping[str, Any]) -> RunConfig:
        """The configuration in a record; raises KeyError, TypeError or AttributeError for anything else."""
        policy = options.get("policy") or {"kind": None, "weights_sha256": None}
        return cls(
            kind=policy["kind"],
            weights=policy["weights_sha256"],
            beside=tuple(options.get("beside", ())),
            pool_size=options["pool_size"],
            test_size=options["test_size"],
            **{name: options["cycle"][name] for name in _CYCLE},
            **{name: options["training"][name] for name in _TRAINING},
            options=options,
        )
