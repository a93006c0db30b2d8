from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from iale.active_learner import ActiveLearner
from iale.classifiers.base import FitJob, FittedClassifier, Outputs, TrainingConfig
from iale.classifiers.build import build_classifier
from iale.classifiers.calibration import calibrated_temperature, cross_validated
from iale.classifiers.torch_classifier import FittedTorchClassifier, TorchClassifier
from iale.data.arrays import ArraySamples
from iale.data.catalog import load_dataset
from iale.data.pool import Pool
from iale.data.samples import DataSet, Samples
from iale.data.splits import make_dataset
from iale.errors import ConfigError, DataError, ModelError, QueryError, UnknownNameError
from iale.geometry.points import Points
from iale.learner import CycleConfig, Learner, QueryConfig, Step, accuracy, run_cycle, start
from iale.policies.catalog import find_strategy
from iale.seeding import Stream
from iale.strategies.base import Need, QueryContext, QueryStrategy
from iale.strategies.catalog import STRATEGIES
from iale.strategies.coreset import CoreSet

RNG = np.random.default_rng(0)
LABELS = RNG.integers(0, 3, 80)
IMAGES = (RNG.normal(size=(80, 4, 4)) + LABELS[:, None, None] * np.linspace(-1, 1, 16).reshape(4, 4)).astype("float32")
TRAINING = TrainingConfig(epochs=3, batch_size=8, learning_rate=0.01, device="cpu")
CONFIG = CycleConfig(
    labeling_budget=18, acquisition_size=4, subset_size=15, initial_size=7, monte_carlo_passes=3, committee_size=3
)


def dataset() -> DataSet:
    test = ArraySamples(IMAGES[60:])
    return make_dataset("toy", ArraySamples(IMAGES[:60]), LABELS[:60], test, LABELS[60:])


DATA = dataset()


def classifier() -> TorchClassifier:
    return build_classifier("mlp", DATA.train, 3, TRAINING)


def evaluate(fitted: FittedClassifier) -> float:
    return accuracy(fitted, DATA.test, torch.arange(20), DATA.test_labels)


def play(strategy: str, labels: Tensor = DATA.train_labels, seed: int = 5) -> list[Step]:
    learner = start(classifier(), DATA, CONFIG, Stream(seed))
    learner.geometry = Points(torch.from_numpy(IMAGES[:60].reshape(60, 16)), torch.arange(60))
    return list(run_cycle(learner, find_strategy(strategy), labels, evaluate))


def test_the_loop_equals_a_naive_loop() -> None:
    """Margin on sub-pools, kept in Python lists; the 60 training samples are all in the pool."""
    root, hidden = 5, DATA.train_labels.tolist()
    rng = Stream(root, ("initial",)).numpy()
    classes = [[i for i in range(60) if hidden[i] == c] for c in range(3)]
    larger = rng.permutation(3).tolist()[:1]  # 7 = 3 + 2 + 2
    labeled = []
    for c in range(3):
        order = rng.permutation(len(classes[c]))
        labeled += [classes[c][i] for i in order[: 2 + (c in larger)]]
    steps = []
    while True:
        count = len(labeled)
        here = Stream(root, ("labels", count))
        seed, known = here.child("fit", 0).seed, sorted(labeled)
        job = FitJob(torch.tensor(known), torch.tensor([hidden[i] for i in known]), seed)
        fitted = classifier().fit(DATA.train, job)
        probs = fitted.outputs(DATA.test, torch.arange(20)).probs.tolist()
        right = sum(
            max(range(3), key=p.__getitem__) == y for p, y in zip(probs, DATA.test_labels.tolist(), strict=True)
        )
        if count == 18:
            steps.append(Step(count, right / 20, ()))
            break
        walk = here.child("subset").numpy()
        candidates: list[int] = []
        while len(candidates) < 15:
            for i in walk.integers(60, size=30).tolist():
                if i not in labeled and i not in candidates and len(candidates) < 15:
                    candidates.append(i)
        margins = {}
        for i in candidates:
            first, second = sorted(fitted.outputs(DATA.train, torch.tensor([i])).probs[0].tolist(), reverse=True)[:2]
            margins[i] = first - second
        chosen = sorted(candidates, key=margins.__getitem__)[: min(4, 18 - count)]
        steps.append(Step(count, right / 20, tuple(chosen)))
        labeled += chosen
    assert play("margin") == steps
    assert [step.labeled for step in steps] == [7, 11, 15, 18]


