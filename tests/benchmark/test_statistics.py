from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from iale.benchmark._statistics import (
    Comparison,
    Estimate,
    accuracy_at,
    area,
    bootstrap_interval,
    compare,
    detectable,
    estimate,
    half_width,
    holm,
    interquartile_mean,
    labels_to_reach,
    matrix,
    signed_rank,
)
from iale.errors import ConfigError
from iale.seeding import Stream
from tests.benchmark.content import verdict


def test_area_is_the_mean_of_the_recorded_points_and_no_trapezoid() -> None:
    assert area([0.1, 0.5, 0.9, 0.9]) == pytest.approx(0.6)
    assert area([0.1] * 1000) == pytest.approx(0.1, abs=1e-15)


def test_labels_to_reach_takes_the_first_crossing() -> None:
    assert labels_to_reach([20, 30, 40, 50], [0.1, 0.6, 0.5, 0.7], 0.6) == 30
    assert labels_to_reach([20, 30], [0.1, 0.6], 0.61) is None
    assert labels_to_reach([20, 30], [0.1, 0.6], 0.0) == 20
    assert labels_to_reach([20, 30], [0.1, 0.3], 0.1 + 0.2) == 30  # which is 0.30000000000000004


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
    with pytest.raises(ConfigError, match="at least 2 seeds, not 1"):
        half_width([0.5])


def test_signed_rank_equals_counting_all_signs() -> None:
    differences = np.array([0.4, -0.1, 0.3, 0.25, -0.2, 0.6])
    ranks = stats.rankdata(np.abs(differences))
    sums = [sum(r for r, s in zip(ranks, signs, strict=True) if s) for signs in itertools.product((0, 1), repeat=6)]
    observed = min(ranks[differences > 0].sum(), ranks[differences < 0].sum())
    expected = min(1.0, 2 * sum(total <= observed for total in sums) / len(sums))
    assert signed_rank(differences) == pytest.approx(expected)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(-4, 4), min_size=2, max_size=10))
def test_signed_rank_is_exact_with_ties(values: list[int]) -> None:
    """Against counting all 2^n signs, on small integers, which tie a lot."""
    differences = np.array([value for value in values if value], dtype=float)
    if not len(differences):
        assert signed_rank(values) == 1.0
        return
    ranks = stats.rankdata(np.abs(differences))
    signs = np.array(list(itertools.product((0, 1), repeat=len(ranks))))
    sums, seen = signs @ ranks, ranks[differences > 0].sum()
    assert signed_rank(values) == pytest.approx(min(1.0, 2 * min((sums <= seen).mean(), (sums >= seen).mean())))


@pytest.mark.parametrize("seeds", [14, 30, 60, 200])
def test_signed_rank_without_ties_is_scipys(seeds: int) -> None:
    differences = np.random.default_rng(seeds).normal(0.2, 1, seeds)
    assert signed_rank(differences) == pytest.approx(stats.wilcoxon(differences, method="exact").pvalue, rel=1e-9)


@pytest.mark.statistical
def test_power_is_what_simulated_experiments_have() -> None:
    """4,000 draws find the difference in 80 % ± 2 points; the seed is fixed."""
    for seeds in (5, 20):
        seen = detectable(seeds, 1.3)
        assert seen is not None
        draws = np.random.default_rng(seeds).normal(seen, 1.3, (4000, seeds))
        assert (stats.ttest_1samp(draws, 0, axis=1).pvalue < 0.05).mean() == pytest.approx(0.8, abs=0.02)
    assert detectable(1, 1.3) is None


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


def test_what_rounding_tells_apart_is_a_tie() -> None:
    # The same accuracies in another order: equal AUCs, whose floating-point means are not.
    one, other = ((0.1 + 0.2 + 0.3) / 3, (0.3 + 0.2 + 0.1) / 3)
    assert one != other
    found = compare({0: one, 1: other}, {0: other, 1: one})
    assert found is not None
    assert (found.wins, found.ties, found.losses) == (0, 2, 0)
    assert (found.difference.mean, found.p_value, found.bootstrap) == (0.0, 1.0, (0.0, 0.0))


