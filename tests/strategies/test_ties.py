"""On tied data every strategy answers, and the fast ones choose what their slow references choose."""

from __future__ import annotations

import time
from typing import ClassVar

import numpy as np
import pytest
import torch

from iale.strategies.base import QueryContext, QueryStrategy, ScoringStrategy
from iale.strategies.catalog import STRATEGIES
from iale.testing import check_strategy, reference, tied_contexts

KINDS = [name for name, _ in tied_contexts(n=2)]


def context_of(kind: str, n: int, dim: int, labeled: int = 9) -> QueryContext:
    return dict(tied_contexts(n=n, dim=dim, labeled=labeled))[kind]


def rng() -> np.random.Generator:
    return np.random.default_rng(7)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("n", "dim", "labeled", "k"), [(201, 2, 1, 30), (220, 3, 9, 60), (260, 8, 20, 25)])
def test_coreset_equals_its_reference(kind: str, n: int, dim: int, labeled: int, k: int) -> None:
    context = context_of(kind, n, dim, labeled)
    assert context.labeled is not None
    embeddings, known = context.candidates.embeddings, context.labeled.embeddings
    assert STRATEGIES["coreset"]().query(context, k, rng=rng()).tolist() == reference.coreset(
        embeddings, known, k, rng()
    )


@pytest.mark.timeout(60)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("n", "dim", "k"), [(40, 2, 12), (60, 6, 60)])
def test_badge_equals_its_reference(kind: str, n: int, dim: int, k: int) -> None:
    context = context_of(kind, n, dim)
    logits, embeddings = context.candidates.logits, context.candidates.embeddings
    assert STRATEGIES["badge"]().query(context, k, rng=rng()).tolist() == reference.badge(logits, embeddings, k, rng())


def slow_scores(name: str, context: QueryContext) -> list[float]:
    if name in ("mc-dropout", "ensemble"):
        voters = context.monte_carlo if name == "mc-dropout" else context.committee
        assert voters is not None
        return reference.variation_ratio(voters)
    score = {"confidence": reference.confidence, "margin": reference.margin, "entropy": reference.entropy}[name]
    return score(context.candidates.logits)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["confidence", "margin", "entropy", "mc-dropout", "ensemble"])
def test_a_score_equals_its_reference(kind: str, name: str) -> None:
    """The scores agree, equal candidates have equal scores, and the highest are chosen."""
    context = context_of(kind, 120, 3)
    strategy = STRATEGIES[name]()
    assert isinstance(strategy, ScoringStrategy)
    scores = strategy.score(context)
    slow = torch.tensor(slow_scores(name, context), dtype=torch.float64)
    assert torch.allclose(scores.double(), slow, rtol=0, atol=1e-9)
    _, group = torch.unique(context.candidates.embeddings, dim=0, return_inverse=True)
    for member in group.unique():
        assert float(scores[group == member].max() - scores[group == member].min()) < 1e-9
    chosen = strategy.query(context, 40, rng=rng())
    assert torch.allclose(scores[chosen], scores.sort(descending=True).values[:40], rtol=0, atol=1e-12)


def test_every_strategy_has_a_reference_or_draws() -> None:
    """A new strategy of the catalog is compared with a slow version here, too."""
    scored = {"confidence", "margin", "entropy", "mc-dropout", "ensemble"}
    # Those with a file of tests of their own, beside the paper's.
    elsewhere = {"typiclust", "probcover", "dropquery", "alfamix", "tcm"}
    elsewhere |= {
        "bait",
        "bait-full",
        "bald",
        "batchbald",
        "power-margin",
        "refine",
        "maxherding",
        "uherding",
        "eherding",
    }
    assert set(STRATEGIES) == scored | {"coreset", "badge", "random"} | elsewhere


@pytest.mark.timeout(60)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", [name for name in STRATEGIES if name not in ("bait-full", "refine")])
def test_every_strategy_answers_for_all_of_a_thousand_candidates(kind: str, name: str) -> None:
    """The contract asks for fewer of them."""
    answer = STRATEGIES[name]().query(context_of(kind, 1000, 8), 1000, rng=rng())
    assert len(torch.unique(answer)) == 1000


def test_the_contract_meets_ties() -> None:
    """Everybody's strategy is shown tied data, with a limit on its time."""

    class Stuck(QueryStrategy):
        name: ClassVar[str] = "stuck"

        def select(self, context: QueryContext, k: int, *, rng: np.random.Generator) -> torch.Tensor:
            rows = context.candidates.embeddings
            begun = time.monotonic()  # a query that truly never ends would burn this process
            while len(torch.unique(rows, dim=0)) < len(rows) and time.monotonic() < begun + 3:
                pass
            return rows[:, 0].topk(k).indices

    with pytest.raises(AssertionError, match="gave no answer within"):
        check_strategy(Stuck(), seconds=1.0)