@pytest.mark.parametrize("strategy", [name for name in STRATEGIES if Need.TEMPERATURE not in STRATEGIES[name]().needs])
def test_poisoned_hidden_labels_change_nothing(strategy: str) -> None:
    steps = play(strategy)
    first = start(classifier(), DATA, CONFIG, Stream(5)).pool.labeled.tolist()
    known = first + [i for step in steps for i in step.selected]
    assert len(known) == len(set(known)) == 18
    poisoned = torch.full_like(DATA.train_labels, -(10**9))
    poisoned[known] = DATA.train_labels[known]
    assert play(strategy, poisoned) == steps


def test_another_seed_gives_another_run() -> None:
    assert play("badge", seed=5) == play("badge", seed=5) != play("badge", seed=6)


class Spy:
    """A classifier that writes down what is fitted."""

    def __init__(self) -> None:
        self.inner = classifier()
        self.num_classes, self.embedding_dim, self.has_dropout = 3, 256, True
        self.jobs: list[list[FitJob]] = []

    def fit_many(self, samples: Samples, jobs: Sequence[FitJob]) -> list[FittedClassifier]:
        self.jobs.append(list(jobs))
        return self.inner.fit_many(samples, jobs)


def watch(strategy: str) -> tuple[list[list[FitJob]], list[list[int]]]:
    spy, subsets = Spy(), []
    learner = start(spy, DATA, CONFIG, Stream(5))
    for _ in run_cycle(learner, find_strategy(strategy), DATA.train_labels, evaluate):
        subsets.append(learner.pool.candidates(15, Stream(5).child("labels", len(learner.pool.labeled), "subset")))
    return spy.jobs, [candidates.indices.tolist() for candidates in subsets]


def test_strategies_of_one_seed_are_paired() -> None:
    runs = {name: watch(name) for name in ("random", "margin", "ensemble")}
    (random, random_subsets), others = runs["random"], [runs["margin"], runs["ensemble"]]
    for jobs, subsets in others:
        assert torch.equal(jobs[0][0].indices, random[0][0].indices)
        assert [step[0].seed for step in jobs] == [step[0].seed for step in random]
        for step, other, subset, random_subset in zip(jobs[1:], random[1:], subsets, random_subsets, strict=False):
            differ = set(step[0].indices.tolist()) - set(other[0].indices.tolist())
            assert len(set(subset) - set(random_subset)) <= len(differ)


def test_the_committee_is_fitted_where_it_is_needed_and_from_seeds_of_its_own() -> None:
    jobs, _ = watch("ensemble")
    assert [len(step) for step in jobs] == [3, 3, 3, 1]  # nobody is asked after the last fit
    seeds = [job.seed for step in jobs for job in step]
    assert len(set(seeds)) == len(seeds)
    assert all(torch.equal(job.indices, step[0].indices) for step in jobs for job in step)
    assert [len(step) for step in watch("margin")[0]] == [1] * 4


def test_the_first_member_of_the_committee_is_the_classifier_itself() -> None:
    learner = start(classifier(), DATA, CONFIG, Stream(5))
    learner.fit({Need.COMMITTEE})
    candidates = learner.candidates()
    context = learner.context(candidates, {Need.COMMITTEE, Need.LABELED, Need.MONTE_CARLO})
    assert context.committee is not None
    assert context.monte_carlo is not None
    assert context.labeled is not None
    assert context.labels is not None
    assert context.committee.shape == context.monte_carlo.shape == (3, 15, 3)
    assert torch.equal(context.committee[0], context.candidates.probs)
    assert not torch.allclose(context.committee[1], context.committee[2])
    assert len(context.labeled) == len(context.labels) == 7
    bare = learner.context(candidates, frozenset())
    assert (bare.committee, bare.monte_carlo, bare.labeled, bare.labels) == (None, None, None, None)