def test_differences_of_equal_size_share_a_rank() -> None:
    # 0.3 − 0.2 and 0.2 − 0.1 are 0.1, but not in floating point; SciPy counts all signs where ranks are shared.
    pairs = [(0.3, 0.2), (0.2, 0.1), (0.1, 0.2), (0.7, 0.5), (0.9, 0.6)]
    ranks = [2, 2, 2, 4, 5]  # of |0.1|, |0.1|, |−0.1|, |0.2|, |0.3|; W is the 2 of the one negative
    sums = [
        sum(r for r, sign in zip(ranks, signs, strict=True) if sign) for signs in itertools.product((0, 1), repeat=5)
    ]
    found = compare({i: a for i, (a, _) in enumerate(pairs)}, {i: b for i, (_, b) in enumerate(pairs)})
    assert found is not None
    assert found.p_value == pytest.approx(sum(min(s, 15 - s) <= 2 for s in sums) / 2**5)


@pytest.mark.parametrize("seeds", [2, 5, 9, 13])
def test_equal_gains_on_all_seeds_have_the_smallest_p_and_an_interval_of_one_point(seeds: int) -> None:
    found = compare({seed: 0.2 + seed / 50 for seed in range(seeds)}, {seed: 0.1 + seed / 50 for seed in range(seeds)})
    assert found is not None
    assert (found.wins, found.ties, found.losses) == (seeds, 0, 0)
    assert found.p_value == pytest.approx(2 / 2**seeds)
    assert found.bootstrap == (found.difference.mean, found.difference.mean) == pytest.approx((0.1, 0.1))
    assert (found.difference.low, found.difference.high) == pytest.approx((0.1, 0.1))


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


def test_bootstrap_equals_efrons_formula() -> None:
    """BCa by hand: z0 from the share of means below the mean, a from the jackknife, percentiles of the resamples."""
    values = np.array([0.01, 0.03, -0.02, 0.05, 0.04, 0.10, 0.02])
    rng = Stream(0).child("statistics", "bootstrap").numpy()
    means = values[rng.integers(0, 7, size=(9999, 7))].mean(axis=1)
    z0 = stats.norm.ppf(((means < values.mean()).mean() + (means <= values.mean()).mean()) / 2)
    left_out = np.array([np.delete(values, i).mean() for i in range(7)])
    spread = left_out.mean() - left_out
    a = (spread**3).sum() / (6 * (spread**2).sum() ** 1.5)
    ends = [stats.norm.cdf(z0 + (z0 + z) / (1 - a * (z0 + z))) for z in (-1.959963984540054, 1.959963984540054)]
    found = bootstrap_interval(values)
    assert found == pytest.approx(np.quantile(means, ends), abs=1e-4)
    assert found == bootstrap_interval(values)


def test_bootstrap_at_its_edges() -> None:
    assert bootstrap_interval([0.1]) is None
    assert bootstrap_interval([0.0, 0.0]) == (0.0, 0.0)
    assert bootstrap_interval([0.3 - 0.1, 0.4 - 0.2, 0.5 - 0.3]) == pytest.approx((0.2, 0.2))
    assert bootstrap_interval([0.1, 0.3]) == pytest.approx((0.1, 0.3))
    assert bootstrap_interval([0.0, 1e-159]) == pytest.approx((0.0, 1e-159))


@given(st.lists(st.floats(-1, 1), min_size=2, max_size=8))
@settings(max_examples=30, deadline=None)
def test_bootstrap_stays_among_the_values(values: list[float]) -> None:
    low, high = bootstrap_interval(values) or (0, 0)
    assert min(values) - 1e-9 <= low <= high <= max(values) + 1e-9


def test_interquartile_mean_leaves_out_both_ends() -> None:
    assert interquartile_mean([9.0, 1.0, 2.0, 3.0, -5.0, 4.0, 5.0, 100.0]) == pytest.approx((2 + 3 + 4 + 5) / 4)
    assert interquartile_mean([1.0, 2.0, 9.0]) == pytest.approx(4.0)  # a quarter of 3 is no whole seed
    assert interquartile_mean([0.5]) == 0.5


