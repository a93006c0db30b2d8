"""A point of a learning curve, and the controls that may look ahead."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Protocol

from torch import Tensor

from iale.strategies.base import Need

if TYPE_CHECKING:
    from iale.learner import Learner


@dataclass(frozen=True)
class Step:
    """One point of a learning curve.

    Attributes:
        labeled: number of labels of the fitted classifier.
        accuracy: share of test samples it gets right.
        selected: data-set indices acquired after this fit; empty at the end.
        overlap: for each strategy that was asked as well, the share of ``selected`` that it would have chosen too.
    """

    labeled: int
    accuracy: float
    selected: tuple[int, ...]
    overlap: Mapping[str, float] = field(default_factory=dict)


class Oracle(Protocol):
    """A control that looks ahead with hidden labels, which no strategy may do: an upper bound on what can be gained.

    ``name`` and ``needs`` are those of a strategy.
    """

    name: ClassVar[str]
    needs: ClassVar[frozenset[Need]]

    def choose(self, learner: Learner, k: int) -> Tensor:
        """int64 [k]: data-set indices to label next; the learner has just been fitted."""