def test_what_reads_no_outputs_costs_no_pass_over_the_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    """And chooses what it chooses with these outputs; of all strategies, just these four."""
    config, rows = CycleConfig(labeling_budget=18, acquisition_size=4, initial_size=7, committee_size=3), 0
    outputs = FittedTorchClassifier.outputs

    def count(fitted: FittedTorchClassifier, samples: Samples, indices: Tensor) -> Outputs:
        nonlocal rows
        rows += len(indices)
        return outputs(fitted, samples, indices)

    monkeypatch.setattr(FittedTorchClassifier, "outputs", count)
    blind = []
    for name in STRATEGIES:
        strategy = find_strategy(name)
        learner = start(classifier(), DATA, config, Stream(5))
        learner.geometry = Points(torch.from_numpy(IMAGES[:60].reshape(60, 16)), torch.arange(60))
        learner.fit(strategy.needs)
        rows = 0
        chosen = learner.query(strategy, 4)
        if strategy.reads_outputs:
            assert rows >= 53
            continue
        blind.append(name)
        assert rows == 4
        monkeypatch.setattr(type(strategy), "reads_outputs", True)
        assert torch.equal(learner.query(strategy, 4), chosen)
    assert sorted(blind) == ["maxherding", "probcover", "random", "typiclust"]


def test_a_committee_that_was_not_fitted_is_an_error_not_agreement() -> None:
    learner = start(classifier(), DATA, CONFIG, Stream(5))
    learner.fit()
    with pytest.raises(ModelError, match=r"not fitted: pass the strategy's needs to fit\(\)"):
        learner.query(find_strategy("ensemble"), 2)


def test_look_aheads_start_from_equal_weights() -> None:
    learner = start(classifier(), DATA, CONFIG, Stream(5))
    one = learner.job("look-ahead", extra=(torch.tensor([50]), torch.tensor([2])))
    other = learner.job("look-ahead", extra=(torch.tensor([51]), torch.tensor([0])))
    assert one.seed == other.seed != learner.job("fit", 0).seed
    known = dict(zip(learner.pool.labeled.tolist(), learner.pool.labels.tolist(), strict=True)) | {50: 2}
    assert dict(zip(one.indices.tolist(), one.labels.tolist(), strict=True)) == known
    assert one.indices.tolist() == sorted(known)
    assert len(learner.pool.labeled) == 7


def test_queries_need_a_fit() -> None:
    learner = start(classifier(), DATA, CONFIG, Stream(5))
    with pytest.raises(ModelError, match=r"not fitted yet: call fit\(\) first"):
        learner.query(find_strategy("margin"), 1)


def test_only_the_universe_is_labeled() -> None:
    universe = torch.arange(1, 60, 2)
    learner = start(classifier(), DATA, CONFIG, Stream(5), universe=universe)
    chosen = [
        i for step in run_cycle(learner, find_strategy("coreset"), DATA.train_labels, evaluate) for i in step.selected
    ]
    assert set(chosen) < set(universe.tolist())


