from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
import torch
from torch import Tensor

from iale.benchmark import _look_ahead as oracles
from iale.benchmark._experiment import ORACLES
from iale.benchmark._look_ahead import BestOfRandom, BestOfStrategies, GreedyLookAhead
from iale.benchmark._play import begin_run
from iale.benchmark.grid import GridConfig
from iale.classifiers.base import TrainingConfig
from iale.classifiers.build import build_classifier
from iale.classifiers.heads import LinearHead
from iale.data.arrays import ArraySamples
from iale.data.catalog import load_dataset
from iale.data.pool import Candidates, Pool
from iale.data.samples import DataSet
from iale.errors import ConfigError
from iale.geometry.points import Points
from iale.learner import CycleConfig, Learner
from iale.seeding import Stream
from iale.strategies.base import QueryContext, QueryStrategy
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


@pytest.mark.parametrize("geometry", [False, True])
def test_boss_takes_the_best_of_a_hundred_batches_of_strategies(
    geometry: bool, digits: DataSet, learner: Learner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its members see parts of 4·k candidates or more, and those that need points are asked where there are some."""
    seen: dict[str, Tensor] = {}
    asked: list[tuple[str, int]] = []

    def judge(_: Learner, candidates: Candidates, proposals: Mapping[str, Tensor], *more: object) -> dict[str, float]:
        seen.update({name: candidates.indices[positions] for name, positions in proposals.items()})
        return {name: float(name == "57") for name in proposals}

    query = QueryStrategy.query

    def note(self: QueryStrategy, context: QueryContext, k: int, *, rng: np.random.Generator) -> Tensor:
        asked.append((self.name, len(context)))
        return query(self, context, k, rng=rng)

    monkeypatch.setattr(oracles, "look_ahead", judge)
    monkeypatch.setattr(oracles, "MEMBERS", ("random", "margin", "coreset", "badge", "bait", "nobody"))
    monkeypatch.setattr(QueryStrategy, "query", note)
    if geometry:
        learner.geometry = Points(digits.train.batch(torch.arange(len(digits.train))).flatten(1), torch.arange(10**6))
    chosen = BestOfStrategies(digits, torch.arange(3)).choose(learner, 5)
    assert chosen.tolist() == seen["57"].tolist()
    assert len(asked) == len(seen) == 100
    assert {name for name, _ in asked} == {"random", "margin", "coreset", "badge"} | ({"bait"} if geometry else set())
    assert {size for _, size in asked} <= set(range(20, 51))
    assert len({size for _, size in asked}) > 15
    assert all(len(set(batch.tolist())) == 5 for batch in seen.values())


def test_a_member_of_boss_sees_five_thousand_candidates_at_most(
    digits: DataSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unless the batch is so large that four times as many are more."""
    sizes: list[int] = []

    def note(self: QueryStrategy, context: QueryContext, k: int, *, rng: np.random.Generator) -> Tensor:
        sizes.append(len(context))
        return torch.arange(k)

    monkeypatch.setattr(oracles, "look_ahead", lambda _, candidates, proposals, *more: dict.fromkeys(proposals, 0.5))
    monkeypatch.setattr(oracles, "MEMBERS", ("random",))
    monkeypatch.setattr(QueryStrategy, "query", note)
    samples = ArraySamples(np.zeros((9000, 1), dtype=np.float32))
    whole = CycleConfig(subset_size=None)
    large = Learner(LinearHead(samples, 10), samples, Pool(torch.arange(9000), 10), whole, Stream(0))
    large.start_cold()
    oracle = BestOfStrategies(digits, torch.arange(3))
    oracle.choose(large, 10)
    assert 4500 < max(sizes) <= 5000
    assert 40 <= min(sizes) < 500
    sizes.clear()
    oracle.choose(large, 2000)
    assert set(sizes) == {8000}


def test_boss_compares_points_in_a_run(digits: DataSet, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = set[str]()

    def judge(
        learner: Learner, candidates: Candidates, proposals: Mapping[str, Tensor], *more: object
    ) -> dict[str, float]:
        asked.update(member.name for member in oracles._members(learner))
        return dict.fromkeys(proposals, 0.5)

    monkeypatch.setattr(oracles, "look_ahead", judge)
    monkeypatch.setattr(oracles, "PROPOSALS", 3)
    run_one(CONFIG, digits, "boss", pool="subset", seed=0)
    assert asked == set(oracles.MEMBERS)


def test_boss_before_the_first_label_asks_those_that_start_cold(
    digits: DataSet, learner: Learner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oracles, "look_ahead", lambda _, candidates, proposals, *more: dict.fromkeys(proposals, 0.5))
    blank = Learner(learner.classifier, digits.train, Pool(torch.arange(200), 10), learner.config, Stream(0))
    blank.start_cold()
    assert [member.name for member in oracles._members(blank)] == ["random"]
    assert len(BestOfStrategies(digits, torch.arange(3)).choose(blank, 5)) == 5
    blank.geometry = Points(torch.ones(200, 3), torch.arange(200))
    assert "bait" in [member.name for member in oracles._members(blank)]


def test_boss_has_no_member_that_knows_labels() -> None:
    assert len(oracles.MEMBERS) == 10
    assert not any("class" in name for name in oracles.MEMBERS)
    assert oracles.PROPOSALS == 100


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
