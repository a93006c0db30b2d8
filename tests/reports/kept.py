"""The records in this repository and the figures that follow from them, read once; and the pages that tell them."""

from __future__ import annotations

import re
from functools import cache

import pytest

from figures import Figures
from iale.benchmark._evidence import Evidence, read_evidence
from iale.benchmark._sizes import SIZES
from iale.classifiers.base import TrainingConfig
from make_results import RECORDS, ROOT, all_figures

SIZE = SIZES["standard"](TrainingConfig(device="cpu"))
TARGETS = ("fashion-mnist", "kmnist-10k", "mnist")
UNSEEN = TARGETS[:2]  # from which no policy of the MLP learned
READING = "results/standard/reading.md"


@cache
def evidence() -> Evidence:
    return read_evidence([RECORDS])


@cache
def figures() -> Figures:
    return all_figures(evidence(), SIZE)


def read(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def assert_same_page(made: str, shown: str) -> None:
    """Words are equal; numbers may differ in the last digit, where another processor adds in another order."""
    number = r"[−+]?\d+(?:\.\d+)?"
    assert re.sub(rf"\s+|-+|{number}", " ", made) == re.sub(rf"\s+|-+|{number}", " ", shown), "run `make results`"
    found = [[float(n.replace("−", "-")) for n in re.findall(number, page)] for page in (made, shown)]
    assert found[0] == pytest.approx(found[1], abs=0.011), "run `make results`"


def flat(text: str) -> str:
    return " ".join(text.split())
