from __future__ import annotations

from collections.abc import Mapping

import pytest
import torch
from torch import Tensor

from iale.benchmark import _look_ahead as oracles
from iale.benchmark._experiment import ORACLES
from iale.benchmark._look_ahead import BestOfRandom, GreedyLookAhead
from iale.benchmark._play import begin_run
from iale.benchmark.grid import GridConfig
from iale.classifiers.base import TrainingConfig
from iale.classifiers.build import build_classifier
from iale.data.catalog import load_dataset
from iale.data.pool import Candidates
from iale.data.samples import DataSet
from iale.errors import ConfigError
from iale.learner import CycleConfig, Learner
from tests.benchmark.content import run_one

CONFIG = GridConfig(
    dataset="digits",
    classifier="mlp",
    strategies=("random",),
    pool_size=600,
    test_size=100,
    cycle=CycleConfig(labeling_budget=40, subset_size=50),
    training=TrainingConfig(epochs=5, device="cpu"),
)


@pytest.fixture(scope="module")
def digits() -> DataSet:
    return load_dataset("digits")


@pytest.fixture
def learner(digits: DataSet) -> Learner:
    classifier = build_classifier("mlp", digits.train, 10, CONFIG.training)
    begun = begin_run(CONFIG, digits, classifier, "subset", 0)
    begun.fit()
    return begun


def test_the_best_batch_is_the_one_with_the_highest_score(
    digits: DataSet, learner: Learner, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, Tensor] = {}

    def judge(_: Learner, candidates: Candidates, proposals: Mapping[str, Tensor], *more: object) -> dict[str, float]:
        seen.update({name: candidates.indices[positions] for name, positions in proposals.items()})
        return {name: float(name == "7") for name in proposals}

    monkeypatch.setattr(oracles, "look_ahead", judge)
    chosen = BestOfRandom(digits, torch.arange(3)).choose(learner, 10)
    assert chosen.tolist() == seen["7"].tolist()
    assert len(seen) == 10
    assert len({tuple(sorted(batch.tolist())) for batch in seen.values()}) == 10


def test_the_greedy_oracle_takes_the_singles_that_help_most(
    digits: DataSet, learner: Learner, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged: list[int] = []

    def judge(_: Learner, candidates: Candidates, proposals: Mapping[str, Tensor], *more: object) -> dict[str, float]:
        judged.extend(int(candidates.indices[positions]) for positions in proposals.values())
        return {name: float(candidates.indices[positions]) for name, positions in proposals.items()}

    monkeypatch.setattr(oracles, "look_ahead", judge)
    chosen = GreedyLookAhead(digits, torch.arange(3)).choose(learner, 10)
    assert len(judged) == 20
    assert chosen.tolist() == sorted(judged, reverse=True)[:10]


@pytest.mark.parametrize("name", list(ORACLES))
def test_an_oracle_plays_a_run_on_the_pool_of_its_seed(name: str, digits: DataSet) -> None:
    record = run_one(CONFIG, digits, name, "subset", 0)
    assert record["strategy"] == name
    assert record["labeled"] == [20, 30, 40]
    chosen = {index for step in record["selected"] for index in step}
    assert len(chosen) == 20
    classifier = build_classifier("mlp", digits.train, 10, CONFIG.training)
    begun = begin_run(CONFIG, digits, classifier, "subset", 0)
    assert chosen <= set(begun.pool.candidates(None, begun.stream).indices.tolist())


def test_an_oracle_without_samples_outside_the_pool_is_refused(digits: DataSet) -> None:
    whole = GridConfig(
        dataset="digits", classifier="mlp", strategies=("best-of-random",), cycle=CONFIG.cycle, training=CONFIG.training
    )
    with pytest.raises(ConfigError, match="training samples outside of the pool, and there are 0"):
        run_one(whole, digits, "best-of-random", "subset", 0)
