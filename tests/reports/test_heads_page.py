"""The page on linear heads follows from the records, and the README's table from its runs."""

from __future__ import annotations

import pytest

from gain_tables import TITLES, Areas, areas, best_others, brief, gains, rises_of, titled
from iale.benchmark._evidence import read_evidence
from iale.benchmark._experiment import Claim, records_of
from iale.benchmark._experiments.heads import heads
from iale.benchmark._judge import Verdict, judge
from iale.benchmark._statistics import estimate
from iale.benchmark.records import Record
from make_results import OF_HEADS, linear_page
from tests.reports.kept import SIZE, assert_same_page, read


@pytest.fixture(scope="module")
def records() -> list[Record]:
    """The kept runs."""
    return records_of(heads(SIZE), read_evidence([OF_HEADS]).records)


def test_the_page_in_the_documentation_is_made_from_the_records_in_the_repository() -> None:
    assert_same_page(linear_page(SIZE), read("docs/heads.md"))


def test_what_the_page_says_of_the_claims(records: list[Record]) -> None:
    """Better than the experts on each set and than every other strategy on average; nobody is ahead anywhere."""
    claims = [claim for claim in heads(SIZE).claims if isinstance(claim, Claim)]
    *settled, pools = (judge(claim, records) for claim in claims)  # on each set, on average, by fives and by fifties
    assert [verdict for verdict, _ in settled] == [Verdict.HOLDS] * 4
    assert [len(findings) for _, findings in settled] == [36, 14, 6, 6]
    assert sorted(finding.verdict for finding in pools[1]) == [Verdict.HOLDS] * 4 + [Verdict.OPEN]
    lines = best_others(areas(records), "linear", "uherding").lines
    assert [line[1] for line in lines] == ["BAIT", "ALFA-Mix", *["MaxHerding"] * 4]
    assert all(line[2].startswith("+") for line in lines)
    in_fifties = best_others(areas(records), "linear", "uherding", "whole@50").lines
    assert len(in_fifties) == len(TITLES)
    assert all(line[2].startswith("+") for line in in_fifties)


def test_what_the_page_says_of_those_that_are_worse_than_random(records: list[Record]) -> None:
    found = areas(records)
    for name, count in {"coreset": 4, "entropy": 4, "confidence": 4, "probcover": 5}.items():
        rises = [estimate(rises_of(found, ("linear", "whole", dataset), name, "random")).mean for dataset in TITLES]
        assert sum(rise < 0 for rise in rises) == count, name


@pytest.fixture
def made() -> Areas:
    """3 points above Random on each data set in acquisitions of 10, and 9 in those of 50."""
    found = {("linear", "whole", dataset, "random"): {0: 0.5, 1: 0.6} for dataset in TITLES}
    found |= {("linear", "whole", dataset, "margin"): {0: 0.53, 1: 0.63, 2: 0.9} for dataset in TITLES}
    found |= {("linear", "whole@50", dataset, name): {0: area} for dataset in TITLES for name, area in PARTS}
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
        ("linear", "whole", "digits", "uherding"): {0: 0.7, 1: 0.8, 2: 0.9},
        ("linear", "whole", "digits", "margin"): {seed: 0.7 + seed / 10 + lead + seed / 10000 for seed in range(3)},
    }
    assert best_others(found, "linear", "uherding").lines[0][-1] == judged
