"""Algorithm 1 against a naive re-telling, and what the demonstrations hold."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from iale.classifiers.base import FitJob, TrainingConfig
from iale.classifiers.build import build_classifier
from iale.classifiers.torch_classifier import TorchClassifier
from iale.dagger._demonstrations import Episode
from iale.dagger._episode import run_episode, split_source
from iale.dagger.config import EXPERTS, DaggerConfig
from iale.data.catalog import load_dataset
from iale.data.samples import DataSet
from iale.errors import ConfigError, IaleError
from iale.learner import CycleConfig, Learner, accuracy, start
from iale.policies.catalog import find_strategy
from iale.policies.iale import IalePolicy, random_policy
from iale.seeding import Stream
from iale.strategies.base import QueryContext

CONFIG = DaggerConfig(
    dataset="digits",
    classifier="mlp",
    scoring_size=50,
    pool_size=400,
    cycle=CycleConfig(labeling_budget=50, acquisition_size=10, subset_size=40, monte_carlo_passes=5, committee_size=3),
    training=TrainingConfig(epochs=3, device="cpu"),
)


@pytest.fixture(scope="module")
def data() -> DataSet:
    return load_dataset("digits")


def recipe(data: DataSet) -> TorchClassifier:
    return build_classifier("mlp", data.train, data.num_classes, CONFIG.training)


def policy(data: DataSet) -> IalePolicy:
    return random_policy(CONFIG.state, data.num_classes, recipe(data).embedding_dim, Stream(0))


def play(config: DaggerConfig, data: DataSet, number: int = 1) -> Episode:
    experts = {name: find_strategy(name) for name in config.experts}
    return run_episode(config, data, recipe(data), experts, policy(data), number)


def test_demonstrations_hold_the_experts_action_also_where_the_policy_acted(data: DataSet) -> None:
    """With probability 0 the policy acts in every step; the targets still are the best expert's proposals."""
    episode = play(replace(CONFIG, expert_probability=0.0), data)
    assert [step.actor for step in episode.log] == ["policy"] * 3
    seen = _retell(replace(CONFIG, expert_probability=0.0), data)
    for step, target, (indices, proposals) in zip(episode.log, episode.demonstrations.targets, seen, strict=True):
        assert int(target.sum()) == 10
        assert set(indices[target].tolist()) == set(proposals[step.best])
        assert set(step.selected) != set(proposals[step.best])
        assert step.scores[step.best] == max(step.scores.values())


def test_where_the_expert_acts_its_action_is_what_is_acquired(data: DataSet) -> None:
    config = replace(CONFIG, expert_probability=1.0)
    episode = play(config, data)
    assert [step.actor for step in episode.log] == ["expert"] * 3
    for step, (_, proposals) in zip(episode.log, _retell(config, data), strict=True):
        assert set(step.selected) == set(proposals[step.best])


def _retell(config: DaggerConfig, data: DataSet) -> list[tuple[torch.Tensor, dict[str, list[int]]]]:
    """The episode again: per step the candidates' indices and each expert's proposal, following the log."""

    log = play(config, data).log
    stream = Stream(config.seed).child("episode", 1)
    rest = split_source(config, data)[1]
    rest = rest[torch.from_numpy(stream.child("pool").numpy().permutation(len(rest))[: config.pool_size])]
    learner = start(recipe(data), data, config.cycle, stream, universe=rest)
    needs = frozenset().union(*(find_strategy(name).needs for name in config.experts), policy(data).needs)
    result = []
    for step in log:
        learner.fit(needs)
        candidates = learner.candidates()
        context = learner.context(candidates, needs)
        proposals = {}
        for name in config.experts:
            positions = find_strategy(name).query(context, 10, rng=learner.rng("expert", name))
            proposals[name] = candidates.indices[positions].tolist()
            assert step.scores[name] == _look_ahead(learner, proposals[name], data, config)
        result.append((candidates.indices, proposals))
        chosen = torch.tensor(step.selected)
        learner.pool.acquire(chosen, data.train_labels[chosen])
    return result


def _look_ahead(learner: Learner, proposal: list[int], data: DataSet, config: DaggerConfig) -> float:
    """One look-ahead fit for one expert, on its own."""
    indices = torch.tensor(sorted(learner.pool.labeled.tolist() + proposal))
    job = FitJob(indices, data.train_labels[indices], learner.job("look-ahead").seed)
    scoring = split_source(config, data)[0]
    return accuracy(recipe(data).fit(data.train, job), data.train, scoring, data.train_labels[scoring])


