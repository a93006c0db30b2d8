"""Error Herding: its weights by hand and by a slow rule, and when it is Uncertainty Herding."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from iale.classifiers.base import Outputs
from iale.errors import QueryError
from iale.geometry.points import Points
from iale.strategies._calibrated import calibrated_uncertainty, doubted
from iale.strategies.base import QueryContext
from iale.strategies.herding import ErrorHerding, MaxHerding, UncertaintyHerding
from iale.testing import make_context, reference, unlabeled_context


def _rng(seed: int = 3) -> np.random.Generator:
    return np.random.default_rng(seed)


def _doubted(context: QueryContext) -> torch.Tensor:
    return doubted(context, torch.arange(len(context)))


def _answering(answers: list[int], opinion: list[list[float]]) -> QueryContext:
    logits = torch.eye(len(opinion[0]))[answers]
    n, every = len(answers), torch.arange(len(answers) + 1)
    points = Points(torch.eye(n + 1), every)
    return QueryContext(
        Outputs(logits, torch.zeros(n, 0)),
        len(opinion[0]),
        geometry=points.at(every[:n]),
        labeled_geometry=points.at(every[n:]),
        opinion=torch.tensor(opinion, dtype=torch.float64),
    )


def test_how_much_is_doubted_by_hand() -> None:
    """The same answer; the second; the third; an opinion that is sure of another answer, of the same, and of none."""
    one = [0.7, 0.2, 0.1]
    context = _answering([0, 1, 2, 1, 0, 2], [one, one, one, [1.0, 0, 0], [1.0, 0, 0], [1 / 3] * 3])
    assert _doubted(context).tolist() == pytest.approx([0.5, 1.5, 1.6, 2.0, 0.0, 1.0])


def test_how_much_is_doubted_equals_the_slow_rule() -> None:
    for seed in range(5):
        context = make_context(40, 1 + seed, seed=seed)
        assert context.opinion is not None
        expected = reference.doubted(context.opinion, context.candidates.logits)
        assert _doubted(context).tolist() == pytest.approx(expected)


def test_it_herds_what_is_doubted() -> None:
    """Orthogonal points cover one another alike, so the most doubted come first."""
    doubts = [[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0.5, 0.5]]
    assert ErrorHerding().query(_answering([0] * 4, doubts), 4, rng=_rng()).tolist() == [2, 3, 1, 0]


def test_the_classifiers_own_opinion_makes_it_uncertainty_herding() -> None:
    context = make_context(60)
    assert context.temperature is not None
    own = replace(context, opinion=(context.candidates.logits.double() / context.temperature).softmax(1))
    every = torch.arange(60)
    torch.testing.assert_close(doubted(own, every), calibrated_uncertainty(own, every))
    expected = UncertaintyHerding().query(context, 30, rng=_rng())
    assert torch.equal(ErrorHerding().query(own, 30, rng=_rng()), expected)
    assert not torch.equal(ErrorHerding().query(context, 30, rng=_rng()), expected)


def test_before_the_first_label_it_is_max_herding() -> None:
    context = unlabeled_context(40)
    assert torch.equal(ErrorHerding().query(context, 12, rng=_rng()), MaxHerding().query(context, 12, rng=_rng()))


def test_an_opinion_that_is_not_finite_is_refused() -> None:
    context = _answering([0, 1], [[np.nan, 0.5], [0.5, 0.5]])
    with pytest.raises(QueryError, match="an opinion is not finite"):
        ErrorHerding().query(context, 1, rng=_rng())