def test_accuracy_at_is_that_of_the_labels_one_has() -> None:
    labeled, curve = [20, 60, 100], [0.1, 0.5, 0.6]
    found = [accuracy_at(labeled, curve, labels) for labels in (19, 20, 59, 60, 99, 100, 101)]
    assert found == [None, 0.1, 0.1, 0.5, 0.5, 0.6, None]


VALUES = {
    "a": {0: 0.5, 1: 0.6, 2: 0.7, 3: 0.8, 4: 0.75, 5: 0.66},
    "b": {0: 0.4, 1: 0.6, 2: 0.5, 3: 0.7, 4: 0.70, 5: 0.60},
    "c": {0: 0.5, 1: 0.5, 2: 0.75, 3: 0.9, 4: 0.76, 5: 0.67},
}


def test_matrix_counts_wins_and_losses_of_all_pairs() -> None:
    found = matrix(VALUES)
    counts = {pair: (c.wins, c.ties, c.losses) for pair, c in found.items()}
    assert counts["a", "b"] == (5, 1, 0)
    assert counts["b", "a"] == (0, 1, 5)
    assert counts["a", "c"] == (1, 1, 4)
    assert len(found) == 9


def test_matrix_corrects_each_pair_once() -> None:
    found = matrix(VALUES)
    pairs = [("a", "b"), ("a", "c"), ("b", "c")]
    expected = holm([found[pair].p_value or 0 for pair in pairs])
    assert [found[pair].p_holm for pair in pairs] == expected
    assert [found[b, a].p_holm for a, b in pairs] == expected


def test_matrix_is_antisymmetric() -> None:
    found = matrix(VALUES)
    for a, b in itertools.permutations(VALUES, 2):
        one, other = found[a, b].difference, found[b, a].difference
        assert (one.mean, one.low, one.high) == pytest.approx((-other.mean, -(other.high or 0), -(other.low or 0)))
        direct = compare(VALUES[b], VALUES[a])
        assert direct is not None
        assert found[b, a].bootstrap == pytest.approx(direct.bootstrap, abs=2e-3)


def test_matrix_leaves_out_pairs_without_a_common_seed() -> None:
    assert set(matrix({"a": {0: 0.1}, "b": {1: 0.2}})) == {("a", "a"), ("b", "b")}


def test_a_strategy_against_itself_is_a_tie_everywhere() -> None:
    for name, seeds in VALUES.items():
        own = matrix(VALUES)[name, name]
        assert (own.wins, own.ties, own.losses) == (0, len(seeds), 0)
        assert (own.difference.mean, own.difference.low, own.difference.high) == (0.0, 0.0, 0.0)
        assert own.bootstrap == (0.0, 0.0)
        assert (own.p_value, own.p_holm) == (1.0, 1.0)
        assert verdict(own) == "undecided"


def compared(mean: float, half: float | None, p: float | None) -> Comparison:
    low, high = (None, None) if half is None else (mean - half, mean + half)
    return Comparison(Estimate(mean, low, high, 10), 5, 0, 5, p, None, p)


@pytest.mark.parametrize(
    ("mean", "half", "p", "expected"),
    [
        (0.02, 0.01, 0.01, "holds"),
        (0.02, 0.01, 0.06, "undecided"),
        (0.02, 0.03, 0.01, "undecided"),
        (-0.02, 0.01, 0.01, "does not hold"),
        (-0.02, 0.01, 0.2, "no gain over 0.5 points"),
        (0.001, 0.003, 0.9, "no gain over 0.5 points"),
        (0.001, 0.005, 0.9, "undecided"),
        (0.003, 0.001, 0.01, "holds"),
        (0.02, None, None, "undecided"),
    ],
)
def test_verdicts(mean: float, half: float | None, p: float | None, expected: str) -> None:
    assert verdict(compared(mean, half, p)) == expected


def test_a_margin_of_ones_own() -> None:
    assert verdict(compared(0.005, 0.003, 0.9), margin=0.01) == "no gain over 1 points"
