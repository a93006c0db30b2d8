"""What one query asks of a classifier, for those who foresee what it costs."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from iale.strategies.base import Need, QueryStrategy

_FOLDS = 5


@dataclass(frozen=True)
class Demand:
    """The fits and predictions of one query.

    Attributes:
        members: fits of the classifier and, for a committee, of its other members.
        folds: further fits, which calibrate it.
        passes: predictions of each candidate without dropout.
        dropout: predictions of each candidate with dropout.
        labeled: predictions of each labeled sample, besides those of the folds.
    """

    members: int
    folds: int
    passes: int
    dropout: int
    labeled: int

    @property
    def fits(self) -> int:
        """All fits."""
        return self.members + self.folds

    @property
    def predictions(self) -> int:
        """All predictions of each candidate."""
        return self.passes + self.dropout


def demand(strategies: Collection[QueryStrategy], committee_size: int, monte_carlo_passes: int) -> Demand:
    """What ``strategies`` ask together, in one state; without any, the outputs of the candidates, as oracles do."""
    needs = frozenset[Need]().union(*(each.needs for each in strategies))
    reads = not strategies or any(each.reads_outputs for each in strategies)
    members = committee_size if Need.COMMITTEE in needs else 1
    folds = _FOLDS if needs & {Need.TEMPERATURE, Need.FOLDS, Need.OPINION} else 0
    return Demand(
        members=members,
        folds=folds,
        passes=reads * members + (Need.FOLDS in needs) * folds,
        dropout=monte_carlo_passes if Need.MONTE_CARLO in needs else 0,
        labeled=len(needs & {Need.LABELED, Need.OPINION}),
    )
