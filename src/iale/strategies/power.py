"""Power: draws a batch by a score instead of taking the k highest, so that it is not one question asked many times."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from torch import Tensor

from iale.classifiers.base import Classifier
from iale.errors import ConfigError, QueryError
from iale.strategies._answers import as_scores
from iale.strategies.base import QueryContext, QueryStrategy, ScoringStrategy, top_k
from iale.strategies.uncertainty import Margin

_Form = Literal["power", "softmax", "softrank"]


class Power(QueryStrategy):
    """k candidates drawn without replacement, with chances that grow with a score.

    The rule is from Kirsch et al. 2023 ("Stochastic batch acquisition", section 3), with β = ``beta``:

    - "power": chances ∝ s^β, for scores that are 0 where a label is useless. ``shift`` is added to other scores, such
    as 1 to those of Margin. Candidates with s = 0 come last, in random order.
    - "softmax": chances ∝ e^(β·s).
    - "softrank": chances ∝ rank^(−β); the best has rank 1, and ``rng`` orders ties.

    The k draws are the k largest of log-chance + Gumbel noise from ``rng``. It takes O(n log n) time in addition to the
    score's.
    """

    def __init__(
        self, strategy: ScoringStrategy, *, beta: float = 1.0, form: _Form = "power", shift: float = 0.0
    ) -> None:
        """Raises ConfigError if the strategy does not score, β is negative or not finite, or the form is unknown."""
        if not isinstance(strategy, ScoringStrategy):
            raise ConfigError(f"Power draws from the scores of a ScoringStrategy, not from {strategy!r:.60}.")
        if not 0 <= beta < float("inf"):
            raise ConfigError(f"the exponent of Power must be at least 0, not {beta}.")
        if form not in ("power", "softmax", "softrank"):
            raise ConfigError(f"the form of Power is power, softmax or softrank, not {form!r}.")
        self.strategy, self.beta, self.form, self.shift = strategy, beta, form, shift
        # Attributes of this object, not of the class, because they depend on the strategy that it draws from.
        vars(self).update(
            name=f"{form}-{strategy.name}", needs=strategy.needs, reads_embeddings=strategy.reads_embeddings
        )

    def select(self, context: QueryContext, k: int, *, rng: np.random.Generator) -> Tensor:
        """int64 [k], in the order of the draws; raises QueryError if a score is NaN, or negative for "power"."""
        scores = as_scores(self.strategy.score(context), len(context), self.strategy.name).double().cpu() + self.shift
        chances = self.beta * self._logs(scores, rng)
        return top_k(chances + torch.from_numpy(rng.gumbel(size=len(scores))), k, rng)

    def _logs(self, scores: Tensor, rng: np.random.Generator) -> Tensor:
        """The logarithm of what is raised to the power β: float64 [n]."""
        if self.form == "softmax":
            return scores
        if self.form == "softrank":
            ranks = torch.empty_like(scores)
            ranks[top_k(scores, len(scores), rng)] = torch.arange(1, len(scores) + 1, dtype=torch.float64)
            return -ranks.log()
        if bool((scores < 0).any()):
            raise QueryError(
                f"a score of {self.strategy.name} is {float(scores.min()):.3g}, and chances cannot be below 0: give a "
                f"shift that makes the least informative score 0, or another form."
            )
        return scores.log().clamp(min=-1e30)  # finite, so that β = 0 makes all chances equal

    def _check_fit(self, classifier: Classifier) -> None:
        self.strategy.check(classifier)


def power_margin() -> Power:
    """`Power` of 1 − (p₁ − p₂): "power-margin" among the names."""
    return Power(Margin(), shift=1.0)
