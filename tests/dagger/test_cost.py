"""Before the first episode, training says how many fits there are at most, and about how long they take."""

from __future__ import annotations

import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from iale.classifiers._trial import Rates
from iale.classifiers.base import FitJob, FittedClassifier, TrainingConfig
from iale.classifiers.torch_classifier import TorchClassifier
from iale.dagger import _cost
from iale.dagger.alil import train_alil
from iale.dagger.config import AlilConfig, DaggerConfig, UpdateConfig
from iale.dagger.trainer import train_policy
from iale.data.samples import Samples
from iale.learner import CycleConfig

ALIL = AlilConfig(
    dataset="digits",
    classifier="mlp",
    episodes=2,
    labeling_budget=25,
    choices=3,
    scoring_size=30,
    pool_size=200,
    variant="corrected",
    training=TrainingConfig(epochs=1, device="cpu"),
)
IALE = DaggerConfig(
    dataset="digits",
    classifier="mlp",
    experts=("ensemble", "margin"),
    episodes=2,
    scoring_size=30,
    pool_size=200,
    cycle=CycleConfig(labeling_budget=45, acquisition_size=10, subset_size=50, committee_size=3),
    update=UpdateConfig(policy_epochs=1),
    training=TrainingConfig(epochs=1, device="cpu"),
)


def train(config: AlilConfig | DaggerConfig, out: Path, capsys: pytest.CaptureFixture[str], workers: int = 1) -> str:
    """Trains; returns what was told before the first episode."""
    capsys.readouterr()
    if isinstance(config, AlilConfig):
        train_alil(config, out)
    else:
        with ThreadPoolExecutor(1) as executor:
            train_policy(config, out, workers=workers, executor=executor)
    return capsys.readouterr().err.splitlines()[0]


def most(told: str) -> int:
    found = re.fullmatch(r"\d+ episodes? with at most ([\d,]+) fits in all", told)
    assert found, told
    return int(found[1].replace(",", ""))


@pytest.mark.parametrize(
    ("config", "each"),
    [
        (ALIL, 5 * (1 + 3)),
        (replace(ALIL, retrain_every=2), 3 + 5 * 3),
        (replace(IALE, experts=("margin",)), 3 * (1 + 1)),
        (IALE, 3 * (3 + 2)),  # the ensemble fits three members
    ],
)
def test_the_fits_that_are_told_are_those_that_are_made(
    config: AlilConfig | DaggerConfig,
    each: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    made: list[int] = []
    fit_many = TorchClassifier.fit_many

    def note(self: TorchClassifier, samples: Samples, jobs: Sequence[FitJob]) -> list[FittedClassifier]:
        made.append(len(jobs))
        return fit_many(self, samples, jobs)

    monkeypatch.setattr(TorchClassifier, "fit_many", note)
    monkeypatch.setattr(_cost, "rates", lambda *_: None)
    told = most(train(replace(config, episodes=1), tmp_path, capsys))
    assert told == each
    assert sum(made) == told  # no two experts happened to agree here
    made.clear()
    told = most(train(config, tmp_path, capsys))  # one more: only what is left is told
    assert told == each == sum(made)


def test_a_faithful_alil_that_never_asks_its_expert_makes_fewer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(_cost, "rates", lambda *_: Rates(4.0, 0.0, 0.0))
    never = replace(ALIL, variant="faithful", expert_probability=0.0)
    # Five fits of M take 20 s an episode; those that judge the three choices of five steps would take 60 s more.
    assert most(train(never, tmp_path / "never", capsys)) == 40
    always = train(replace(never, expert_probability=1.0), tmp_path / "always", capsys)
    assert (
        always
        == "2 episodes with at most 40 fits in all, which take about 3 minutes; what is finished is kept if you stop"
    )


def test_the_time_is_that_of_all_fits_and_predictions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """M is fitted to 20, 30 and 40 labels, by three members, and each expert's labels make it 30, 40 and 45: with 1 s a
    sample, that is 3 · 90 + 2 · 115 = 500 s. At each of three steps, 3 · 50 candidates are predicted by the members and
    2 · 30 samples for the scores: 630 predictions.
    """
    told = "2 episodes with at most 30 fits in all, which take about {}; what is finished is kept if you stop"
    monkeypatch.setattr(_cost, "rates", lambda *_: Rates(0.0, 1.0, 0.0))
    assert train(IALE, tmp_path / "one", capsys) == told.format("17 minutes")  # 1,000 s
    side_by_side = replace(IALE, round_size=2)
    assert train(side_by_side, tmp_path / "two", capsys, workers=2) == told.format("8 minutes")
    assert train(IALE, tmp_path / "in turn", capsys, workers=2) == told.format("17 minutes")  # a round is one episode
    monkeypatch.setattr(_cost, "rates", lambda *_: Rates(0.0, 0.0, 1.0))
    assert train(IALE, tmp_path / "three", capsys) == told.format("21 minutes")  # 1,260 s


def test_a_finished_run_and_one_without_progress_tell_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    train_policy(IALE, tmp_path, progress=False)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(_cost, "rates", lambda *_: Rates(9.0, 9.0, 9.0))
    train_policy(IALE, tmp_path)
    assert "fits" not in capsys.readouterr().err
