from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from iale.classifiers.base import Outputs
from iale.strategies.base import QueryContext, ScoringStrategy
from iale.strategies.uncertainty import Confidence, Entropy, Margin
from iale.testing import make_context, reference

REFERENCES = [(Confidence, reference.confidence), (Margin, reference.margin), (Entropy, reference.entropy)]


def _context(logits: list[list[float]]) -> QueryContext:
    rows = torch.tensor(logits)
    return QueryContext(Outputs(rows, torch.zeros(len(rows), 2)), num_classes=rows.shape[1])


@pytest.mark.parametrize(("strategy", "slow"), REFERENCES)
@pytest.mark.parametrize("seed", range(10))
def test_scores_equal_the_reference(strategy: type[ScoringStrategy], slow: object, seed: int) -> None:
    context = make_context(40, num_classes=3 + seed, seed=seed)
    expected = slow(context.candidates.logits)  # type: ignore[operator]
    assert strategy().score(context).tolist() == pytest.approx(expected, abs=1e-14)
    chosen = strategy().query(context, 7, rng=np.random.default_rng(seed))
    assert chosen.tolist() == sorted(range(40), key=lambda i: -expected[i])[:7]


def test_scores_of_hand_computed_probabilities() -> None:
    context = _context([[math.log(0.5), math.log(0.25), math.log(0.25)], [7.0, 7.0, 7.0]])
    assert Confidence().score(context).tolist() == pytest.approx([0.5, 2 / 3])
    assert Margin().score(context).tolist() == pytest.approx([-0.25, 0.0])
    assert Entropy().score(context).tolist() == pytest.approx([1.5 * math.log(2), math.log(3)])


@pytest.mark.parametrize("strategy", [Confidence, Margin, Entropy])
def test_higher_is_more_informative(strategy: type[ScoringStrategy]) -> None:
    context = _context([[9.0, 0.0, 0.0], [0.1, 0.0, 0.0], [2.0, 0.0, 0.0]])
    assert strategy().query(context, 3, rng=np.random.default_rng(0)).tolist() == [1, 2, 0]


@pytest.mark.parametrize("strategy", [Confidence, Entropy])
def test_confident_candidates_are_told_apart(strategy: type[ScoringStrategy]) -> None:
    context = _context([[60.0, 0.0, 0.0], [40.0, 0.0, 0.0], [50.0, 0.0, 0.0]])
    assert float(context.candidates.probs[1, 0]) == 1.0  # in float32, all three are 1
    assert strategy().query(context, 3, rng=np.random.default_rng(0)).tolist() == [1, 2, 0]


def test_a_probability_of_zero_contributes_no_entropy() -> None:
    context = _context([[0.0, -math.inf, 0.0], [1000.0, -1000.0, 0.0]])
    assert Entropy().score(context).tolist() == pytest.approx([math.log(2), 0.0])
