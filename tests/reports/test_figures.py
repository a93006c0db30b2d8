from __future__ import annotations

import io
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from matplotlib.patches import Rectangle
from PIL import Image

from iale.benchmark._times import by_key
from iale.reports._curves import draw_curves
from iale.reports._factor import draw_factor, series
from iale.reports._figures import inline_svg, panel_looks, png, spread, svg
from iale.reports._overlap import chance, draw_overlap, mean_overlap, quadratic
from iale.reports._summary import costs
from iale.reports._times import draw_times
from tests.reports.content import panels
from tests.reports.factory import experiment, record, times


def texts(image: bytes | str) -> list[str]:
    """What can be read in an SVG."""
    root = ET.fromstring(image)
    return [element.text or "" for element in root.iter() if element.tag.endswith("text")]


def test_text_stays_text_and_equal_records_give_equal_bytes() -> None:
    found = panels(experiment())
    one, two = (svg(draw_curves(found, panel_looks(found))) for _ in range(2))
    assert one == two
    assert b"<dc:date>" not in one
    assert not re.search(rb'\b(d|x|y)="[^"]*\.\d{3}', one), "finer than any screen"
    assert {"MC-Dropout", "IALE", "labels", "paired difference to Random"} <= set(texts(one))


def test_figures_of_one_page_share_no_ids_and_all_references_resolve() -> None:
    found = panels(experiment())
    drawn = [inline_svg(draw_curves(found, panel_looks(found)), name, "curves") for name in ("one", "two")]
    ids = [re.findall(r'\bid="([^"]+)"', text) for text in drawn]
    assert not set(ids[0]) & set(ids[1])
    for own, text in zip(ids, drawn, strict=True):
        assert len(own) == len(set(own))
        assert set(re.findall(r'(?:url\(|href=")#([^")]+)', text)) <= set(own)


def test_an_inline_figure_takes_the_colors_of_the_page_and_says_the_same() -> None:
    found = panels(experiment())
    figure = draw_curves(found, panel_looks(found))
    inline = inline_svg(figure, "a", "curves")
    assert not re.findall(r"#[0-9a-f]{6}\b(?![-\w])", re.sub(r'="#[^"]+"|url\([^)]+\)', "", inline))
    assert texts(inline) == texts(svg(figure))
    assert 'width="' not in inline[: inline.index(">")]


@pytest.mark.parametrize(("seeds", "bands"), [(1, False), (2, False), (3, True)])
def test_a_band_needs_three_seeds(seeds: int, bands: bool) -> None:
    found = panels(experiment(seeds=seeds))
    figure = draw_curves(found, panel_looks(found))
    assert bool(figure.axes[0].collections) is bands
    thin = [line for line in figure.axes[0].lines if line.get_linewidth() == 0.6]
    assert len(thin) == (2 * len(found[0].entries) if seeds == 2 else 0)


def test_names_with_signs_of_markup_are_drawn_as_they_are() -> None:
    found = panels([record(name, 0, [0.1, 0.2], [10, 20]) for name in ("$a_b$", "x<&>y", "random")])
    drawn = texts(svg(draw_curves(found, panel_looks(found))))
    assert {"$a_b$", "X<&>y"} <= set(drawn)


def test_names_are_pushed_apart() -> None:
    moved = spread([0.5, 0.5, 0.51], 0.1)
    assert np.diff(moved).min() == pytest.approx(0.1)
    assert moved.mean() == pytest.approx(np.mean([0.5, 0.5, 0.51]), abs=1e-9)
    assert spread([0.1, 0.9], 0.1).tolist() == pytest.approx([0.1, 0.9])


def test_the_quadratic_is_the_one_of_least_squares() -> None:
    x = np.arange(20.0, 200, 10)
    y = 3 - 0.02 * x + 1e-4 * x**2 + np.random.default_rng(0).normal(0, 0.1, len(x))
    expected = np.column_stack([np.ones_like(x), x, x**2])
    assert quadratic(list(x), y) == pytest.approx(expected @ np.linalg.lstsq(expected, y, rcond=None)[0])
    assert quadratic([1, 2, 3], np.array([1.0, 5.0, 2.0])).tolist() == [1.0, 5.0, 2.0]


def test_overlap_is_drawn_for_the_policy_alone() -> None:
    beside = ("confidence", "coreset", "random")
    found = panels(experiment(beside=beside))
    policy = next(entry for entry in found[0].entries if entry.learned)
    assert list(mean_overlap(policy)) == ["confidence", "coreset", "random"]
    assert mean_overlap(policy)["coreset"].mean == pytest.approx(policy.overlap["coreset"].mean())
    assert chance(found[0]) == 0.1
    figure = draw_overlap(found, panel_looks(found))
    assert len(figure.axes) == 1
    assert {"What IALE shares with each heuristic", "chance", "CoreSet"} <= set(texts(svg(figure)))


