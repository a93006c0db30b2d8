from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from iale.benchmark._experiment import Claim, Experiment
from iale.benchmark._experiments.catalog import EXPERIMENTS, with_changes
from iale.benchmark._power import deviation_of, foreseen
from iale.benchmark._sizes import SIZES
from iale.classifiers.base import TrainingConfig
from tests.benchmark.content import parsed
from tests.benchmark.test_claims import contest, runs

CLAIM = Claim("x", "y", "better", (contest("ours", "theirs"),))


def experiment(seeds: int) -> Experiment:
    made = with_changes(EXPERIMENTS["fig8"](SIZES["smoke"](TrainingConfig(device="cpu"))), seeds=seeds)
    return replace(made, claims=(CLAIM,))


def test_the_deviation_is_that_of_the_paired_differences() -> None:
    ours, theirs = runs("ours", 0.7, 3), runs("theirs", 0.6, 1)
    differences = [a["accuracy"][0] - b["accuracy"][0] for a, b in zip(ours, theirs, strict=True)]
    found = deviation_of(experiment(10), parsed(ours + theirs))
    assert found == pytest.approx(float(np.std(differences, ddof=1)))
    assert deviation_of(experiment(10), []) is None


def test_what_seeds_can_see_is_said_before_they_run() -> None:
    assert foreseen(experiment(20), []).startswith("20 seeds see a difference of 1.1 points of AUC in 8 of 10 cases")
    assert "as usual" in foreseen(experiment(20), [])
    assert "in the runs so far" in foreseen(experiment(20), parsed(runs("ours", 0.7, 3) + runs("theirs", 0.6)))
    assert foreseen(experiment(1), []) == "A single seed decides nothing: use at least 5."
