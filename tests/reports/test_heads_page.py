"""The page on linear heads follows from the records, and the README's table from its runs."""

from __future__ import annotations

import pytest

from gain_tables import TITLES, Areas, best_others, brief, gains, titled


@pytest.fixture
def made() -> Areas:
    """3 points above Random on each data set in acquisitions of 10, and 9 in those of 50."""
    found = {("linear", 10, dataset, "random"): {0: 0.5, 1: 0.6} for dataset in TITLES}
    found |= {("linear", 10, dataset, "margin"): {0: 0.53, 1: 0.63, 2: 0.9} for dataset in TITLES}
    found |= {("linear", 50, dataset, name): {0: area} for dataset in TITLES for name, area in PARTS}
    return found


PARTS = (("random", 0.5), ("margin", 0.59))


def test_the_gains_with_a_linear_head_by_hand(made: Areas) -> None:
    """3 points on each data set, so 3 in the mean; data sets are called as people call them."""
    table = titled(gains(made, "linear"))
    assert table.header == ["strategy", *TITLES.values(), "mean"]
    assert table.lines == [["Margin", *["+3.00 ± 0.00 (2)"] * len(TITLES), "+3.00"]]
    assert brief(made, "linear").lines == [["Margin", *["+3.00 ± 0.00"] * len(TITLES), "+3.00"]]


@pytest.mark.parametrize(("lead", "judged"), [(0.004, "holds"), (0.006, "fails"), (-0.01, "holds")])
def test_a_strategy_is_behind_by_more_than_half_a_point(lead: float, judged: str) -> None:
    found: Areas = {
        ("linear", 10, "digits", "uherding"): {0: 0.7, 1: 0.8, 2: 0.9},
        ("linear", 10, "digits", "margin"): {seed: 0.7 + seed / 10 + lead + seed / 10000 for seed in range(3)},
    }
    assert best_others(found, "linear", "uherding").lines[0][-1] == judged