def test_a_budget_beyond_the_pool_and_a_class_without_samples() -> None:
    with pytest.raises(ConfigError, match="labeling budget 61 is larger than the pool of 60"):
        start(classifier(), DATA, CycleConfig(labeling_budget=61), Stream(0))
    without = torch.nonzero(DATA.train_labels != 1).flatten()
    with pytest.raises(DataError, match="class 1 has 0 samples to start from"):
        start(classifier(), DATA, CONFIG, Stream(0), universe=without)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"acquisition_size": 0}, "acquisition size must be at least 1, not 0"),
        ({"acquisition_size": 101}, "acquisition size 101 is larger than the sub-pool of 100"),
        ({"labeling_budget": 19}, "labeling budget 19 is below the 20 initial"),
        ({"committee_size": 1}, "at least 2 passes and Ensemble 2 members"),
        ({"monte_carlo_passes": 1}, "at least 2 passes"),
    ],
)
def test_sizes_that_do_not_fit(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        CycleConfig(**options)


def test_a_query_needs_no_budget_and_a_cycle_does() -> None:
    with pytest.raises(ConfigError, match="subset size must be at least 1, not 0"):
        QueryConfig(subset_size=0)
    learner = Learner(classifier(), DATA.train, Pool(torch.arange(60), 3), QueryConfig(subset_size=15), Stream(5))
    learner.pool.acquire(torch.arange(6), DATA.train_labels[:6])
    with pytest.raises(ConfigError, match="no labeling budget: give it a CycleConfig"):
        next(run_cycle(learner, find_strategy("margin"), DATA.train_labels, evaluate))
    learner.fit()
    assert len(learner.query(find_strategy("margin"), 4)) == 4


def test_a_fit_is_up_to_date_until_a_label_comes_or_changes() -> None:
    learner = start(classifier(), DATA, CONFIG, Stream(5))
    assert not learner.up_to_date
    learner.fit()
    assert learner.up_to_date
    corrected = Pool(torch.arange(60), 3)
    corrected.acquire(learner.pool.labeled, (learner.pool.labels + 1) % 3)
    learner.pool = corrected
    assert not learner.up_to_date


# The loop with a person in it.


def model() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(16, 8), nn.ReLU(), nn.Dropout(0.3), nn.Linear(8, 3))


def person(strategy: str = "margin", **options: Any) -> ActiveLearner:
    return ActiveLearner(model(), IMAGES, strategy, training=TRAINING, **options)


@pytest.mark.parametrize("strategy", [name for name in STRATEGIES if Need.GEOMETRY not in STRATEGIES[name]().needs])
def test_ask_and_tell_until_all_is_labeled(strategy: str) -> None:
    learner = person(strategy)
    told: list[int] = []
    while len(told) < 80:
        asked = learner.ask(min(35, 80 - len(told)))
        assert not set(asked) & set(told)
        assert len(set(asked)) == len(asked)
        learner.tell(asked, LABELS[asked].tolist())
        told += asked
        assert learner.labeled == told
    with pytest.raises(ConfigError, match="every sample is labeled or skipped"):
        learner.ask(1)


def test_asking_twice_gives_the_same_answer_and_a_new_label_another() -> None:
    learner = person()
    learner.tell([0, 1, 2], LABELS[:3].tolist())
    first = learner.ask(5)
    assert learner.ask(5) == first
    assert learner.ask(2) == first[:2]
    learner.tell([first[0]], [int(LABELS[first[0]])])
    assert first[0] not in learner.ask(5)


def test_the_first_samples_are_drawn_without_a_model() -> None:
    cold = person(seed=3).ask(10)
    assert cold == person("coreset", seed=3).ask(10) != person(seed=4).ask(10)
    assert len(set(cold)) == 10
    assert all(type(index) is int for index in cold)


def test_fit_is_done_once_for_the_same_labels() -> None:
    learner = person()
    with pytest.raises(DataError, match="no labeled samples to train on"):
        learner.fit()
    learner.tell([4, 9], [0, 1])
    fitted = learner.fit()
    assert learner.fit() is fitted
    learner.tell([5], [2])
    assert learner.fit() is not fitted


