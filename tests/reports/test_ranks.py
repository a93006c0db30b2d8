"""Ranks over several panels, against numbers computed by hand."""

from __future__ import annotations

from typing import Any

import pytest

from iale.benchmark.records import Record
from iale.reports._panels import Panel, panels
from iale.reports._ranks import standing_table, standings
from tests.reports.factory import record


def two_panels(areas: dict[str, list[list[float]]]) -> list[Panel]:
    """Panels of digits and of letters: ``areas`` holds for each strategy the AUCs of its seeds on both."""
    lines: list[dict[str, Any]] = [
        record(name, seed, [value, value], [20, 30], dataset=dataset)
        for name, both in areas.items()
        for dataset, values in zip(("digits", "letters"), both, strict=False)
        for seed, value in enumerate(values)
    ]
    return panels([Record.parse(line) for line in lines])


def test_ranks_and_gains_are_means_over_panels_and_seeds() -> None:
    found = standings(
        two_panels(
            {
                "random": [[0.50, 0.50], [0.40, 0.40]],
                "margin": [[0.60, 0.60], [0.40, 0.50]],  # ties with Random once
                "badge": [[0.55, 0.65], [0.20, 0.20]],
            }
        )
    )
    by_name = {each.display: each for each in found}
    assert [each.display for each in found] == ["Margin", "Random", "BADGE"]
    # Margin: ranks 1 and 2 on digits, 1.5 and 1 on letters.
    assert by_name["Margin"].rank == pytest.approx((1 + 2 + 1.5 + 1) / 4)
    assert by_name["Margin"].worst == pytest.approx(1.5)
    assert by_name["Margin"].gain.mean == pytest.approx((0.1 + 0.1 + 0.0 + 0.1) / 4)
    assert by_name["BADGE"].rank == pytest.approx((2 + 1 + 3 + 3) / 4)
    assert by_name["Random"].rank == pytest.approx((3 + 3 + 1.5 + 2) / 4)
    assert by_name["Random"].gain.mean == 0
    # The interval is over the two seeds, whose mean gains over the panels are 0.05 and 0.10: t(1 df) = 12.706.
    half = 12.706 * (0.05 / 2**0.5) / 2**0.5
    assert by_name["Margin"].gain.high == pytest.approx(0.075 + half, abs=1e-4)


def test_only_what_all_panels_share_counts() -> None:
    found = two_panels({"random": [[0.5, 0.5], [0.4]], "margin": [[0.6, 0.1], [0.5]], "badge": [[0.9, 0.9]]})
    assert {each.display: each.gain.mean for each in standings(found)} == pytest.approx({"Margin": 0.1, "Random": 0.0})


@pytest.mark.parametrize("areas", [{"margin": [[0.5], [0.5]]}, {"random": [[0.5], [0.5]]}, {"random": [[0.5]]}])
def test_there_may_be_nothing_to_rank(areas: dict[str, list[list[float]]]) -> None:
    assert standings(two_panels(areas)) == []
    assert standing_table(two_panels(areas)) is None