def test_runs_with_and_without_others_beside_are_one_strategy() -> None:
    plain, asked = experiment(seeds=3), experiment(seeds=2, beside=("margin",))
    for records in (plain + asked, asked + plain):
        (panel,) = panels(records)
        policy = next(entry for entry in panel.entries if entry.learned)
        assert policy.seeds == (0, 1, 2)
        assert policy.overlap["margin"].shape == (2, len(panel.labeled) - 1)
        # What others are asked beside takes time that is not the policy's.
        own = {r["key"] for r in plain if r["strategy"] == "iale"}
        assert set(policy.keys) == own
    (panel,) = panels(asked)
    timed = {cost.name: cost.seconds for cost in costs(panel, by_key(times(asked)))}
    assert timed["iale"] is None
    assert timed["random"] is not None


def varied() -> list[dict[str, object]]:
    records = []
    for size, gain in {10: 0.0, 100: 0.03, None: 0.01}.items():
        records += experiment({"iale": gain, "random": 0.0}, seeds=4, cycle={"subset_size": size})
    return records + experiment({"iale": 0.0, "random": 0.0}, seeds=4, dataset="mnist", cycle={"subset_size": 10})


def test_series_hold_what_differs_in_one_setting_only() -> None:
    first, second = series(panels(varied()), "cycle.subset_size")
    assert (first.title, second.title) == ("digits, MLP", "mnist, MLP")
    assert list(first.panels) == [10, 100, None]
    assert first.setting == "samples in the sub-pool"
    means = {value: area.mean for value, area in first.areas("iale").items()}
    assert max(means, key=lambda value: means[value]) == 100
    found = first.differences()
    assert set(found) == {("iale", 10), ("iale", 100), ("iale", None)}
    # Four seeds give p = 1/8 at least, three comparisons are one family
    assert found["iale", 100].p_holm == pytest.approx(min(1.0, 3 * (found["iale", 100].p_value or 0)))


def test_a_factor_is_drawn_on_a_log_axis_where_its_values_spread() -> None:
    found = panels(varied())
    figure = draw_factor(found, panel_looks(found), "cycle.subset_size")
    assert len(figure.axes) == 4
    assert [axes.get_xscale() for axes in figure.axes] == ["log", "log", "linear", "linear"]
    assert [label.get_text() for label in figure.axes[1].get_xticklabels()] == ["10", "100", "whole"]


def test_strategies_as_factor_are_bars_of_the_paired_difference() -> None:
    found = panels(experiment({"iale-a": 0.03, "iale-b": -0.02, "random": 0.0}, seeds=4))
    (axes,) = draw_factor(found, panel_looks(found), "strategy").axes
    random = found[0].random
    assert random is not None
    gaps = {e.display: 100 * np.mean([e.areas[s] - random.areas[s] for s in e.seeds]) for e in found[0].entries}
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert [patch.get_width() for patch in axes.patches if isinstance(patch, Rectangle)] == pytest.approx(
        [gaps[name] for name in names]
    )


def test_times_are_medians_and_paired_ratios() -> None:
    records = experiment({"random": 0.0, "margin": 0.0}, seeds=3)
    lines = [
        {"key": r["key"], "seconds": s, "fit_seconds": s - q, "query_seconds": q, "peak_mb": 100.0}
        for r, (s, q) in zip(records, [(10, 1), (20, 4), (10, 2), (50, 4), (10, 1), (11, 9)], strict=True)
    ]
    (panel,) = panels(records)
    margin = next(cost for cost in costs(panel, by_key(lines)) if cost.name == "margin")
    assert (margin.seconds, margin.query_seconds, margin.peak_mb) == (20, 4, 100)
    assert (margin.seconds_ratio, margin.query_ratio) == (2.0, 4.0)
    assert margin.fit_ratio == pytest.approx(16 / 9)
    assert margin.span == (1.1, 5.0)


def test_times_that_know_whole_runs_only_are_drawn_too() -> None:
    records = experiment(seeds=2)
    lines = [{"key": line["key"], "seconds": line["seconds"]} for line in times(records)]
    found = panels(records)
    drawn = png(draw_times(found, panel_looks(found), by_key(lines)))
    assert Image.open(io.BytesIO(drawn)).width > 500
    assert costs(found[0], {}) == []
