"""The ALIL policy (Liu et al. 2018): it draws a few candidates at random and labels the one it scores highest.

Legend of dimensions: n candidates, C classes, D embedding.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, Self

import numpy as np
import torch
from torch import Tensor, nn

from iale.errors import PolicyError, QueryError
from iale.policies._network import policy_network
from iale.policies.base import PolicyCard, ShapedPolicy
from iale.seeding import Stream
from iale.strategies.base import Need, QueryContext, top_k

Pooling = Literal["sum", "mean"]
"""How many labeled embeddings become one: by their sum (Liu et al. 2018), or by their mean, which does not grow."""


@dataclass(frozen=True, eq=False)
class AlilPolicy(ShapedPolicy):
    """A policy network that chooses one sample at a time from a few drawn at random, with the fields of
    `ShapedPolicy`.

    Attributes:
        network: rows [n, 2·(D + C)] to logits [n, 1]; the softmax over the candidates of a draw is part of the loss.
        pooling: how the labeled samples' embeddings become one.
        choices: candidates of a draw (k of Liu et al.; 10 in the paper, appendix A.1.1).

    Raises:
        PolicyError: the pooling is unknown, or choices is below 1.
    """

    name: ClassVar[str] = "alil"
    needs: ClassVar[frozenset[Need]] = frozenset({Need.LABELED})

    network: nn.Module
    pooling: Pooling
    choices: int
    num_classes: int
    embedding_dim: int

    def __post_init__(self) -> None:
        # A card is read from disk, so the type of pooling promises nothing.
        if self.pooling not in ("sum", "mean"):
            raise PolicyError(f"unknown pooling {self.pooling!r}: the known ones are sum, mean.")
        if self.choices < 1:
            raise PolicyError(f"an ALIL policy needs at least 1 candidate to choose from, not {self.choices}.")

    def expects(self) -> Mapping[str, object]:
        """The entries of its card that `untrained` reads."""
        return {"pooling": self.pooling, "choices": self.choices, **self._shape()}

    @classmethod
    def untrained(cls, card: PolicyCard) -> Self:
        """The policy of a card before its weights are loaded."""
        num_classes, embedding_dim = cls._shape_of(card)
        network = policy_network(2 * (embedding_dim + num_classes), Stream(0))
        return cls(network, card["pooling"], card["choices"], num_classes, embedding_dim)

    def rows(self, context: QueryContext) -> Tensor:
        """The state of Liu et al. (2018): float32 [n, 2·(D + C)].

        A row holds the pooled embedding of the labeled samples (D), the share of each class among their labels (C),
        the candidate's embedding (D) and its class probabilities (C).
        """
        self._check_shape(context.num_classes, context.candidates.embeddings.shape[1])
        labeled, labels = context.labeled, context.labels
        if labeled is None or labels is None or not len(labeled):
            raise QueryError("a policy needs labeled samples, and there are none: label some first.")
        total = labeled.embeddings.sum(dim=0)
        pooled = total if self.pooling == "sum" else total / len(labeled)
        shares = torch.bincount(labels, minlength=context.num_classes) / len(labels)
        known = torch.cat([pooled, shares]).expand(len(context), -1)
        return torch.cat([known, context.candidates.embeddings, context.candidates.probs], dim=1)

    def select(self, context: QueryContext, k: int, *, rng: np.random.Generator) -> Tensor:
        """int64 [k], in the order of choice: the best of each of k draws of ``choices`` candidates.

        Candidates that a draw passes over may be drawn again. If fewer than ``choices`` are left, all are drawn.
        """
        left = np.arange(len(context))
        chosen = []
        for _ in range(k):
            drawn = rng.choice(len(left), size=min(self.choices, len(left)), replace=False)
            few = replace(context, candidates=context.candidates.at(torch.from_numpy(left[drawn])))
            with torch.no_grad():
                scores = self.network(self.rows(few)).squeeze(-1)
            best = drawn[int(top_k(scores, 1, rng))]
            chosen.append(int(left[best]))
            left[best] = left[-1]  # the order of what is left does not matter: it is drawn from at random
            left = left[:-1]
        return torch.tensor(chosen, dtype=torch.int64)


def random_alil_policy(
    pooling: Pooling, choices: int, num_classes: int, embedding_dim: int, stream: Stream
) -> AlilPolicy:
    """The untrained policy that training starts from."""
    network = policy_network(2 * (embedding_dim + num_classes), stream)
    return AlilPolicy(network, pooling, choices, num_classes, embedding_dim)
