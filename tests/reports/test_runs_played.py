"""What the readings of the experiments `geometry` and `shapes` tell of their runs, against the lines of the records."""

from __future__ import annotations

import gzip
import json
from functools import cache
from typing import Any

import numpy as np
import pytest
from scipy import stats

from iale.benchmark._evidence import read_evidence
from iale.benchmark._experiments.catalog import EXPERIMENTS
from iale.errors import ConfigError
from make_results import BY_SHAPES, POOL
from runs_played import runs_played
from sentences import Figure
from tests.reports.kept import SIZE

PATCHES = "built-in 2"  # what records call them


@cache
def of(experiment: str) -> Figure:
    return runs_played(EXPERIMENTS[experiment](SIZE), read_evidence([POOL, BY_SHAPES]).records)


@cache
def lines() -> list[dict[str, Any]]:
    """Each run once, of those that compare pixels."""
    found = {}
    for folder in (POOL, BY_SHAPES):
        with gzip.open(folder / "records.jsonl.gz", "rt") as file:
            found.update({line["key"]: line for line in map(json.loads, file)})
    return [line for line in found.values() if PATCHES not in line["config"].values()]


def aucs(classifier: str, candidates: int | None, dataset: str) -> dict[str, dict[int, float]]:
    """By strategy and seed."""
    found: dict[str, dict[int, float]] = {}
    for line in lines():
        place = line["classifier"], line["config"]["cycle"]["subset_size"], line["dataset"]
        if place == (classifier, candidates, dataset):
            found.setdefault(line["strategy"], {})[line["seed"]] = float(np.mean(line["accuracy"]))
    return found


def test_the_gain_on_margin_with_an_mlp_on_mnist() -> None:
    """``uherding_over_margin``, from the lines with NumPy and SciPy, in the runs for which its target was set."""
    found = aucs("mlp", None, "mnist")
    gaps = [100 * (value - found["margin"][seed]) for seed, value in sorted(found["uherding"].items())]
    half = stats.t.ppf(0.975, len(gaps) - 1) * stats.sem(gaps)
    assert of("geometry")("gain 3.5 mlp whole mnist uherding margin") == f"+{np.mean(gaps):.2f} ± {half:.2f}"
    duel = [line for line in lines() if (line["classifier"], line["dataset"]) == ("mlp", "mnist")]
    assert {line["config"]["pool_size"] for line in duel} == {7000}
    assert len(gaps) == 20


def test_seeds_and_strategies_are_counted() -> None:
    figure, few = of("geometry"), aucs("linear", None, "fashion-mnist")
    counts = sorted({len(seeds) for seeds in few.values()})
    assert figure("seeds linear whole fashion-mnist *") == " to ".join(
        str(count) for count in {counts[0]: 0, counts[-1]: 0}
    )
    assert figure("strategies linear whole fashion-mnist") == str(len(few))
    both = {dataset: len(aucs("mlp", 100, dataset)["random"]) for dataset in ("digits", "mnist")}
    assert figure("seeds mlp 100 digits,mnist random") == str(max(both.values()))
    assert of("shapes")("all") == "550"
    assert of("geometry")("all") == "9,450"


@pytest.mark.parametrize(
    ("experiment", "name", "message"),
    [
        ("geometry", "gain 6 mlp whole mnist uherding margin", "does not gain 6 points on margin"),
        ("geometry", "gain -9 mlp whole mnist margin uherding", "with an interval above 0"),
        ("geometry", "seeds linear whole digits nobody", "have no figure"),
        ("geometry", "seeds cnn whole cifar10-mobilenetv2 *", "have no figure"),
        ("geometry", "seed linear whole digits random", "have no figure"),
        ("shapes", "gain 0 mlp whole mnist uherding uherding", "differ: tell of one kind of run"),  # pixels or patches?
    ],
)
def test_a_figure_that_the_records_contradict_is_not_told(experiment: str, name: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        of(experiment)(name)


def test_a_sentence_on_all_runs_needs_all() -> None:
    records = read_evidence([POOL, BY_SHAPES]).records
    left = runs_played(EXPERIMENTS["geometry"](SIZE), [r for r in records if (r.dataset, r.seed) != ("digits", 3)])
    with pytest.raises(ConfigError, match=r"of 9450 runs are played, and a sentence says all of them"):
        left("all")
