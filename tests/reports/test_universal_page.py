"""The page of the universal policy is made from the kept records."""

from __future__ import annotations

from make_results import UNIVERSAL, UNIVERSAL_PAGE
from universal_page import hand_table, roll_outs, universal_page


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


def test_roll_outs_name_both_forms() -> None:
    table = roll_outs(UNIVERSAL)
    assert table.header == ["family", "learned herding", "selector", "seeds"]
    assert all("±" in cell for line in table.lines for cell in line[1:3])
