"""An experiment of the paper: policies to train, runs to play, and the claims that the runs decide.

docs/protocol.md states the rules for claims. Most compare AUCs. A comparison is between two sides, each a weighted sum
of curves: usually a single curve, sometimes a gain over Random or a mean. Two claims are about something else: shares
of choices, and times.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from iale import _storage as storage
from iale.benchmark.records import PoolName, Record
from iale.registry import Registry
from iale.strategies.catalog import BASELINES

if TYPE_CHECKING:  # reports read experiments and import no PyTorch
    from torch import Tensor

    from iale.benchmark.grid import GridConfig
    from iale.dagger.config import AlilConfig, DaggerConfig
    from iale.dagger.universal.config import UniversalConfig
    from iale.data.samples import DataSet
    from iale.learner import Oracle

RANDOM = "random"
HEURISTICS = BASELINES
RIVALS = tuple(name for name in HEURISTICS if name != RANDOM)
REFERENCES = (RANDOM, "margin")
"""What every policy is compared with: no strategy at all, and the heuristic that is hardest to beat."""

_HOME = "iale.benchmark._look_ahead"
ORACLES: Registry[Callable[[DataSet, Tensor], Oracle]] = Registry(
    "oracle",
    {
        "best-of-random": f"{_HOME}:BestOfRandom",
        "greedy-look-ahead": f"{_HOME}:GreedyLookAhead",
        "boss": f"{_HOME}:BestOfStrategies",
    },
)
"""Controls that read hidden labels, so they are neither strategies nor heuristics; made from data and a scoring set."""

FigureKind = Literal["curves", "overlap", "factor", "times"]
Kind = Literal["better", "as good", "alike"]
"""Each first side is better than the second; it is not worse by a point or more; neither side is."""


@dataclass(frozen=True)
class Curve:
    """Which runs one curve is made of."""

    dataset: str
    classifier: str
    strategy: str
    acquisition_size: int
    subset_size: int | None
    pool: PoolName = "subset"
    beside: bool = False  # whether other strategies were also asked
    view: str = "built-in"  # embeddings, or else the geometry, as records call them: this one is of pixels

    @classmethod
    def of(cls, record: Record) -> Curve:
        """The curve that a run belongs to."""
        config = record.config
        sizes, beside = (config.acquisition_size, config.subset_size), bool(config.beside)
        return cls(record.dataset, record.classifier, record.strategy, *sizes, record.pool, beside, config.view)


Side = tuple[tuple[float, Curve], ...]
"""Curves with their shares, which may be negative: the value of a seed is the sum of the curves' AUCs times these."""


@dataclass(frozen=True)
class Contest:
    """One comparison: ``first`` should be better than ``second``."""

    where: str  # data set and classifier, for people
    first: str
    second: str
    sides: tuple[Side, Side]
    counts: bool = True  # False for a comparison that is listed and decides nothing


@dataclass(frozen=True)
class Claim:
    """A claim that AUCs decide."""

    experiment: str
    text: str
    kind: Kind
    contests: tuple[Contest, ...]
    method: bool = False  # whether it is about a way of training policies, of which one policy was trained


@dataclass(frozen=True)
class ShareClaim:
    """The claim that a policy shares no more than half of its choices with any single heuristic."""

    experiment: str
    text: str
    curves: tuple[Curve, ...]  # the runs of the policy, one curve for each data set, with others asked beside it
    others: tuple[str, ...]  # without Random, whose share is what chance gives


@dataclass(frozen=True)
class TimeClaim:
    """The claim that a run of ``first`` takes about 1.05 times as long as a run of Random, ``second``."""

    experiment: str
    text: str
    first: Curve
    second: Curve


AnyClaim = Claim | ShareClaim | TimeClaim


@dataclass(frozen=True)
class Experiment:
    """One experiment at one size; its claims name the same runs as its grids."""

    name: str  # as it is typed: "fig3"
    title: str
    claim: str  # what the paper says comes out, in one sentence
    figure: FigureKind = "curves"
    grids: tuple[GridConfig, ...] = ()
    policies: Mapping[str, DaggerConfig | AlilConfig | UniversalConfig] = field(default_factory=dict)
    factor: str | None = None  # for "factor": the dotted path in a record's configuration, or "strategy"
    claims: tuple[AnyClaim, ...] = ()
    ranked: bool = False  # whether its strategies are also ranked over all panels of one pool


def wanted(experiment: Experiment) -> Iterator[str]:
    """What identifies each run of an experiment, except for the weights of policies that are yet to be trained."""
    return (_identity(grid.described(*run)) for grid in experiment.grids for run in grid.runs())


def records_of(experiment: Experiment, records: Sequence[Record]) -> list[Record]:
    """The records that are runs of an experiment, in its order, wherever and whenever they were computed."""
    places = {identity: place for place, identity in enumerate(dict.fromkeys(wanted(experiment)))}
    found = [(places.get(_identity(record.config.options)), record.key, record) for record in records]
    known = [(place, key, record) for place, key, record in found if place is not None]
    return [record for _, _, record in sorted(known, key=lambda each: each[:2])]


def _identity(described: Mapping[str, Any]) -> str:
    """Without the device and the weights: runs on a GPU or of a retrained policy are runs of the experiment too."""
    training = {name: value for name, value in described["training"].items() if name != "device"}
    return storage.to_json({**described, "policy": None, "training": training})
