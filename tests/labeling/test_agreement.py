from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from iale.labeling.forecast._intervals import cohens_kappa
from iale.labeling.forecast.status import Range


def test_kappa_by_hand() -> None:
    """20 yes/yes, 5 yes/no, 10 no/yes, 15 no/no: p_o = 0.7, p_e = 0.5·0.6 + 0.5·0.4 = 0.5, so κ = 0.4."""
    pairs = [("y", "y")] * 20 + [("y", "n")] * 5 + [("n", "y")] * 10 + [("n", "n")] * 15
    found = cohens_kappa(pairs)
    half = 1.959963984540054 * (0.7 * 0.3 / 50) ** 0.5 / 0.5
    assert (found.value, found.low, found.high) == pytest.approx((0.4, 0.4 - half, 0.4 + half))


def test_kappa_is_scikit_learns() -> None:
    rng = np.random.default_rng(0)
    for classes in (2, 3, 7):
        first = rng.integers(0, classes, 60)
        second = np.where(rng.random(60) < 0.6, first, rng.integers(0, classes, 60))
        found = cohens_kappa([(str(a), str(b)) for a, b in zip(first, second, strict=True)])
        assert found.value == pytest.approx(cohen_kappa_score(first, second))


def test_kappa_that_does_not_exist() -> None:
    assert cohens_kappa([]) == Range()
    assert cohens_kappa([("a", "a")] * 5) == Range()
    assert cohens_kappa([("a", "b"), ("b", "a")]).value == -1
