"""BatchBALD: the batch whose labels together would tell the most about which pass is right (Kirsch et al. 2019).

Shapes: K Monte-Carlo passes, n candidates, C classes, m combinations of labels.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from iale._given import whole
from iale.strategies._mutual import mutual_information, normalized
from iale.strategies._rows import rows_at_once
from iale.strategies.base import Need, QueryContext, QueryStrategy

_DIGITS = 9  # gains that are equal in nats with so many decimals are tied
_FEW = 64  # gains that are computed anew in the first try of a step; each further try takes twice as many
_LITTLE = 1e-2  # nats; once no candidate tells more, the order is that of BALD


class BatchBald(QueryStrategy):
    """Each step adds the candidate that most increases the mutual information of the batch's labels and the pass.

    This is the greedy rule of the paper (Algorithm 1). Let ŷ be the labels of the batch so far, and q(k|ŷ) the
    probability of pass k given these labels. The gain of a candidate is

        Σ_ŷ P(ŷ)·H(Σ_k q(k|ŷ)·p_k) − mean over k of H(p_k)

    - As long as C^|batch| ≤ ``combinations``, the sum is over all combinations ŷ: the gain is exact.
    - After that, it is the mean over ``combinations`` random draws of ŷ, about equally many from the probabilities of
    each pass. Up to a term that all candidates share, this is the importance-weighted estimate of the paper (Eq. 12).
    The draws are kept, and each step only adds a label to them.

    The total is at most ln K nats. Once no candidate adds 0.01 nats, the rest of the batch has the largest BALD scores.
    ``rng`` breaks ties and draws the labels.

    Gains only shrink as the batch grows, so earlier gains are upper bounds, and only those that may be the largest are
    updated. (For drawn combinations this holds on average.) A step takes at most O(m·n·C·K) time, with m up to
    ``combinations``. Memory is m·K numbers and blocks of 32 MiB.
    """

    name: ClassVar[str] = "batchbald"
    needs: ClassVar[frozenset[Need]] = frozenset({Need.MONTE_CARLO})

    def __init__(self, combinations: int = 1000) -> None:
        """Raises ConfigError if there is no combination."""
        self.combinations = whole(combinations, "the number of combinations of labels in BatchBALD", 1)

    def select(self, context: QueryContext, k: int, *, rng: np.random.Generator) -> Tensor:
        """int64 [k], in the order of choice; raises QueryError if a probability is not finite."""
        assert context.monte_carlo is not None
        probs = context.monte_carlo
        order = rng.permutation(len(context))  # of tied candidates, the first in it is chosen
        single = mutual_information(probs).cpu().numpy()
        gains, labels, told = single.copy(), _Labels(len(probs), self.combinations, rng), False
        chosen: list[int] = []
        while len(chosen) < k:
            gains[chosen] = -np.inf
            if chosen and not told:
                _refresh(gains, order, labels, probs)
            if not told and gains.max() < _LITTLE:
                told, gains = True, single.copy()
                gains[chosen] = -np.inf
            chosen.append(int(_ranked(gains, order)[0]))
            if len(chosen) < k and not told:
                labels.add(probs[:, chosen[-1]])
        return torch.tensor(chosen)


def _ranked(gains: NDArray[np.float64], order: NDArray[np.int64]) -> NDArray[np.int64]:
    """All positions, those with the largest gains first, and of tied ones the first in ``order``."""
    return np.lexsort((order, -gains.round(_DIGITS)))


def _refresh(gains: NDArray[np.float64], order: NDArray[np.int64], labels: _Labels, probs: Tensor) -> None:
    """Computes gains anew until the largest is new. Those of earlier steps are bounds, because gains only fall."""
    new, few = np.zeros(len(gains), dtype=bool), _FEW
    while not new[(ranked := _ranked(gains, order))[0]]:
        old = ranked[~new[ranked] & (gains[ranked] > -np.inf)][:few]  # not those that are chosen
        gains[old] = labels.gains(probs[:, torch.from_numpy(old)]).numpy()
        new[old], few = True, 2 * few


class _Labels:
    """Combinations of labels of the batch: P(ŷ), float64 [m], and q(k|ŷ), float64 [m, K]."""

    def __init__(self, passes: int, most: int, rng: np.random.Generator) -> None:
        self._most, self._rng = most, rng
        self._chances = torch.ones(1, dtype=torch.float64)
        self._passes = torch.full((1, passes), 1 / passes, dtype=torch.float64)
        self._batch: list[Tensor] = []  # probabilities of the chosen, float64 [K, C], while all combinations are kept
        self._drawn: Tensor | None = None  # int64 [m], the pass of each drawn combination

    def add(self, probs: Tensor) -> None:
        """Adds a candidate, with probabilities [K, C], to the batch."""
        probs = normalized(probs.cpu())
        if self._drawn is None and len(self._chances) * probs.shape[1] <= self._most:
            self._batch.append(probs)
            joint = self._chances[:, None, None] * self._passes[:, None] * probs.T  # [m, C, K]
            joint = joint.flatten(0, 1)
            self._chances = joint.sum(dim=1)
            self._passes = joint / self._chances.clamp(min=1e-300)[:, None]
            return
        if self._drawn is None:
            m, passes = self._most, self._passes.shape[1]
            self._drawn = torch.from_numpy(self._rng.permutation(np.arange(m) % passes))
            self._chances = torch.full((m,), 1 / m, dtype=torch.float64)
            self._passes = torch.full((m, passes), 1 / passes, dtype=torch.float64)
            for earlier in self._batch:
                self._draw(earlier)
        self._draw(probs)

    def _draw(self, probs: Tensor) -> None:
        """A label for each combination, by the probabilities [K, C] of its pass; Bayes' rule for the passes."""
        assert self._drawn is not None
        sums = probs.cumsum(dim=1)[self._drawn]
        numbers = torch.from_numpy(self._rng.random(len(sums)))[:, None] * sums[:, -1:]
        label = (sums <= numbers).sum(dim=1).clamp(max=probs.shape[1] - 1)
        self._passes = self._passes * probs.T[label]
        self._passes /= self._passes.sum(dim=1, keepdim=True)

    def gains(self, probs: Tensor) -> Tensor:
        """The gain of each candidate, for probabilities [K, n, C]: float64 [n]."""
        passes, _, classes = probs.shape
        found = []
        for block in torch.split(probs, rows_at_once(max(passes, len(self._chances)) * classes), dim=1):
            chances = normalized(block.cpu())
            mixed = (self._passes @ chances.flatten(1)).view(-1, *chances.shape[1:])
            told = self._chances @ torch.special.entr(mixed).sum(dim=2)
            found.append(told - torch.special.entr(chances).sum(dim=2).mean(dim=0))
        return torch.cat(found)
