from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats
from scipy.optimize import curve_fit
from tests.labeling.conftest import Make, label_some, savings

from iale.labeling.forecast._curve import Curves, draw_curves, draw_weights, fit_curves
from iale.labeling.forecast._intervals import percentiles, wilson
from iale.labeling.forecast._maker import advise
from iale.labeling.forecast._savings import AHEAD, FEWEST_TESTS, Savings
from iale.labeling.forecast.status import Range
from iale.labeling.record._fits import Fit, RandomFits

A, B, C = 0.92, 1.2, 0.55  # the curve that the labels follow
B_RANDOM, C_RANDOM = 1.2, 0.40  # random choice


def curve(n: float, b: float = B, c: float = C) -> float:
    return float(A - b * n**-c)


def simulate(
    rng: np.random.Generator, tests: int, sizes: list[int], random_sizes: list[int]
) -> tuple[list[Fit], RandomFits, dict[str, str]]:
    """Models whose true accuracies lie on known curves; a sample that is easy for one is easy for the next."""
    ease = rng.random(tests)
    names = [f"t{number}" for number in range(tests)]

    def predictions(accuracy: float) -> dict[str, str]:
        flip = np.clip(ease + rng.normal(scale=0.02, size=tests), 0, 1)
        return {name: "a" if f < accuracy else "b" for name, f in zip(names, flip, strict=True)}

    fits = [Fit(0.0, n, n, ("a", "b"), "margin", predictions(curve(n)), 0.0) for n in sizes]
    random = RandomFits(tuple(random_sizes), tuple(predictions(curve(n, B_RANDOM, C_RANDOM)) for n in random_sizes))
    return fits, random, dict.fromkeys(names, "a")


SIZES = list(range(30, 301, 15))


def tell(rng: np.random.Generator, tests: int = 300) -> Savings:
    fits, random, truth = simulate(rng, tests, SIZES, [20, 50, 100, 200])
    return savings(fits, random, truth, batch=50, test_share=0.1, seed=int(rng.integers(1000)))


def test_wilsons_interval_is_scipys() -> None:
    for right, count in ((0, 7), (3, 10), (10, 10), (57, 100), (1, 1)):
        found = wilson(right, count)
        expected = stats.binomtest(right, count).proportion_ci(method="wilson")
        assert found.value == right / count
        assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-12)
    assert wilson(0, 0) == Range()


def test_an_exact_curve_is_found_and_scipy_agrees() -> None:
    n = np.array([20, 40, 80, 160, 320, 640], dtype=np.float64)
    y = A - B * n**-C
    found = fit_curves(n, y[None], np.ones((1, 6)))
    assert found.at(1000)[0] == pytest.approx(curve(1000), abs=0.002)
    noisy = y + np.random.default_rng(0).normal(scale=0.01, size=6)
    weights = np.array([1.0, 2, 3, 1, 1, 2])
    (a, b, c), _ = curve_fit(
        lambda x, a, b, c: a - b * x**-c, n, noisy, (0.9, 1, 0.5), sigma=weights**-0.5, bounds=([0, 0, 0.1], [1, 9, 2])
    )
    mine = fit_curves(n, noisy[None], weights[None])
    assert np.abs(mine.at(100) - (a - b * 100**-c)).max() < 0.002
    error = (weights * (mine.a - mine.b * n**-mine.c - noisy) ** 2).sum()
    best = (weights * (a - b * n**-c - noisy) ** 2).sum()
    assert error <= best * 1.05 + 1e-9


def test_a_fitted_curve_is_a_possible_one() -> None:
    n = np.array([10.0, 20, 40, 80])
    y = np.array([[0.9, 0.8, 0.7, 0.6], [0.5, 0.9, 0.99, 1.0], [0.5, 0.5, 0.5, 0.5], [0.2, 0.5, 0.8, 1.0]])
    found = fit_curves(n, y, np.ones((4, 4)))
    assert (found.a <= 1).all()
    assert (found.b >= 0).all()
    assert found.at(1e6)[0] == pytest.approx(0.75)  # a falling curve is a level one


