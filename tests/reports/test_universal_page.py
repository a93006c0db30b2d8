"""The page of the universal policy is made from the kept records."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import fmean

import pytest

from herding_alike import ALIKE
from iale.benchmark._statistics import estimate
from make_results import UNIVERSAL, UNIVERSAL_PAGE
from replay import FAMILIES
from strategies_page import swaps
from tests.reports.factory import record
from universal_page import (
    ablations,
    by_hand,
    ceilings,
    costs,
    hand_table,
    network_ceilings,
    opinions,
    roll_outs,
    universal_page,
)

MORE = "swaps and labels cover 0.9 and U + 0.1"


def test_the_page_is_made_from_the_records() -> None:
    text = (UNIVERSAL / "reading.md").read_text(encoding="utf-8")
    page = UNIVERSAL_PAGE.read_text(encoding="utf-8")
    assert page == universal_page(UNIVERSAL, text), "run `make results`"
    assert "{" not in page


def test_differences_are_paired_by_family_and_seed() -> None:
    places = [(family, seed) for family in ("digits", "mnist", "cifar10-mobilenetv2") for seed in range(3)]
    base = {(family, seed): 0.5 + seed / 10 for family, seed in places}
    variants = {"uherding": base, "better": {place: value + 0.01 for place, value in base.items()}}
    (line,) = hand_table(variants).lines
    assert line[0] == "better"
    assert line[1:] == ["+1.00 ± 0.00"] * 4 + ["3"]


def test_a_variant_that_was_soon_given_up_has_a_line_too() -> None:
    places = [(family, seed) for family in ("digits", "mnist", "cifar10-mobilenetv2") for seed in range(3)]
    base = dict.fromkeys(places, 0.5)
    begun = {place: 0.49 for place in places if place[1] == 0 or place == ("digits", 1)}
    variants = {"uherding": base, "begun": begun, "nowhere": {("digits", 0): 0.5}}
    assert hand_table(variants).lines == [
        ["begun", "−1.00 ± 0.00", "−1.00", "−1.00", "−1.00", "1"],
        ["nowhere", "+0.00", "—", "—", "—", "0"],
    ]


def test_every_variant_of_the_records_is_on_the_page() -> None:
    for variants in by_hand(UNIVERSAL / "by-hand.jsonl").values():
        assert {line[0] for line in hand_table(variants).lines} == {*variants} - {"uherding"}


def numbers(cell: str) -> tuple[float, float]:
    """A mean and half its interval, as a table tells them."""
    mean, half = cell.replace("−", "-").split(" ± ")
    return float(mean), float(half)


def test_what_the_page_says_of_parts_made_by_hand() -> None:
    """By tens none has 0.1 points; by fifties two pass, one of them barely; two were further ahead after five seeds."""
    found = by_hand(UNIVERSAL / "by-hand.jsonl")
    tens, fifties = ({line[0]: line for line in hand_table(found[batch]).lines} for batch in (10, 50))
    means = [numbers(line[4]) for line in tens.values() if int(line[5]) > 1]
    assert max(mean for mean, _ in means) < 0.1
    assert max(mean - half for mean, half in means) < 0
    assert len(fifties) == 14
    played = {name: numbers(line[4]) for name, line in fifties.items() if line[5] == "10"}
    base = found[50]["uherding"]
    pooled = {name: estimate([found[50][name][place] - value for place, value in base.items()]) for name in played}
    kept = {name: own for name, own in pooled.items() if own.mean >= 0.002 and own.low is not None and own.low > 0}
    assert {name: own.count for name, own in kept.items()} == {"swaps": 30, MORE: 30}
    assert min(numbers(cell)[0] for name in kept for cell in fifties[name][1:4]) > -0.3
    assert played["swaps"][0] > played["swaps"][1]
    by_seed = [fmean(found[50][MORE][family, s] - base[family, s] for family in FAMILIES) for s in range(10)]
    assert (estimate(by_seed).low or 0) < 0
    assert numbers(tens["swaps"][4])[0] < 0
    assert tens[MORE][4].startswith("−")
    few = {
        name: {place: value for place, value in curves.items() if place[1] < 5} for name, curves in found[50].items()
    }
    for line in hand_table(few).lines:
        if line[0].startswith("refitted"):
            assert numbers(line[4])[0] > 0.2 > played[line[0]][0]


def test_what_the_page_says_of_controls_and_judges() -> None:
    """By tens no control has 0.2 points or an interval above 0; nine judges gain on MNIST, seven over a point."""
    every = [line for line in ceilings(UNIVERSAL / "ceilings.jsonl").lines if line[0].startswith("10,")]
    controls = [line for line in every if line[1] != "which samples have one class"]
    cells = [numbers(cell) for line in controls for cell in line[2:6]]
    assert len(controls) == len(every) - 1 == 3
    assert all(abs(mean) < half for mean, half in cells)
    assert all(0 < numbers(line[5])[0] < 0.2 for line in controls)
    judged = [line for line in hand_table(opinions(UNIVERSAL / "opinions-patches")).lines if "judged" in line[0]]
    gains = [numbers(line[2])[0] for line in judged]
    assert len(gains) == 9
    assert min(gains) > 0
    assert sum(gain > 1 for gain in gains) == 7


def test_what_the_page_says_of_one_class() -> None:
    """The control gains three points on features and little elsewhere; no rule has a mean above 0, and p·p is last."""
    lines = [line for line in ceilings(UNIVERSAL / "ceilings.jsonl").lines if line[1] == "which samples have one class"]
    digits, mnist, features = (numbers(cell)[0] for cell in lines[0][2:5])
    assert features > 3 > 0.2 > max(digits, mnist)
    table = hand_table(by_hand(UNIVERSAL / "by-hand.jsonl")[10])
    rules = {line[0]: [numbers(cell)[0] for cell in line[1:5]] for line in table.lines if line[0] in ALIKE}
    assert len(rules) == len(ALIKE) == 7
    assert all(own[3] < 0 and own[2] < 0.1 and own[1] < -0.35 for own in rules.values())
    assert min(rules, key=lambda name: rules[name][3]) == "alike: p·p"
    assert all(line[-1] == "10" for line in table.lines if line[0] in ALIKE)


def test_what_the_page_says_of_luck() -> None:
    """Folds find the true labels less likely, and their draws agree less; the last column is above 0.5 everywhere."""
    found = json.loads((UNIVERSAL / "luck.json").read_text(encoding="utf-8"))
    means = {family: {name: each["mean"] for name, each in own.items()} for family, own in found.items()}
    rules = json.loads((UNIVERSAL / "rules.json").read_text(encoding="utf-8"))["families"]
    assert means.keys() == rules.keys()
    for family, own in means.items():
        assert own["truth apart"] < own["truth"]
        assert own["draws apart"] < own["draws"] + 0.005
        assert own["draws apart"] > rules[family]["rank"]["value"]["mean"] + 0.2
        assert own["ceiling"] > 0.5
    assert min(means, key=lambda family: means[family]["ceiling"]) == "cifar10-jpeg"


def test_what_the_page_says_of_swaps_on_families_held_out() -> None:
    """Both means are above 0, and neither interval is."""
    lines = {line[0]: line for line in swaps(UNIVERSAL / "swaps").lines}
    assert {line[-1] for line in lines.values()} == {"10"}
    assert len(lines) == 4
    assert all(0 < mean < half for mean, half in map(numbers, lines["mean"][1:3]))


def test_roll_outs_name_both_forms() -> None:
    table = roll_outs(UNIVERSAL)
    assert table.header == ["family", "learned herding", "selector", "seeds"]
    assert all("±" in cell for line in table.lines for cell in line[1:3])


def test_costs_are_told_beside_those_of_uncertainty_herding() -> None:
    """On the page: learned herding about doubles an acquisition, and the selector costs more than twice as much."""
    found = {"mlp": {"uherding": {"choice": 0.2}, "herding": {"choice": 0.5}, "selector": {"choice": 1.0}}}
    assert costs(found).lines == [["mlp", "choice", "0.20", "0.50 (2.5 ×)", "1.00 (5.0 ×)"]]
    for own in json.loads((UNIVERSAL / "costs.json").read_text()).values():
        usual, herding, selector = (own[name]["acquisition"] for name in ("uherding", "herding", "selector"))
        assert herding == pytest.approx(2 * usual, rel=0.15)
        assert selector > 2 * usual


def test_controls_of_a_network_are_compared_where_both_have_their_fits(tmp_path: Path) -> None:
    """A judge one point ahead, and labels after every 5 whose points in between do not count."""
    lines = []
    for dataset in ("digits", "mnist", "cifar10-mobilenetv2"):
        for seed in range(2):
            for name, size, accuracy in (
                ("eherding", 10, [0.5, 0.7]),
                ("PerfectJudge", 10, [0.52, 0.70]),
                ("HalfPerfect", 10, [0.5, 0.7]),
                ("eherding", 5, [0.5, 0.9, 0.74]),
            ):
                labeled = list(range(20, 31, size))
                lines.append(record(name, seed, accuracy, labeled, dataset=dataset, cycle={"acquisition_size": size}))
    (tmp_path / "records.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert [line[0] for line in network_ceilings(tmp_path).lines] == [
        "which samples are wrong",
        "the mean of that and of what it believes",
        "labels after every 5",
    ]
    assert [line[4:] for line in network_ceilings(tmp_path).lines] == [
        ["+1.00 ± 0.00", "2"],
        ["+0.00 ± 0.00", "2"],
        ["+2.00 ± 0.00", "2"],
    ]


def test_an_ablation_is_told_beside_the_whole() -> None:
    families = {"digits": 0.31, "mnist": 0.354, "cifar10-mobilenetv2": 0.15}
    own, less = {"mean": 0.27, "half": 0.02, "count": 9}, {"mean": -0.0067, "half": 0.005, "count": 9}
    found = {
        "all": {"families": families, "tasks": own, "difference": {"mean": 0.0, "half": 0.0, "count": 9}},
        "no context": {"families": families, "tasks": own, "difference": less},
    }
    assert ablations(found).lines == [
        ["all", "0.31", "0.35", "0.15", "0.270 ± 0.020", "—"],
        ["no context", "0.31", "0.35", "0.15", "0.270 ± 0.020", "−0.007 ± 0.005"],
    ]
