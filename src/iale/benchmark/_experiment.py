"""An experiment of the paper: policies to train, runs to play, and the claims that the runs decide."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from iale import _storage as storage
from iale.benchmark._claims import AnyClaim
from iale.benchmark.records import Record

if TYPE_CHECKING:  # reports read experiments and import no PyTorch
    from iale.benchmark.grid import GridConfig
    from iale.dagger.config import AlilConfig, DaggerConfig

FigureKind = Literal["curves", "overlap", "factor", "times"]


@dataclass(frozen=True)
class Experiment:
    """One experiment at one size.

    Attributes:
        name: as it is typed: "fig3".
        title: as people read it.
        claim: what the paper says comes out, in one sentence.
        figure: how it is drawn: learning curves, overlap of choices, AUC against a factor, or times.
        grids: the runs.
        policies: how the policies that the grids name are trained.
        factor: for "factor": the dotted path in a record's configuration of what varies, or "strategy".
        claims: what the runs decide, in the same names as ``grids``.
    """

    name: str
    title: str
    claim: str
    figure: FigureKind
    grids: tuple[GridConfig, ...]
    policies: Mapping[str, DaggerConfig | AlilConfig] = field(default_factory=dict)
    factor: str | None = None
    claims: tuple[AnyClaim, ...] = ()


def wanted(experiment: Experiment) -> Iterator[str]:
    """What identifies each run of an experiment, except for the weights of policies that are yet to be trained."""
    for grid in experiment.grids:
        for run in grid.runs():
            yield _identity(grid.described(*run))


def records_of(experiment: Experiment, records: Sequence[Record]) -> list[Record]:
    """The records that are runs of an experiment, in its order, wherever and whenever they were computed."""
    places: dict[str, int] = {}
    for identity in wanted(experiment):
        places.setdefault(identity, len(places))
    found = [(places.get(_identity(record.config.options)), record.key, record) for record in records]
    known = [(place, key, record) for place, key, record in found if place is not None]
    return [record for _, _, record in sorted(known, key=lambda each: each[:2])]


def _identity(described: Mapping[str, Any]) -> str:
    """Without the device and the weights: runs on a GPU or of a retrained policy are runs of the experiment too."""
    training = {name: value for name, value in described["training"].items() if name != "device"}
    return storage.to_json({**described, "policy": None, "training": training})