def test_exponents_are_drawn_from_the_points_where_they_say_something_and_from_experience_elsewhere() -> None:
    n = np.array([20.0, 50, 120, 300])
    exact = Curves(np.full(2001, 0.9), np.full(2001, 1.0), np.full(2001, 0.8))
    y = np.stack([exact.at(labels) for labels in n], axis=1)
    sure = draw_curves(n, y, exact.a, np.full(4, 1e-6), np.random.default_rng(0))
    assert sure.c == pytest.approx(exact.c, rel=0.1)  # the next exponents of the grid, on both sides
    assert sure.b == pytest.approx(exact.b, rel=0.3)
    vague = draw_curves(n, y, exact.a, np.full(4, 1e3), np.random.default_rng(0))
    assert np.median(vague.c) == pytest.approx(0.5, rel=0.08)
    assert np.quantile(vague.c, [0.025, 0.975]) == pytest.approx(
        [0.5 * math.exp(-0.784), 0.5 * math.exp(0.784)], rel=0.15
    )
    assert (vague.a == 0.9).all()


def test_percentiles_hold_the_estimate() -> None:
    draws = np.array([1.0] * 50 + [2.0] * 50)
    assert percentiles(1.5, draws) == Range(1.5, 1.0, 2.0)
    assert percentiles(2.5, draws) == Range(2.5, 1.0, 2.5)
    assert percentiles(50, np.arange(101.0)) == Range(50, 2.0, 97.0)
    assert draw_weights(3, 5, np.random.default_rng(0)).shape == (6, 3)


def test_the_intervals_hold_what_is_true() -> None:
    """40 simulated projects: 95% intervals hold the truth in at least 32 (chance of fewer, were they exact: 2e-4)."""
    rng = np.random.default_rng(7)
    n = SIZES[-1]
    truths = {
        "gain": curve(n + 50) - curve(n),
        "expected": curve(n + AHEAD * 0.9),
        "at_random": curve(n, B_RANDOM, C_RANDOM),
    }
    held = dict.fromkeys(truths, 0)
    for _ in range(40):
        found = tell(rng)
        for name, true in truths.items():
            interval = getattr(found, name)
            held[name] += interval.low <= true <= interval.high
    assert min(held.values()) >= 32, held


def test_the_estimates_are_near_the_truth_with_many_tests() -> None:
    found = tell(np.random.default_rng(1), tests=3000)
    assert found.accuracy.value == pytest.approx(curve(300), abs=0.02)
    assert found.gain.value == pytest.approx(curve(350) - curve(300), abs=0.004)
    assert found.expected.value == pytest.approx(curve(345), abs=0.02)
    assert found.at_random.value == pytest.approx(curve(300, B_RANDOM, C_RANDOM), abs=0.04)
    assert found.curve[0].fitted is None
    assert found.curve[-5].fitted == pytest.approx(curve(SIZES[-5]), abs=0.02)


def test_the_band_of_random_labels_reaches_from_the_fewest_to_as_many_as_there_are() -> None:
    found = tell(np.random.default_rng(2))
    assert [point.labels for point in found.random] == sorted({point.labels for point in found.random})
    assert (found.random[0].labels, found.random[-1].labels) == (20, SIZES[-1])
    assert found.random[-1].accuracy == found.at_random
    for point in found.random:
        assert point.accuracy.low is not None
        assert point.accuracy.high is not None
        assert 0 <= point.accuracy.low <= point.accuracy.high <= 1
        assert point.accuracy.low <= curve(point.labels, B_RANDOM, C_RANDOM) <= point.accuracy.high


