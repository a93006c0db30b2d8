from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from iale.benchmark.metrics import area, labels_to_reach
from iale.benchmark.statistics import compare, estimate, half_width, holm, signed_rank
from iale.errors import ConfigError


def test_area_is_the_mean_of_the_recorded_points_and_no_trapezoid() -> None:
    assert area([0.1, 0.5, 0.9, 0.9]) == pytest.approx(0.6)
    assert area([0.1] * 1000) == pytest.approx(0.1, abs=1e-15)


def test_labels_to_reach_takes_the_first_crossing() -> None:
    assert labels_to_reach([20, 30, 40, 50], [0.1, 0.6, 0.5, 0.7], 0.6) == 30
    assert labels_to_reach([20, 30], [0.1, 0.6], 0.61) is None
    assert labels_to_reach([20, 30], [0.1, 0.6], 0.0) == 20


def test_interval_by_hand() -> None:
    # 1, 2, 3: mean 2, standard deviation 1, t(2, 0.975) = 4.302653, half width 4.302653 / √3
    found = estimate([1.0, 2.0, 3.0])
    assert (found.mean, found.count) == (2.0, 3)
    assert found.high == pytest.approx(2 + 4.302652729911275 / 3**0.5)
    assert found.low == pytest.approx(2 - 4.302652729911275 / 3**0.5)


@given(st.lists(st.floats(-1, 1), min_size=2, max_size=30))
def test_interval_equals_the_one_of_scipy(values: list[float]) -> None:
    error = np.std(values, ddof=1) / len(values) ** 0.5
    expected = stats.t.interval(0.95, len(values) - 1, loc=np.mean(values), scale=error) if error > 1e-12 else None
    found = estimate(values)
    if expected is not None:
        assert (found.low, found.high) == pytest.approx(expected)


def test_interval_of_curves_is_pointwise() -> None:
    curves = np.random.default_rng(0).normal(size=(7, 4))
    assert half_width(curves).tolist() == pytest.approx([float(half_width(curves[:, point])) for point in range(4)])


def test_interval_covers_what_it_says() -> None:
    """10 seeds, 4,000 repetitions: 95 % ± 1.5 points; fails by chance with probability below 0.0001."""
    samples = np.random.default_rng(1).normal(size=(10, 4000))
    covered = np.abs(samples.mean(axis=0)) <= half_width(samples)
    assert covered.mean() == pytest.approx(0.95, abs=0.015)


def test_one_seed_has_a_mean_and_no_interval() -> None:
    found = estimate([0.5])
    assert (found.mean, found.low, found.high, found.count) == (0.5, None, None, 1)
    with pytest.raises(ConfigError, match="at least 2 seeds, 1 came"):
        half_width([0.5])


def test_signed_rank_equals_counting_all_signs() -> None:
    differences = np.array([0.4, -0.1, 0.3, 0.25, -0.2, 0.6])
    ranks = stats.rankdata(np.abs(differences))
    sums = [sum(r for r, s in zip(ranks, signs, strict=True) if s) for signs in itertools.product((0, 1), repeat=6)]
    observed = min(ranks[differences > 0].sum(), ranks[differences < 0].sum())
    expected = min(1.0, 2 * sum(total <= observed for total in sums) / len(sums))
    assert signed_rank(differences) == pytest.approx(expected)


def test_signed_rank_at_its_edges() -> None:
    assert signed_rank(np.linspace(0.1, 1, 10)) == pytest.approx(2 / 2**10)
    assert signed_rank([0.0, 0.0, 0.0]) == 1.0
    assert signed_rank([0.1]) is None
    assert signed_rank([0.0, 0.1, 0.2, 0.3]) == signed_rank([0.1, 0.2, 0.3])


def test_comparison_uses_the_seeds_that_both_have() -> None:
    found = compare({0: 0.5, 1: 0.7, 2: 0.6, 9: 0.1}, {2: 0.6, 1: 0.6, 0: 0.6, 5: 0.9})
    assert found is not None
    assert (found.wins, found.ties, found.losses) == (1, 1, 1)
    assert found.difference.mean == pytest.approx(0.0)
    assert found.difference.count == 3
    assert compare({0: 1.0}, {1: 1.0}) is None


def test_comparison_is_paired() -> None:
    level = np.random.default_rng(0).normal(0, 0.1, 10)
    better = {seed: float(value) + 0.01 for seed, value in enumerate(level)}
    found = compare(better, {seed: float(value) for seed, value in enumerate(level)})
    assert found is not None
    assert found.difference.low == pytest.approx(0.01, abs=1e-9)
    assert found.wins == 10
    assert found.p_value == pytest.approx(2 / 2**10)


def test_holm_by_hand() -> None:
    # sorted 0.01 ×4, 0.015 ×3, 0.03 ×2 raised to 0.06, 0.04 ×1 raised to 0.06
    assert holm([0.03, 0.01, 0.04, 0.015]) == pytest.approx([0.06, 0.04, 0.06, 0.045])
    assert holm([]) == []
    assert holm([0.9, 0.8]) == [1.0, 1.0]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_lies_between_nothing_and_bonferroni_and_keeps_the_order(p_values: list[float]) -> None:
    corrected = holm(p_values)
    for p, c in zip(p_values, corrected, strict=True):
        assert p <= c <= min(1.0, len(p_values) * p) or c == max(corrected[i] for i, q in enumerate(p_values) if q <= p)
    order = np.argsort(p_values, kind="stable")
    assert (np.diff(np.asarray(corrected)[order]) >= 0).all()
