from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from iale.errors import QueryError
from iale.strategies.committee import Ensemble, MCDropout
from iale.strategies.committee import _variation_ratio as variation_ratio
from iale.testing import make_context, reference


def _votes(labels: list[list[int]], classes: int) -> Tensor:
    """Probabilities [N, n, C] of voters that are certain of ``labels`` [N][n]."""
    return torch.nn.functional.one_hot(torch.tensor(labels), classes).float()


@pytest.mark.parametrize("seed", range(10))
def test_scores_equal_the_reference(seed: int) -> None:
    context = make_context(30, num_classes=3 + seed, passes=20, members=5, seed=seed)
    assert context.monte_carlo is not None
    assert context.committee is not None
    assert MCDropout().score(context).tolist() == pytest.approx(reference.variation_ratio(context.monte_carlo))
    assert Ensemble().score(context).tolist() == pytest.approx(reference.variation_ratio(context.committee))


def test_hand_computed_votes() -> None:
    votes = _votes([[0, 2, 1], [0, 1, 1], [0, 0, 3], [0, 2, 3]], classes=5)
    assert variation_ratio(votes).tolist() == [0.0, 0.5, 0.5]  # m = 4, 2, 2 of N = 4


def test_votes_are_hard() -> None:
    nearly = torch.tensor([[[0.34, 0.33, 0.33]], [[0.4, 0.3, 0.3]]])
    assert variation_ratio(nearly).tolist() == [0.0]


def test_ties_are_broken_by_a_seeded_draw() -> None:
    context = replace(make_context(6), monte_carlo=_votes([[0] * 6, [1, 1, 1, 1, 0, 0]], 4))
    chosen = Counter[int]()
    for seed in range(400):
        answer = MCDropout().query(context, 2, rng=np.random.default_rng(seed)).tolist()
        assert answer == MCDropout().query(context, 2, rng=np.random.default_rng(seed)).tolist()
        chosen.update(answer)
    assert set(chosen) == {0, 1, 2, 3}
    assert min(chosen.values()) > 140  # 200 expected, 6 standard deviations of 10 below


def test_each_strategy_reads_its_own_voters() -> None:
    context = replace(
        make_context(3), monte_carlo=_votes([[0, 0, 0], [1, 0, 0]], 4), committee=_votes([[0, 0, 0], [0, 0, 1]], 4)
    )
    rng = np.random.default_rng(0)
    assert MCDropout().query(context, 1, rng=rng).tolist() == [0]
    assert Ensemble().query(context, 1, rng=rng).tolist() == [2]


def test_no_votes_are_refused() -> None:
    with pytest.raises(QueryError, match="at least one pass"):
        variation_ratio(torch.empty(0, 4, 3))