@pytest.mark.parametrize(
    ("indices", "labels", "error", "message"),
    [
        ([5, 0], [0, 0], QueryError, "sample 0 is labeled already"),
        ([5, 80], [0, 0], QueryError, "sample 80 is not in this pool"),
        ([5, -1], [0, 0], QueryError, "sample -1 is not in this pool"),
        ([5, 5], [0, 0], QueryError, "named twice"),
        ([5, 6], [0, 3], DataError, "0 to 2, and a model has as many classes as logits"),
        ([5, 6], [0], DataError, "2 samples came with 1 labels"),
        ([5, 6], [0.0, 1.0], DataError, "not float64 .*leave out what is missing"),
        ([5, 6], ["cat", "dog"], DataError, r"which \['cat', 'dog'\] is not: pass numbers"),
        ([5, 6], [None, 1], DataError, "labels must be a list of integers"),
        ([[5], [6]], [0, 1], DataError, "indices must be a list of integers"),
        (
            [True] * 2,
            [0, 1],
            DataError,
            r"indices must be a list of integers, not bool .*: np.flatnonzero\(mask\) gives",
        ),
        (["a", "b"], [0, 1], DataError, r"which \['a', 'b'\] is not: samples are counted from 0, as by frame.index"),
    ],
)
def test_a_wrong_label_adds_none(indices: list[Any], labels: list[Any], error: type[Exception], message: str) -> None:
    learner = person()
    learner.tell([0, 1, 2], [0, 1, 2])
    before = learner.ask(4)
    with pytest.raises(error, match=message):
        learner.tell(indices, labels)
    assert learner.labeled == [0, 1, 2]
    assert learner.ask(4) == before


def test_tensors_and_arrays_may_be_told() -> None:
    learner = ActiveLearner(model(), torch.from_numpy(IMAGES), training=TRAINING)
    learner.tell(torch.tensor([0, 1]), torch.tensor([0, 1]))
    learner.tell(np.array([2, 3], dtype=np.uint8), np.array([0, 1]))
    assert learner.labeled == [0, 1, 2, 3]


def test_the_strategy_is_found_at_once() -> None:
    badge = find_strategy("badge")
    assert isinstance(person("coreset").strategy, CoreSet)
    assert ActiveLearner(model(), IMAGES, badge, training=TRAINING).strategy is badge


@pytest.mark.parametrize(("k", "message"), [(0, "ask for 1 to 77"), (-1, "ask for 1 to 77"), (78, "ask for 1 to 77")])
def test_a_wrong_number_of_samples(k: int, message: str) -> None:
    learner = person()
    learner.tell([0, 1, 2], [0, 1, 2])
    with pytest.raises(ConfigError, match=message):
        learner.ask(k)


def test_more_than_the_sub_pool_is_refused() -> None:
    learner = person(subset_size=6)
    learner.tell([0, 1, 2], [0, 1, 2])
    assert len(learner.ask(6)) == 6
    with pytest.raises(ConfigError, match="7 samples were asked for from a sub-pool of 6: raise subset_size"):
        learner.ask(7)


def test_what_does_not_fit_together_is_refused_before_anything_runs() -> None:
    plain = nn.Sequential(nn.Flatten(), nn.Linear(16, 3))
    with pytest.raises(ModelError, match="needs a dropout layer"):
        ActiveLearner(plain, IMAGES, "mc-dropout")
    with pytest.raises(ModelError, match="the model has 3 logits, but num_classes is 4"):
        ActiveLearner(plain, IMAGES, num_classes=4)
    with pytest.raises(ModelError, match="cannot read a batch of shape"):
        ActiveLearner(nn.Linear(17, 3), IMAGES)
    with pytest.raises(UnknownNameError, match="the strategies are random, confidence"):
        ActiveLearner(plain, IMAGES, "no-such-strategy")
    with pytest.raises(DataError, match="holds no samples"):
        ActiveLearner(plain, IMAGES[:0])


SCRIPT = """
import json, sys
import numpy as np
from torch import nn
from iale.classifiers.base import TrainingConfig
from iale.active_learner import ActiveLearner
images = np.random.default_rng(1).normal(size=(80, 4, 4)).astype("float32")
answers = []
for strategy in ("badge", "ensemble", "mc-dropout"):
    model = nn.Sequential(nn.Flatten(), nn.Linear(16, 8), nn.ReLU(), nn.Dropout(0.3), nn.Linear(8, 3))
    training = TrainingConfig(epochs=3, device="cpu")
    learner = ActiveLearner(model, images, strategy, training=training, subset_size=40, seed=9)
    first = learner.ask(6)
    learner.tell(first, [0, 1, 2, 0, 1, 2])
    answers.append([first, learner.ask(7)])
"""


