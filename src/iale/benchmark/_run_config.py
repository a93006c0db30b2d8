"""The configuration in a record, parsed: what decides a run besides its strategy, pool and seed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class PolicyIdentity:
    """A trained policy, identified by its weights rather than by its folder.

    Attributes:
        kind: "iale" or "alil".
        weights_sha256: SHA-256 of its weights.
    """

    kind: str
    weights_sha256: str


@dataclass(frozen=True)
class CycleSizes:
    """Sizes of the loop.

    Attributes:
        labeling_budget: labels at the end, the first ones included.
        acquisition_size: labels between two fits.
        initial_size: class-balanced labels at the start.
        subset_size: size of the random sub-pool of a query; None for the whole pool.
    """

    labeling_budget: int
    acquisition_size: int
    initial_size: int
    subset_size: int | None


@dataclass(frozen=True)
class FitSettings:
    """How the classifier was fitted.

    Attributes:
        epochs: passes over the labeled samples.
        batch_size: samples of one optimizer step.
        learning_rate: of Adam.
        device: "cpu" or "cuda".
    """

    epochs: int
    batch_size: int
    learning_rate: float
    device: str


@dataclass(frozen=True)
class RunConfig:
    """What decides a run besides its data set, classifier, strategy, pool and seed.

    Attributes:
        policy: the trained policy that chose, or None for a heuristic.
        pool_size: training samples that could be labeled; None for all.
        test_size: test samples; None for all.
        beside: strategies that were also asked in every state, without acting.
        cycle: sizes of the loop.
        training: how the classifier was fitted.
        options: everything, as in the file; the key of the run is the hash of it.
    """

    policy: PolicyIdentity | None
    pool_size: int | None
    test_size: int | None
    beside: tuple[str, ...]
    cycle: CycleSizes
    training: FitSettings
    options: Mapping[str, Any]

    @classmethod
    def parse(cls, options: Mapping[str, Any]) -> RunConfig:
        """The configuration in a record; raises KeyError, TypeError or AttributeError for anything else."""
        policy, cycle, training = options.get("policy"), options["cycle"], options["training"]
        return cls(
            policy=None if policy is None else PolicyIdentity(policy["kind"], policy["weights_sha256"]),
            pool_size=options["pool_size"],
            test_size=options["test_size"],
            beside=tuple(options.get("beside", ())),
            cycle=CycleSizes(**{name: cycle[name] for name in CycleSizes.__dataclass_fields__}),
            training=FitSettings(**{name: training[name] for name in FitSettings.__dataclass_fields__}),
            options=options,
        )
