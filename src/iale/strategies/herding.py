"""Herding: choose what stands for the most samples that nothing labeled stands for yet.

A sample i stands for a sample j as much as K_ij = exp(−‖ẑ_i − ẑ_j‖² / δ²), with ẑ the row of the geometry at unit
length (a row of zeros stays as it is). Each step chooses the candidate with the largest

    g_c = mean_j U_j · max(K_cj − m_j, 0),   m_j = max_{l labeled or chosen} K_lj

over all samples j, labeled or not. Labeled samples add nothing to it: they cover themselves, m_j = 1.
Legend of dimensions: n candidates, L labeled samples, D width of the geometry.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from iale.errors import ConfigError
from iale.strategies._bandwidth import CLOSEST, Rule, find_bandwidth
from iale.strategies._calibrated import calibrated_uncertainty, doubted
from iale.strategies._herd import greedy, look_at
from iale.strategies._kernel import Kernel
from iale.strategies.base import Need, QueryContext, QueryStrategy


class MaxHerding(QueryStrategy):
    """Each step chooses the candidate that covers the most of what is not covered (Bae et al., ECCV 2024).

    It looks at the geometry alone, so it needs no model. Every sample counts the same: U = 1.

    Up to 50,000 candidates (fewer if D > 800: 40,000,000 numbers), the choice is exactly the greedy one. Gains that
    differ by at most 1e-12 of all weight are tied, and ``rng`` breaks ties, in any order of candidates alike. More
    candidates are represented by 20,000 random ones, which are covered and chosen from. If k is larger than that, or
    nothing is left to cover, the rest of the batch is drawn at random.

    Args:
        bandwidth: δ, a distance between rows of unit length, which is 2 at most.

    Raises:
        ConfigError: the bandwidth is below 0.01, where rounding would decide.
    """

    name: ClassVar[str] = "maxherding"
    needs: ClassVar[frozenset[Need]] = frozenset({Need.GEOMETRY})
    starts_cold: ClassVar[bool] = True

    def __init__(self, bandwidth: float = 1.0) -> None:
        self._bandwidth = _checked(bandwidth)

    def select(self, context: QueryContext, k: int, *, rng: np.random.Generator) -> Tensor:
        """int64 [k], in the order of choice; raises QueryError if the geometry is not finite."""
        assert context.geometry is not None
        assert context.labeled_geometry is not None
        herd = look_at(context.geometry, rng)
        kernel = Kernel(herd.rows[herd.first], self._bandwidth)
        weights = torch.ones(len(herd.at), dtype=torch.float64)
        return greedy(herd, kernel, kernel.nearest(context.labeled_geometry), weights, k)


class UncertaintyHerding(QueryStrategy):
    """`MaxHerding` of what the classifier is unsure about (Bae, Oliveira & Sutherland, ICLR 2025).

    U_j = 1 − (p₁ − p₂), with the two largest probabilities after the logits are divided by the calibrated temperature.
    Before the first label, δ = 1; and U = 1 where there is no classifier yet, which is `MaxHerding`.

    The paper takes for δ the smallest distance between labeled samples. The default here is the median distance of a
    labeled sample to its nearest one: on digits and MNIST (5 seeds) it was ahead on average, though by less than their
    spread, and it does not hang on a single pair.

    Args:
        bandwidth: δ as a number, or where it comes from: "median" or "smallest" distance of a labeled sample to its
            nearest labeled one. Samples closer than 0.01 count as the same.

    Raises:
        ConfigError: the bandwidth is below 0.01, where rounding would decide, or there is no such rule.
    """

    name: ClassVar[str] = "uherding"
    needs: ClassVar[frozenset[Need]] = frozenset({Need.GEOMETRY, Need.TEMPERATURE})
    starts_cold: ClassVar[bool] = True

    def __init__(self, bandwidth: float | Rule = "median") -> None:
        self._bandwidth: float | Rule = bandwidth
        if bandwidth not in ("median", "smallest"):
            self._bandwidth = _checked(bandwidth)

    def select(self, context: QueryContext, k: int, *, rng: np.random.Generator) -> Tensor:
        """int64 [k], in the order of choice; raises QueryError if the geometry or an uncertainty is not finite."""
        assert context.geometry is not None
        assert context.labeled_geometry is not None
        herd = look_at(context.geometry, rng)
        # Logits of 0, before the first fit, give U = 1; a model that was trained elsewhere knows more.
        weights, rule = self._uncertainty(context, herd.at), self._bandwidth
        bandwidth = find_bandwidth(context.labeled_geometry, rule) if isinstance(rule, str) else rule
        kernel = Kernel(herd.rows[herd.first], bandwidth)
        return greedy(herd, kernel, kernel.nearest(context.labeled_geometry), weights, k)

    def _uncertainty(self, context: QueryContext, at: Tensor) -> Tensor:
        """float64 [m]: U of the candidates that are looked at."""
        return calibrated_uncertainty(context, at)


class ErrorHerding(UncertaintyHerding):
    """`MaxHerding` of what the classifier probably gets wrong, in its own opinion and that of a linear head together.

    U_j = 1 − (q_ŷ − max_{c ≠ ŷ} q_c), with ŷ the classifier's answer, and q the opinion of the classifier and of a
    linear head on the geometry together (`iale.classifiers._second_opinion`). It is near 2 where they are sure that the
    answer is wrong. If the classifier is a linear head or hardly trained, or labels are too few to tell whom to
    believe, it is `UncertaintyHerding`.

    It is iale's own. Arguments and errors are those of `UncertaintyHerding`.
    """

    name: ClassVar[str] = "eherding"
    needs: ClassVar[frozenset[Need]] = frozenset({Need.GEOMETRY, Need.OPINION})

    def _uncertainty(self, context: QueryContext, at: Tensor) -> Tensor:
        return doubted(context, at)


def _checked(bandwidth: object) -> float:
    if isinstance(bandwidth, int | float) and CLOSEST <= bandwidth < np.inf:
        return float(bandwidth)
    raise ConfigError(f"the bandwidth must be a number of at least {CLOSEST}, not {bandwidth!r}: 1 is a usual choice.")
