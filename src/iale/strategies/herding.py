"""Herding: choose what represents the most samples that are not represented yet.

A sample i covers a sample j by K_ij = exp(−‖ẑ_i − ẑ_j‖² / δ²), with ẑ the row of the geometry, scaled to unit length (a
row of zeros covers nothing). Each step chooses the candidate with the largest

    g_c = mean_j U_j · max(K_cj − m_j, 0),   m_j = max_{l labeled or chosen} K_lj

over all samples j, labeled or not. Labeled samples add nothing to it: they cover themselves, m_j = 1.
Legend of dimensions: n candidates, L labeled samples, D width of the geometry.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from iale._given import is_real
from iale.errors import ConfigError
from iale.strategies._bandwidth import CLOSEST, Rule, find_bandwidth
from iale.strategies._calibrated import calibrated_uncertainty, doubted
from iale.strategies._herd import greedy, look_at
from iale.strategies._kernel import Kernel
from iale.strategies.base import Need, QueryContext, QueryStrategy


class MaxHerding(QueryStrategy):
    """Each step chooses the candidate that covers the most of what is not covered yet (Bae et al., ECCV 2024).

    It uses only the geometry, so it needs no model. Every sample counts the same: U = 1.

    For up to 50,000 candidates (or 40,000,000 numbers in the geometry), the choice is exactly the greedy one. Gains
    that differ by at most 1e-12 of the total weight are ties, which ``rng`` breaks in a way that does not depend on the
    order of the candidates. Of more candidates, only 20,000 random ones are covered and chosen from. If k is larger
    than that, or nothing is left to cover, the rest of the batch is drawn at random.

    Args:
        bandwidth: δ, in distances between rows of unit length, which are at most 2.

    Raises:
        ConfigError: the bandwidth is below 0.01, where rounding would decide.
    """

    name: ClassVar[str] = "maxherding"
    needs: ClassVar[frozenset[Need]] = frozenset({Need.GEOMETRY})
    reads_outputs: ClassVar[bool] = False
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

    U_j = 1 − (p₁ − p₂), with the two largest calibrated probabilities of sample j. Before the first label, U = 1 and δ
    = 1, as in `MaxHerding` (for a model that was trained elsewhere, U is known from the start).

    In the paper, δ is the smallest distance between labeled samples. The default here is the median distance of a
    labeled sample to its nearest labeled neighbor: on digits and MNIST (5 seeds) it was ahead on average, though by
    less than the spread, and it does not depend on a single pair.

    Args:
        bandwidth: δ as a number, or the "median" or "smallest" distance of a labeled sample to its nearest labeled
            neighbor. Samples closer than 0.01 count as the same.

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
        # Before the first fit, logits are 0 and give U = 1, but a model that was trained elsewhere knows more.
        weights, rule = self._uncertainty(context, herd.at), self._bandwidth
        bandwidth = find_bandwidth(context.labeled_geometry, rule) if isinstance(rule, str) else rule
        kernel = Kernel(herd.rows[herd.first], bandwidth)
        return greedy(herd, kernel, kernel.nearest(context.labeled_geometry), weights, k)

    def _uncertainty(self, context: QueryContext, at: Tensor) -> Tensor:
        """float64 [m]: U of the candidates that herding looks at."""
        return calibrated_uncertainty(context, at)


class ErrorHerding(UncertaintyHerding):
    """`MaxHerding` of what the classifier probably gets wrong, as judged by itself and a linear head together.

    U_j = 1 − (q_ŷ − max_{c ≠ ŷ} q_c), with ŷ the classifier's prediction, and q the probabilities of the classifier and
    a linear head on the geometry together (`iale.classifiers._second_opinion`). U is close to 2 where they are sure
    that the prediction is wrong. If the classifier is a linear head or hardly trained, or there are too few labels to
    weigh the two, this is `UncertaintyHerding`.

    The idea is iale's own. Arguments and errors are those of `UncertaintyHerding`.
    """

    name: ClassVar[str] = "eherding"
    needs: ClassVar[frozenset[Need]] = frozenset({Need.GEOMETRY, Need.OPINION})

    def _uncertainty(self, context: QueryContext, at: Tensor) -> Tensor:
        return doubted(context, at)


def _checked(bandwidth: object) -> float:
    if isinstance(bandwidth, int | float) and is_real(bandwidth) and CLOSEST <= bandwidth < np.inf:
        return float(bandwidth)
    raise ConfigError(f"the bandwidth must be a number of at least {CLOSEST}, not {bandwidth!r}: 1 is a usual choice.")
