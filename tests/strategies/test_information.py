"""BALD, BatchBALD, Power and REFINE: against slow references, by hand, and by the frequencies of their draws."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from typing import Any, ClassVar, Literal

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from iale.classifiers.base import Outputs, TrainingConfig
from iale.classifiers.torch_classifier import TorchClassifier
from iale.errors import ConfigError, IaleWarning, ModelError, QueryError, UnknownNameError
from iale.strategies import (
    Bald,
    BatchBald,
    CoreSet,
    Entropy,
    Margin,
    MCDropout,
    Need,
    Power,
    QueryContext,
    QueryStrategy,
    Random,
    Refine,
)
from iale.testing import bald, check_strategy, joint_information, make_context, tied_contexts, unlabeled_context
from tests.strategies.fixed import Fixed


def rng(seed: int = 7) -> np.random.Generator:
    return np.random.default_rng(seed)


def of_passes(probs: Tensor) -> QueryContext:
    n, classes = probs.shape[1:]
    return QueryContext(Outputs(torch.zeros(n, classes), torch.zeros(n, 1)), classes, monte_carlo=probs)


def test_bald_equals_its_reference() -> None:
    for name, context in [("normal", make_context()), *tied_contexts(n=40)]:
        scores = Bald().score(context)
        assert context.monte_carlo is not None
        slow = torch.tensor(bald(context.monte_carlo), dtype=torch.float64)
        torch.testing.assert_close(scores, slow, rtol=0, atol=1e-6, msg=name)


def test_bald_by_hand() -> None:
    """Two passes that are sure of different classes tell ln 2; two that are unsure alike tell nothing."""
    probs = torch.tensor([[[1.0, 0.0], [0.5, 0.5]], [[0.0, 1.0], [0.5, 0.5]]])
    assert Bald().score(of_passes(probs)).tolist() == pytest.approx([math.log(2), 0.0])


@pytest.mark.parametrize("seed", range(6))
def test_batchbald_is_greedy_in_the_joint_information(seed: int) -> None:
    """While all combinations are kept, each pick is the best by enumeration, to rounding."""
    context = make_context(9, 3, 4, passes=5, seed=seed)
    assert context.monte_carlo is not None
    chosen = BatchBald(combinations=27).query(context, 4, rng=rng()).tolist()
    for size in range(1, 5):
        batch = chosen[: size - 1]
        values = {i: joint_information(context.monte_carlo, [*batch, i]) for i in range(9) if i not in batch}
        assert values[chosen[size - 1]] == pytest.approx(max(values.values()), abs=1e-6)


def test_drawn_combinations_estimate_the_same() -> None:
    """With 20,000 draws instead of 3 ⋅ 3 combinations, the gains agree to two digits."""
    from iale.strategies.batchbald import _Labels

    context = make_context(12, 3, 4, passes=5)
    assert context.monte_carlo is not None
    exact, drawn = _Labels(5, 100, rng()), _Labels(5, 20_000, rng())
    drawn._most = 1
    for labels in (exact, drawn):
        labels.add(context.monte_carlo[:, 3])
        drawn._most = 20_000
        labels.add(context.monte_carlo[:, 5])
    assert exact._drawn is None
    for i, gain in enumerate(exact.gains(context.monte_carlo).tolist()):
        if i not in (3, 5):
            joint = joint_information(context.monte_carlo, [3, 5, i]) - joint_information(context.monte_carlo, [3, 5])
            assert gain == pytest.approx(joint, abs=1e-6)
    torch.testing.assert_close(exact.gains(context.monte_carlo), drawn.gains(context.monte_carlo), rtol=0, atol=0.01)


def test_batchbald_does_not_ask_a_question_twice() -> None:
    """Candidates 0 and 1 ask the same; 2 tells less, but something new. BALD takes both twins."""
    apart = [[0.99, 0.01], [0.99, 0.01], [0.01, 0.99], [0.01, 0.99]]
    other = [[0.9, 0.1], [0.1, 0.9], [0.9, 0.1], [0.1, 0.9]]
    context = of_passes(torch.tensor([apart, apart, other]).transpose(0, 1))
    assert set(Bald().query(context, 2, rng=rng()).tolist()) == {0, 1}
    assert 2 in BatchBald().query(context, 2, rng=rng()).tolist()
    assert 2 in BatchBald(combinations=1).query(context, 2, rng=rng(1)).tolist()


def test_a_batch_beyond_what_the_passes_tell_goes_on_with_bald() -> None:
    sure = torch.eye(2)[torch.tensor([[0, 0, 0], [1, 1, 0]])] * (1 - 1e-7) + 5e-8
    context = of_passes(torch.cat([sure, torch.full((2, 300, 2), 0.5)], dim=1))
    chosen = BatchBald().query(context, 303, rng=rng()).tolist()
    assert set(chosen[:2]) == {0, 1}


@pytest.mark.parametrize("form", ["softmax", "softrank"])
def test_every_form_keeps_the_contract(form: Literal["softmax", "softrank"]) -> None:
    check_strategy(Power(Entropy(), form=form))


@pytest.mark.parametrize(
    ("options", "weights"),
    [
        ({}, [1, 2, 5, 0]),
        ({"beta": 2.0}, [1, 4, 25, 0]),
        ({"beta": 0.0}, [1, 1, 1, 1]),
        ({"form": "softmax", "beta": 0.5}, [math.exp(0.5), math.exp(1), math.exp(2.5), 1]),
        ({"form": "softrank"}, [1 / 3, 1 / 2, 1, 1 / 4]),
        ({"shift": 1.0}, [2, 3, 6, 1]),
    ],
)
def test_chances_are_as_the_rule_says(options: dict[str, Any], weights: list[float]) -> None:
    """The first of two draws has its chance, and the second that of what is left."""
    strategy, context, generator = Power(Fixed([1.0, 2.0, 5.0, 0.0]), **options), make_context(4), rng()
    pairs = Counter(tuple(strategy.query(context, 2, rng=generator).tolist()) for _ in range(2000))
    total = sum(weights)
    for a in range(4):
        for b in range(4):
            if a != b and total > weights[a]:
                chance = weights[a] / total * weights[b] / (total - weights[a])
                assert abs(pairs[a, b] - 2000 * chance) <= 5 * math.sqrt(2000 * chance * (1 - chance)) + 1e-9


def test_scores_of_nothing_come_last_in_random_order() -> None:
    strategy, context = Power(Fixed([0.0, 0.0, 3.0, 0.0])), make_context(4)
    answers = {tuple(strategy.query(context, 4, rng=rng(seed)).tolist()) for seed in range(40)}
    assert {answer[0] for answer in answers} == {2}
    assert len(answers) == 6


def test_power_refuses_what_it_cannot_draw_from() -> None:
    context = make_context(4)
    with pytest.raises(QueryError, match=r"a score of fixed is -2, and chances cannot be below 0: give a shift"):
        Power(Fixed([-2.0, 0.0, 1.0, 1.0])).query(context, 1, rng=rng())
    with pytest.raises(QueryError, match="NaN"):
        Power(Fixed([math.nan, 0.0, 1.0, 1.0])).query(context, 1, rng=rng())
    for wrong in ({"beta": -1.0}, {"beta": math.inf}, {"form": "best"}):
        with pytest.raises(ConfigError):
            Power(Margin(), **wrong)
    with pytest.raises(ConfigError, match=r"not from <iale\.strategies\.coreset"):
        Power(CoreSet())  # type: ignore[arg-type]


def test_power_needs_what_its_score_needs() -> None:
    wrapped = Power(MCDropout())
    assert (wrapped.name, wrapped.needs) == ("power-mc-dropout", frozenset({Need.MONTE_CARLO}))
    model = TorchClassifier(nn.Sequential(nn.Linear(4, 3)), (4,), TrainingConfig(device="cpu"))
    with pytest.raises(ModelError, match="dropout"):
        wrapped.check(model)


class Fives(QueryStrategy):
    """Chooses multiples of five, by the first number of the embedding, and counts how often and from how many."""

    name: ClassVar[str] = "fives"

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def select(self, context: QueryContext, k: int, *, rng: np.random.Generator) -> Tensor:
        self.sizes.append(len(context))
        return (context.candidates.embeddings[:, 0] % 5).argsort(stable=True)[:k]


def test_refine_keeps_what_its_members_choose() -> None:
    """Of 200 candidates, members choose multiples of five alone, so the last one sees no other."""
    numbers = torch.arange(200.0)[:, None]
    context = QueryContext(Outputs(torch.ones(200, 2), numbers), 2)
    member, last = Fives(), Fives()
    chosen = Refine([member], last=last, rounds=2, parts=3).query(context, 4, rng=rng())
    assert member.sizes[:3] == [80, 80, 80]
    assert len(member.sizes) == 6 if last.sizes[0] < 12 else 3
    assert last.sizes[0] <= 12
    assert (numbers[chosen] % 5 == 0).all()


def test_refine_leaves_out_who_cannot_choose() -> None:
    refine = Refine(["random", "margin", "coreset", "bait"], last="random")
    assert refine.needs == {Need.LABELED, Need.GEOMETRY}
    assert [each.name for each in refine._served(unlabeled_context())] == ["random", "bait"]
    assert [each.name for each in refine._served(make_context())] == ["random", "margin", "coreset", "bait"]
    context = make_context()
    blind = replace(context, candidates=Outputs(context.candidates.logits, torch.zeros(len(context), 0)))
    with pytest.warns(IaleWarning, match="no embeddings, so refine does without coreset, bait"):
        assert [each.name for each in refine._served(blind)] == ["random", "margin"]


def test_the_usual_members_are_those_of_the_catalog() -> None:
    assert {"random", "margin", "entropy", "badge", "coreset", "bait"} <= {each.name for each in Refine().members}
    with pytest.raises(UnknownNameError):
        Refine(["nobody"])
    with pytest.raises(ConfigError, match="at least "):
        Refine([])


def test_refine_keeps_the_contract() -> None:
    check_strategy(Refine([Random(), Margin()], last="random", rounds=1, parts=2))