def test_it_can_be_told_with_few_tests_and_no_bound_is_beyond_certainty() -> None:
    """20 tests are what a project of 200 labels has."""
    rng = np.random.default_rng(3)
    for _ in range(10):
        fits, random, truth = simulate(rng, 20, SIZES, [4, 9, 15])
        found = savings(fits, random, truth, batch=10, test_share=0.1, seed=0)
        for told in (found.expected, found.at_random):
            assert told.value is not None
            assert told.low is not None
            assert told.high is not None
            assert 0 <= told.low <= told.value <= told.high <= 1
            assert told.high - told.low > 0.1  # twenty tests cannot say more


def test_what_cannot_be_told_is_said() -> None:
    rng = np.random.default_rng(0)

    def found(tests: int, sizes: list[int], random_sizes: list[int]) -> Savings:
        fits, random, truth = simulate(rng, tests, sizes, random_sizes)
        return savings(fits, random, truth, batch=10, test_share=0.1, seed=0)

    none = savings([], RandomFits(), {}, batch=10, test_share=0.1, seed=0)
    assert "no model yet" in none.cannot_tell["accuracy"]
    fits, random, _ = simulate(rng, 5, [10], [])
    untested = savings(fits, random, {}, batch=10, test_share=0.1, seed=0)
    assert "the random test share has no labels yet" in untested.cannot_tell["accuracy"]
    few = found(FEWEST_TESTS - 1, SIZES, [5, 10, 15])
    assert few.accuracy.value is not None
    assert few.gain == Range()
    assert f"{FEWEST_TESTS} are needed" in few.cannot_tell["gain"]
    short = found(100, [10, 20, 30], [5, 10, 15])
    assert "3 models are fitted, and 4 are needed" in short.cannot_tell["at_random"]
    alone = found(100, SIZES, [5, 10])
    assert alone.gain.value is not None
    assert alone.expected.value is not None
    assert "too few random labels" in alone.cannot_tell["at_random"]


def test_the_advice_follows_from_what_is_known() -> None:
    known = tell(np.random.default_rng(0))
    go = advise(known, left=10, target=None)
    assert go.stop is False
    assert "still learns" in go.text
    assert advise(known, left=0, target=None).stop is True
    low = known.accuracy.low
    assert low is not None
    reached = advise(known, left=10, target=low - 0.01)
    assert reached.stop is True
    assert "target is reached" in reached.text
    assert advise(known, left=10, target=low + 0.01).stop is False
    unknown = advise(Savings(cannot_tell={"gain": "3 labels are there."}), left=10, target=None)
    assert unknown.stop is None
    assert unknown.reason == "3 labels are there."
    rng = np.random.default_rng(1)
    names = [f"t{i}" for i in range(400)]
    right = set(rng.choice(names, 380, replace=False).tolist())
    level = {name: "a" if name in right else "b" for name in names}
    fits = [Fit(0.0, n, n, ("a", "b"), "margin", level, 0.0) for n in range(100, 400, 20)]
    flat = savings(fits, RandomFits(), dict.fromkeys(names, "a"), batch=10, test_share=0.1, seed=0)
    stop = advise(flat, left=10, target=None)
    assert stop.stop is True
    assert "hardly worth it" in stop.text


def test_a_long_project_is_told_as_quickly() -> None:
    fits, random, truth = simulate(np.random.default_rng(0), 100, list(range(10, 5000, 10)), [10, 20, 40])
    found = savings(fits, random, truth, batch=10, test_share=0.1, seed=0)
    assert len(found.curve) == 60
    assert found.curve[-1].labels == 4990


def test_the_first_tests_come_twice_as_fast_and_are_no_more_in_the_end(make: Make) -> None:
    project = make(count=900, test_share=0.1)
    counts = {}
    for total in (20, 100, 200, 300, 450):
        label_some(project, total - len(project.labels()))
        counts[total] = len(project.labels_to_test_on())
    assert counts == {20: 4, 100: 20, 200: 40, 300: 40, 450: 45}
    order = [project.items.ids[int(index)] for index in project.shares.order[:45]]
    assert set(order) == set(project.labels_to_test_on())  # still the beginning of one random order
