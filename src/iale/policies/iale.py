"""The IALE policy: an MLP that scores each candidate's row of the state; the k highest are chosen (section 3.2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import ClassVar, Self

import torch
from torch import Tensor, nn

from iale.policies._network import policy_network
from iale.policies.base import PolicyCard, ShapedPolicy
from iale.policies.state import StateConfig, encode, observe
from iale.seeding import Stream
from iale.strategies.base import Need, QueryContext, ScoringStrategy


@dataclass(frozen=True, eq=False)
class IalePolicy(ShapedPolicy, ScoringStrategy):
    """A policy network and the state it was trained on; a strategy like any other, with the fields of `ShapedPolicy`.

    Attributes:
        network: rows [n, width] to logits [n, 1]; the desirability ρ of the paper is their sigmoid.
        state: which parts of Eq. 1 the rows hold.
    """

    name: ClassVar[str] = "iale"
    needs: ClassVar[frozenset[Need]] = frozenset({Need.LABELED})

    network: nn.Module
    state: StateConfig
    num_classes: int
    embedding_dim: int

    def expects(self) -> Mapping[str, object]:
        """The parts of the state, C and D."""
        return {"state": asdict(self.state), **self._shape()}

    @classmethod
    def untrained(cls, card: PolicyCard) -> Self:
        """The policy of a card before its weights are loaded."""
        num_classes, embedding_dim = cls._shape_of(card)
        state = StateConfig(**card["state"])
        network = policy_network(state.width(num_classes, embedding_dim), Stream(0))
        return cls(network, state, num_classes, embedding_dim)

    def score(self, context: QueryContext) -> Tensor:
        """float32 [n], the logits of ρ, which rank the candidates as ρ does."""
        self._check_shape(context.num_classes, context.candidates.embeddings.shape[1])
        with torch.no_grad():
            return self.network(encode(observe(context), self.state)).squeeze(-1)  # type: ignore[no-any-return]


def random_policy(state: StateConfig, num_classes: int, embedding_dim: int, stream: Stream) -> IalePolicy:
    """The untrained policy that Algorithm 1 starts from."""
    network = policy_network(state.width(num_classes, embedding_dim), stream)
    return IalePolicy(network, state, num_classes, embedding_dim)
