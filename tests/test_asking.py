"""What people do besides asking and telling: skip, correct, forget, begin without labels, and meet odd outputs."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from iale.active_learner import ActiveLearner
from iale.classifiers.base import TrainingConfig
from iale.errors import ConfigError, DataError, IaleWarning, ModelError, QueryError
from iale.strategies.base import Need, QueryContext, QueryStrategy, ScoringStrategy
from iale.strategies.catalog import STRATEGIES

ROWS = np.random.default_rng(0).normal(size=(60, 5)).astype("float32")
TRAINING = TrainingConfig(epochs=2, device="cpu")


def learner(strategy: QueryStrategy | str = "margin", rows: NDArray[np.float32] = ROWS) -> ActiveLearner:
    net = nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, 3))
    found = ActiveLearner(net, rows, strategy, training=TRAINING, subset_size=None)
    found.tell([0, 1, 2], [0, 1, 2])
    return found


def test_a_skipped_sample_is_never_asked_and_never_learned_from() -> None:
    one = learner()
    first = one.ask(3)
    one.skip(first[:2])
    assert one.ask(55) == [index for index in learner().ask(57) if index not in first[:2]]
    assert one.labeled == [0, 1, 2]
    one.skip(first[:1])  # once more
    one.skip(one.ask(55))
    with pytest.raises(ConfigError, match="every sample is labeled or skipped already"):
        one.ask(1)
    one.forget(first)
    assert sorted(one.ask(3)) == sorted(first)


def test_a_correction_equals_having_told_the_right_label_at_once() -> None:
    wrong, right = learner(), learner()
    wrong.tell([7, 8], [0, 0])
    before = wrong.ask(5)
    with pytest.raises(QueryError, match=r"sample 7 is labeled already.*overwrite=True"):
        wrong.tell([9, 7], [1, 2])
    assert wrong.labeled == [0, 1, 2, 7, 8]
    wrong.skip([20])
    with pytest.raises(QueryError, match=r"sample 20 is skipped already.*overwrite=True"):
        wrong.tell([20], [1])
    wrong.tell([8, 20, 21], [2, 1, 0], overwrite=True)
    right.tell([7, 8, 20, 21], [0, 2, 1, 0])
    assert wrong.labeled == right.labeled == [0, 1, 2, 7, 8, 20, 21]
    assert wrong.ask(5) == right.ask(5) != before


def test_what_is_forgotten_was_never_told() -> None:
    one = learner()
    before = one.ask(4)
    one.tell([5, 6], [1, 1])
    one.skip([30])
    one.forget(torch.tensor([6, 30, 5]))
    assert one.labeled == [0, 1, 2]
    assert one.ask(4) == before
    one.forget([0, 1, 2])
    assert len(set(one.ask(4))) == 4  # a first batch again


@pytest.mark.parametrize(
    ("act", "error", "message"),
    [
        (lambda one: one.skip([5, 0]), QueryError, "sample 0 is labeled already.*forget it first"),
        (lambda one: one.skip([5, 60]), QueryError, "sample 60 is not in this pool"),
        (lambda one: one.skip([5, 5]), QueryError, "named twice"),
        (lambda one: one.skip([0.5]), DataError, "indices must be a list of integers"),
        (lambda one: one.forget([0, 5]), QueryError, "sample 5 is neither labeled nor skipped"),
        (lambda one: one.forget([0, -1]), QueryError, "sample -1 is not in this pool"),
        (lambda one: one.forget([0, 0]), QueryError, "named twice"),
        (lambda one: one.tell([0, 60], [1, 1], overwrite=True), QueryError, "sample 60 is not in this pool"),
        (lambda one: one.tell([0, 5], [1, 3], overwrite=True), DataError, "label 3 is out of range"),
        (lambda one: one.tell([0, 0], [1, 1], overwrite=True), QueryError, "named twice"),
    ],
)
def test_what_is_wrong_changes_nothing(act: object, error: type[Exception], message: str) -> None:
    one = learner()
    one.skip([40])
    before = one.ask(56)
    assert callable(act)
    with pytest.raises(error, match=message):
        act(one)
    assert one.labeled == [0, 1, 2]
    assert one.ask(56) == before


def test_the_number_may_be_of_numpy() -> None:
    assert learner().ask(np.int64(3)) == learner().ask(3)
    with pytest.raises(ConfigError, match=r"3\.0 samples were asked for"):
        learner().ask(3.0)  # type: ignore[arg-type]


def test_the_first_batch_finds_what_a_random_one_misses() -> None:
    """Ten groups, of which one holds nine of ten samples: a random batch of 10 sees on average 2 groups."""
    rng = np.random.default_rng(3)
    groups = np.where(np.arange(400) < 360, 0, np.arange(400) % 9 + 1)
    rows = (4 * rng.normal(size=(10, 20))[groups] + 0.1 * rng.normal(size=(400, 20))).astype("float32")
    one = ActiveLearner(nn.Linear(20, 10), rows, "margin", training=TRAINING)
    assert set(groups[one.ask(10)]) == set(range(10))
    assert one.ask(10) == one.ask(10)
    everything = one.ask(400)
    assert sorted(everything) == list(range(400))


def test_a_large_first_batch_is_filled_up_at_random() -> None:
    one = ActiveLearner(nn.Linear(1, 2), np.arange(1200.0)[:, None], training=TRAINING)
    one.skip(range(0, 1200, 3))
    asked = one.ask(700)
    assert len(set(asked)) == 700
    assert all(index % 3 for index in asked)


class Divided(nn.Module):
    """Rows of zeros become NaN."""

    def __init__(self) -> None:
        super().__init__()
        self.out = nn.Linear(5, 3)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.out(x / x.norm(dim=1, keepdim=True))
        return logits


BLIND = [name for name in STRATEGIES if not {Need.GEOMETRY, Need.MONTE_CARLO} & STRATEGIES[name]().needs]


@pytest.mark.parametrize("name", BLIND)
def test_a_sample_with_odd_outputs_is_named_and_left_out(name: str) -> None:
    rows = ROWS.copy()
    rows[[17, 33]] = 0
    one = ActiveLearner(Divided(), rows, name, training=TRAINING, subset_size=None)
    one.tell([0, 1, 2], [0, 1, 2])
    with pytest.warns(IaleWarning, match="outputs for samples 17, 33 are NaN or infinite.*left out"):
        asked = one.ask(55)
    assert sorted(asked) == sorted(set(range(3, 60)) - {17, 33})
    one.skip([17, 33])
    assert sorted(one.ask(55)) == sorted(asked)  # and not a word


def test_only_odd_outputs_are_an_error() -> None:
    rows = ROWS.copy()
    rows[3:] = 0
    one = ActiveLearner(Divided(), rows, training=TRAINING, subset_size=None)
    one.tell([0, 1, 2], [0, 1, 2])
    with pytest.raises(ModelError, match="outputs for all 57 candidates are NaN or infinite"):
        one.ask(3)


class First(ScoringStrategy):
    """Scores that a strategy computes with NumPy, in whatever form."""

    name: ClassVar[str] = "first"

    def __init__(self, form: object) -> None:
        self.form = form

    def score(self, context: QueryContext) -> Tensor:
        assert callable(self.form)
        found: Tensor = self.form(context.candidates.logits[:, 0])
        return found


@pytest.mark.parametrize("form", ["float64", "float32", ">f4", "strided"])
def test_scores_of_numpy_are_taken(form: str) -> None:
    def convert(scores: Tensor) -> NDArray[np.float64]:
        values = scores.double().numpy()
        return np.repeat(values, 2)[::-2][::-1] if form == "strided" else values.astype(form)

    assert learner(First(convert)).ask(9) == learner(First(lambda scores: scores)).ask(9)


@pytest.mark.parametrize(
    ("form", "found"),
    [
        (lambda scores: scores.tolist(), "a list"),
        (lambda scores: scores[1:], r"torch.float32 of shape \(56,\)"),
        (lambda scores: scores.numpy()[:, None], r"float32 of shape \(57, 1\)"),
        (lambda scores: None, "a NoneType"),
    ],
)
def test_other_scores_are_one_sentence(form: object, found: str) -> None:
    with pytest.raises(QueryError, match=f"first scored 57 candidates with {found}: return one number for each"):
        learner(First(form)).ask(3)


def test_a_score_that_is_missing_is_named_by_its_strategy() -> None:
    with pytest.raises(QueryError, match="first scored 2 of 57 candidates with NaN: check its formula"):
        learner(First(lambda scores: torch.where(torch.arange(57) < 2, torch.nan, scores))).ask(3)


class Positions(QueryStrategy):
    name: ClassVar[str] = "mine"

    def __init__(self, answer: object) -> None:
        self.answer = answer

    def select(self, context: QueryContext, k: int, *, rng: np.random.Generator) -> Tensor:
        return self.answer  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (torch.tensor([0.0, 1.0]), r"mine gave torch.float32 of shape \(2,\) for 2 positions"),
        ([0, 1], "mine gave a list for 2 positions"),
        (np.array([0, 1, 2]), r"mine gave int64 of shape \(3,\) for 2 positions"),
        (np.array([0, 57]), "positions must be in 0 … 56"),
        (np.array([4, 4]), "positions must be unique"),
    ],
)
def test_other_positions_are_one_sentence(answer: object, message: str) -> None:
    with pytest.raises(QueryError, match=message):
        learner(Positions(answer)).ask(2)


def test_positions_of_numpy_are_taken() -> None:
    assert learner(Positions(np.array([4, 0], dtype=np.int32))).ask(2) == [7, 3]
