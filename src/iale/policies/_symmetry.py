"""The symmetries of a state: a classifier with other initial weights might have produced any of these orders.

Legend of dimensions: S states, n candidates, C classes, D embedding.
"""

from __future__ import annotations

from torch import Tensor

from iale.policies.state import State


def permute(state: State, units: Tensor, classes: Tensor) -> State:
    """The same states with the embedding's units and the classes in another order.

    Args:
        state: S states.
        units: int64 [S, D], an order of the units for each state.
        classes: int64 [S, C], an order of the classes for each state.
    """

    def rows(part: Tensor, order: Tensor) -> Tensor:
        return part.gather(-1, order.unsqueeze(1).expand(-1, part.shape[1], -1))

    return State(
        state.labeled_mean.gather(-1, units),
        state.label_distribution.gather(-1, classes),
        state.predicted_distribution.gather(-1, classes),
        rows(state.embeddings, units),
        rows(state.logits, classes),
    )
