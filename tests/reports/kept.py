"""The records in this repository and the figures that follow from them, read once; and the pages that tell them."""

from __future__ import annotations

from functools import cache

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


def flat(text: str) -> str:
    return " ".join(text.split())
