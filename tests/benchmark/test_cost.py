"""Before the first run, its command says how many fits there are and about how long they take."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from iale.benchmark import _cost
from iale.benchmark._plan import planned
from iale.benchmark.grid import GridConfig
from iale.benchmark.runner import run_grids
from iale.classifiers import _trial
from iale.classifiers._trial import Pace
from iale.classifiers.base import TrainingConfig
from iale.learner import CycleConfig

GRID = GridConfig(
    dataset="digits",
    classifier="mlp",
    strategies=("random", "ensemble"),
    seeds=2,
    test_size=20,
    cycle=CycleConfig(labeling_budget=40, acquisition_size=15),
    training=TrainingConfig(epochs=1, device="cpu"),
)


def told(grid: GridConfig, workers: int = 1) -> str:
    return _cost.cost(list(planned([grid]).values()), workers)


def test_the_time_is_that_of_all_fits_and_predictions(monkeypatch: pytest.MonkeyPatch) -> None:
    """To begin a fit takes 0.1 s, a sample in an epoch 0.1 ms: with 1,000 epochs, 20, 35 and 40 labels take 9.8 s. The
    five members of an ensemble take five times as long, so two seeds of both strategies take 117.6 s.
    """
    monkeypatch.setattr(_trial, "pace", lambda *given: Pace(0.1 + 0.0256 * (given[4] if len(given) > 4 else 1), 0.0))
    long = replace(GRID, training=replace(GRID.training, epochs=1000))
    fits = "4 runs with 12 fits in all"
    assert told(long) == f"{fits}, which take about 2 minutes; what is finished is kept if you stop"
    assert told(long, workers=2) == fits  # less than a minute
    # Three fits are each followed by 20 predictions of the test part and, in an ensemble, of 100 candidates by every
    # member: 3,240 s. Random looks at no outputs.
    monkeypatch.setattr(_trial, "pace", lambda *_: Pace(0.0, 1.0))
    assert "about 54 minutes" in told(replace(GRID, seeds=2))


def test_only_what_is_left_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_grids(replace(GRID, seeds=1, strategies=("random",)), tmp_path)
    assert "1 run with 3 fits in all\n" in capsys.readouterr().err
    run_grids(replace(GRID, seeds=2, strategies=("random",), classifier="linear", training=TrainingConfig()), tmp_path)
    assert "2 runs with 6 fits in all\n" in capsys.readouterr().err
    run_grids(replace(GRID, seeds=1, strategies=("random",)), tmp_path)
    assert "fits in all" not in capsys.readouterr().err
    run_grids(replace(GRID, strategies=("random",)), tmp_path, progress=False)
    assert capsys.readouterr().err == ""
