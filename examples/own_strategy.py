"""Write a strategy: one method, checked against the contract that every strategy of iale keeps.

python examples/own_strategy.py
"""

import numpy as np
import torch
from torch import Tensor

from iale import QueryContext, QueryStrategy, ScoringStrategy
from iale.testing import check_strategy, make_context


class LeastTypical(ScoringStrategy):
    """Scores each candidate by itself; iale takes the highest scores and breaks ties with a seeded draw."""

    name = "least-typical"

    def score(self, context: QueryContext) -> Tensor:
        """[n]: how unsure the classifier is, times how long the embedding is."""
        outputs = context.candidates  # logits [n, C], probs [n, C], embeddings [n, D]
        return (1 - outputs.probs.max(dim=1).values) * outputs.embeddings.norm(dim=1)


class OnePerClass(QueryStrategy):
    """Chooses a whole batch: the least sure candidate of each predicted class, class after class."""

    name = "one-per-class"

    def select(self, context: QueryContext, k: int, *, rng: np.random.Generator) -> Tensor:
        """[k]: positions in 0 … n−1, best first. They are unique, and every draw comes from ``rng``."""
        outputs = context.candidates
        predictions = outputs.predictions.numpy()
        order = np.lexsort((rng.random(len(context)), outputs.probs.max(dim=1).values.numpy()))
        turn = np.empty(len(context), dtype=np.int64)  # the place of each candidate among those of its class
        for label in range(context.num_classes):
            members = order[predictions[order] == label]
            turn[members] = np.arange(len(members))
        return torch.from_numpy(order[np.argsort(turn[order], kind="stable")][:k])


for strategy in (LeastTypical(), OnePerClass()):
    check_strategy(strategy)  # raises AssertionError with a sentence that says what is wrong
    chosen = strategy.query(make_context(n=100), 5, rng=np.random.default_rng(0))
    print(strategy.name, "keeps the contract; of 100 random candidates it chooses", chosen.tolist())