def test_the_scoring_set_meets_neither_the_pool_nor_the_test_set(data: DataSet) -> None:
    for size in (5, 50, 100):
        config = replace(CONFIG, scoring_size=size)
        scoring, rest = split_source(config, data)
        assert len(scoring) == size
        assert not set(scoring.tolist()) & set(rest.tolist())
        assert len(scoring) + len(rest) == len(data.train)
    touched: set[int] = set()

    class Watched:
        shape = data.test.shape
        dtype = data.test.dtype

        def __len__(self) -> int:
            return len(data.test)

        def batch(self, indices: torch.Tensor) -> torch.Tensor:
            raise AssertionError("the test split was read")

    episode = play(CONFIG, replace(data, test=Watched()))
    for step in episode.log:
        touched |= set(step.selected)
    assert not touched & set(split_source(CONFIG, data)[0].tolist())


def test_poisoned_test_labels_change_nothing(data: DataSet) -> None:
    poisoned = replace(data, test_labels=(data.test_labels + 1) % 10)
    one, two = play(CONFIG, data), play(CONFIG, poisoned)
    assert one.log == two.log
    assert torch.equal(one.demonstrations.targets, two.demonstrations.targets)


def test_the_coin_falls_per_step_and_follows_its_schedule(data: DataSet) -> None:
    """The chance that 40 fair coins all agree is 2^-39."""
    cycle = replace(CONFIG.cycle, labeling_budget=220, acquisition_size=5)
    config = replace(CONFIG, experts=("entropy",), cycle=cycle, training=TrainingConfig(epochs=1, device="cpu"))
    actors = {step.actor for step in play(config, data).log}
    assert actors == {"expert", "policy"}
    exponential = DaggerConfig(schedule="exponential")
    assert [exponential.expert_chance(e) for e in (1, 2, 10)] == pytest.approx([0.9, 0.81, 0.9**10])
    assert DaggerConfig().expert_chance(50) == 0.5


def test_experts_that_propose_the_same_share_a_fit(data: DataSet) -> None:
    class Counting(TorchClassifier):
        fits = 0

        def fit_many(self, samples, jobs):  # type: ignore[no-untyped-def]
            Counting.fits += len(jobs)
            return super().fit_many(samples, jobs)

    classifier = recipe(data)
    classifier.__class__ = Counting
    experts = {"one": find_strategy("entropy"), "two": find_strategy("entropy")}
    cycle = replace(CONFIG.cycle, labeling_budget=30)
    run_episode(replace(CONFIG, cycle=cycle), data, classifier, experts, policy(data), 1)
    assert Counting.fits == 2  # M and one look-ahead


def test_the_same_seed_repeats_and_another_differs(data: DataSet) -> None:
    assert play(CONFIG, data).log == play(CONFIG, data).log
    assert play(CONFIG, data).log != play(replace(CONFIG, seed=1), data).log
    assert play(CONFIG, data, 1).log != play(CONFIG, data, 2).log


def test_ties_between_experts_are_drawn(data: DataSet) -> None:
    from iale.dagger._episode import best_expert

    winners = set()
    for seed in range(40):
        learner = start(recipe(data), data, CONFIG.cycle, Stream(seed))
        assert best_expert({"a": 0.1, "b": 0.2}, learner) == "b"
        winners.add(best_expert({"a": 0.5, "b": 0.5, "c": 0.4}, learner))
    assert winners == {"a", "b"}  # fails by chance with probability 2^-39


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"experts": ()}, "at least one expert"),
        ({"experts": ("entropy", "entropy")}, "twice"),
        ({"episodes": 0}, "1 episode"),
        ({"expert_probability": 1.5}, "0 … 1"),
        ({"schedule": "never"}, "fixed, exponential"),
        ({"scoring_size": 0}, "scoring set"),
        ({"cycle": CycleConfig(subset_size=None)}, "subset size"),
    ],
)
def test_bad_configurations_raise(change: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        DaggerConfig(**change)  # type: ignore[arg-type]


def test_a_pool_that_is_too_small_raises_before_anything_is_trained(data: DataSet) -> None:
    with pytest.raises(IaleError, match="lower the budget"):
        play(replace(CONFIG, pool_size=60), data)


def test_experts_see_no_labels_of_candidates() -> None:
    assert not {"candidate_labels", "indices"} & set(QueryContext.__dataclass_fields__)
    assert len(EXPERTS) == 6
