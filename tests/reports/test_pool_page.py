"""The page of the experiment `geometry`: the rule of its default, and that it is made from the kept records."""

from __future__ import annotations

from typing import Any

import pytest

from iale.benchmark._times import RunTimes
from iale.benchmark.records import Record
from iale.reports._panels import Panel, panels
from make_results import seeing_page
from pool_page import CLASSIFIERS, SOURCES, default, whole
from tests.reports.factory import record
from tests.reports.kept import SIZE, assert_same_page, read


def played(gains: dict[str, float], **changes: Any) -> list[Panel]:
    """A panel of each source and classifier; strategies differ from Random by their gains."""
    places = [(dataset, classifier) for dataset in SOURCES for classifier in CLASSIFIERS]
    lines = [
        record(name, seed, [0.5 + gain + seed / 100] * 2, [20, 30], dataset=dataset, classifier=classifier, **changes)
        for dataset, classifier in places
        for name, gain in {"random": 0.0, **gains}.items()
        for seed in range(3)
    ]
    return panels([Record.parse(line) for line in lines])


def seconds(found: list[Panel], **queries: float) -> dict[str, RunTimes]:
    return {
        key: RunTimes(query_seconds=queries[entry.name])
        for panel in found
        for entry in panel.entries
        if entry.name in queries
        for key in entry.keys
    }


@pytest.mark.parametrize(("gain", "best"), [(0.0285, "Margin"), (0.0275, "MaxHerding")])
def test_of_strategies_that_are_as_good_the_one_that_costs_least_is_the_default(gain: float, best: str) -> None:
    found = whole(played({"maxherding": 0.03, "margin": gain, "badge": 0.001}, cycle={"subset_size": None}))
    assert default(found, seconds(found, maxherding=9.0, margin=1.0, badge=0.1)) == best


def test_nothing_is_decided_from_the_sub_pool_or_without_all_sources() -> None:
    assert default(whole(played({"margin": 0.03})), {}) is None
    found = whole(played({"margin": 0.03}, cycle={"subset_size": None}))
    assert default(found, {}) == "Margin"
    assert default(found[1:], {}) is None


def test_the_page_in_the_documentation_is_made_from_the_records_in_the_repository() -> None:
    assert_same_page(seeing_page(SIZE, "images/results/geometry.svg"), read("docs/seeing-the-pool.md"))
