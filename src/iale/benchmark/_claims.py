"""Claims of the paper, as comparisons that decide them; docs/protocol.md states the rules.

Most claims compare AUCs. A comparison is between two sides, each a signed sum of curves: usually a single curve,
sometimes a gain over Random. Two claims are about something else: shares of choices, and times.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from iale.benchmark.records import PoolName, Record

Kind = Literal["better", "as good", "alike"]


@dataclass(frozen=True)
class Curve:
    """Which runs one curve is made of.

    Attributes:
        dataset: the target.
        classifier: its name.
        strategy: the name in the records.
        acquisition_size: labels a step.
        subset_size: of the sub-pool; None for the whole pool.
        pool: "subset" or "whole".
        beside: whether other strategies were also asked.
    """

    dataset: str
    classifier: str
    strategy: str
    acquisition_size: int
    subset_size: int | None
    pool: PoolName = "subset"
    beside: bool = False

    @classmethod
    def of(cls, record: Record) -> Curve:
        """The curve that a run belongs to."""
        config = record.config
        return cls(
            record.dataset,
            record.classifier,
            record.strategy,
            config.acquisition_size,
            config.subset_size,
            record.pool,
            bool(config.beside),
        )


Side = tuple[tuple[int, Curve], ...]
"""Curves with their signs: the value of a seed is the signed sum of the curves' AUCs."""


@dataclass(frozen=True)
class Contest:
    """One comparison.

    Attributes:
        where: data set and classifier, for people.
        first: what should be better, in words.
        second: what it is compared with, in words.
        sides: the curves of both, with signs.
        counts: False for a comparison that is listed and decides nothing.
    """

    where: str
    first: str
    second: str
    sides: tuple[Side, Side]
    counts: bool = True


@dataclass(frozen=True)
class Claim:
    """A claim that AUCs decide.

    Attributes:
        experiment: the name of the experiment whose runs decide it.
        text: what is claimed.
        kind: "better": each first side is better than the second; "as good": it is not worse by a point or more;
            "alike": neither side is.
        contests: the comparisons.
    """

    experiment: str
    text: str
    kind: Kind
    contests: tuple[Contest, ...]


@dataclass(frozen=True)
class ShareClaim:
    """The claim that a policy shares no more than half of its choices with any single heuristic.

    Attributes:
        experiment: the name of the experiment whose runs decide it.
        text: what is claimed.
        curves: the runs of the policy, one curve for each data set, with others asked beside it.
        others: the heuristics; without Random, whose share is what chance gives.
    """

    experiment: str
    text: str
    curves: tuple[Curve, ...]
    others: tuple[str, ...]


@dataclass(frozen=True)
class TimeClaim:
    """The claim that a run takes about 1.05 times as long as a run of Random.

    Attributes:
        experiment: the name of the experiment whose runs decide it.
        text: what is claimed.
        first: the runs in question.
        second: the runs of Random.
    """

    experiment: str
    text: str
    first: Curve
    second: Curve


AnyClaim = Claim | ShareClaim | TimeClaim