def test_the_same_seed_and_labels_ask_for_the_same_in_another_process() -> None:
    there = subprocess.run(
        [sys.executable, "-c", SCRIPT + "print(json.dumps(answers))"], capture_output=True, text=True, check=True
    )
    here: dict[str, Any] = {}
    exec(SCRIPT, here)
    assert there.stdout.strip() == str(here["answers"])


def test_what_is_no_model_no_array_or_no_strategy_is_one_sentence() -> None:
    images = np.zeros((20, 4), dtype=np.float32)
    with pytest.raises(ModelError, match="a PyTorch module"):
        ActiveLearner("cnn", images)  # type: ignore[arg-type]
    with pytest.raises(DataError, match="FolderSamples"):
        ActiveLearner(nn.Linear(4, 2), "photos/")
    with pytest.raises(ConfigError, match="name of one"):
        ActiveLearner(nn.Linear(4, 2), images, 3)  # type: ignore[arg-type]
    learner = ActiveLearner(lambda: nn.Linear(4, 2), images)
    learner.tell([], [])
    assert learner.labeled == []
    with pytest.raises(ConfigError, match=r"2\.5 samples"):
        learner.ask(2.5)  # type: ignore[arg-type]


def test_a_strategy_may_ask_for_a_temperature_and_points() -> None:
    """The temperature is that of the classifier on other labels; before the first label it is 1."""
    seen: list[QueryContext] = []

    class Watches(QueryStrategy):
        name = "watches"
        needs = frozenset({Need.TEMPERATURE, Need.GEOMETRY, Need.FOLDS})

        def select(self, context: QueryContext, k: int, *, rng: np.random.Generator) -> Tensor:
            seen.append(context)
            return torch.arange(k)

    data = load_dataset("digits")
    classifier = build_classifier("linear", data.train, 10)
    points = Points(torch.arange(len(data.train), dtype=torch.float32)[:, None], torch.arange(len(data.train)))
    pool = Pool(torch.arange(100), 10)
    learner = Learner(classifier, data.train, pool, QueryConfig(subset_size=None), Stream(3), geometry=points)
    learner.start_cold()
    assert learner.query(Watches(), 60).tolist() == list(range(60))
    pool.acquire(torch.arange(60), data.train_labels[:60])
    learner.fit()
    learner.query(Watches(), 1)
    cold, warm = seen
    assert cold.temperature == 1.0
    assert cold.geometry is not None
    assert cold.geometry.read().flatten().tolist() == list(range(100))
    assert warm.geometry is not None
    assert warm.labeled_geometry is not None
    assert warm.geometry.read().flatten().tolist() == list(range(60, 100))
    assert warm.labeled_geometry.read().flatten().tolist() == list(range(60))
    stream = Stream(3).child("labels", 60, "temperature")
    indices, labels = torch.arange(60), data.train_labels[:60]
    expected = calibrated_temperature(classifier, data.train, indices, labels, stream=stream)
    assert warm.temperature == expected
    assert expected != 1.0
    assert cold.folds is not None
    assert cold.folds.labeled.shape == (0, 10)
    assert cold.folds.candidates.shape == (0, 100, 10)
    assert warm.folds is not None
    folds = cross_validated(classifier, data.train, indices, labels, stream=stream)
    assert torch.equal(warm.folds.labeled, folds.logits)
    for member, logits in zip(folds.members, warm.folds.candidates, strict=True):
        torch.testing.assert_close(member.outputs(data.train, torch.arange(60, 100)).logits, logits)
    learner.geometry = None
    with pytest.raises(ConfigError, match="give the learner a geometry"):
        learner.query(Watches(), 1)
