"""The ALIL policy: its state by hand, its draws against a plain re-telling, and its folder."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from iale.errors import IaleError, PolicyError, QueryError
from iale.policies.alil import AlilPolicy, Pooling, random_alil_policy
from iale.policies.catalog import find_strategy
from iale.policies.iale import IalePolicy, random_policy
from iale.policies.saved import load_policy, save_policy
from iale.policies.state import StateConfig
from iale.seeding import Stream
from iale.strategies.base import QueryContext
from iale.testing import check_strategy, make_context


def policy(pooling: Pooling = "mean", choices: int = 10) -> AlilPolicy:
    return random_alil_policy(pooling, choices, num_classes=4, embedding_dim=6, stream=Stream(3))


def context(n: int = 20, classes: int = 4, dim: int = 6) -> QueryContext:
    return make_context(n=n, num_classes=classes, dim=dim, labeled=7, passes=2, members=2, seed=1)


@pytest.mark.parametrize(("pooling", "choices"), [("sum", 3), ("mean", 50)])
def test_it_passes_the_contract_of_every_strategy(pooling: Pooling, choices: int) -> None:
    check_strategy(policy(pooling, choices))


@pytest.mark.parametrize("pooling", ["sum", "mean"])
def test_the_state_by_hand(pooling: Pooling) -> None:
    given = context(n=3)
    assert given.labeled is not None
    assert given.labels is not None
    embeddings, labels = given.labeled.embeddings.tolist(), given.labels.tolist()
    pooled = [sum(row[d] for row in embeddings) / (7 if pooling == "mean" else 1) for d in range(6)]
    shares = [labels.count(c) / 7 for c in range(4)]
    expected = []
    for logits, h in zip(given.candidates.logits.tolist(), given.candidates.embeddings.tolist(), strict=True):
        total = sum(math.exp(value) for value in logits)
        expected.append([*pooled, *shares, *h, *(math.exp(value) / total for value in logits)])
    torch.testing.assert_close(policy(pooling).rows(given), torch.tensor(expected), rtol=1e-5, atol=1e-6)


def test_the_network_has_the_size_of_the_iale_policys() -> None:
    layers = [layer for layer in policy().network if isinstance(layer, nn.Linear)]  # type: ignore[attr-defined]
    assert [tuple(layer.weight.shape) for layer in layers] == [(128, 20), (128, 128), (1, 128)]


def test_a_batch_is_one_best_of_ten_after_another() -> None:
    """The same draws, told with plain lists."""
    asked, given = policy(), context()
    with torch.no_grad():
        scores = asked.network(asked.rows(given)).squeeze(-1).tolist()
    rng, left, expected = np.random.default_rng(5), list(range(20)), []
    for _ in range(20):
        places = rng.choice(len(left), size=min(10, len(left)), replace=False).tolist()
        rng.random(len(places))  # what `top_k` draws for ties
        place = max(places, key=lambda place: scores[left[place]])
        expected.append(left[place])
        left[place] = left[-1]
        left.pop()
    assert asked.query(given, 20, rng=np.random.default_rng(5)).tolist() == expected


def test_a_draw_of_all_ranks_them() -> None:
    wide, given = policy(choices=20), context()
    with torch.no_grad():
        ranked = wide.network(wide.rows(given)).squeeze(-1).argsort(descending=True)
    assert torch.equal(wide.query(given, 20, rng=np.random.default_rng(0)), ranked)


def test_a_sum_grows_with_the_labels_and_a_mean_does_not() -> None:
    given = context()
    assert given.labeled is not None
    assert given.labels is not None
    rows = torch.arange(7).repeat(10)
    more = replace(given, labeled=given.labeled.at(rows), labels=given.labels[rows])
    torch.testing.assert_close(policy("mean").rows(more), policy("mean").rows(given))
    torch.testing.assert_close(policy("sum").rows(more)[:, :6], 10 * policy("sum").rows(given)[:, :6])


def test_what_is_saved_is_loaded_by_its_kind(tmp_path: Path) -> None:
    saved = policy("sum", 7)
    save_policy(saved, tmp_path / "mine", {"source": {"dataset": "digits"}})
    save_policy(random_policy(StateConfig(), 4, 6, Stream(0)), tmp_path / "other", {})
    loaded = load_policy(tmp_path / "mine", AlilPolicy)
    assert (loaded.pooling, loaded.choices) == ("sum", 7)
    assert torch.equal(loaded.rows(context()), saved.rows(context()))
    answers = [p.query(context(), 20, rng=np.random.default_rng(0)).tolist() for p in (saved, loaded)]
    assert answers[0] == answers[1]
    assert isinstance(find_strategy(str(tmp_path / "mine")), AlilPolicy)
    assert isinstance(find_strategy(str(tmp_path / "other")), IalePolicy)
    with pytest.raises(PolicyError, match="of kind 'alil', 'iale' was expected"):
        load_policy(tmp_path / "mine", IalePolicy)


@pytest.mark.parametrize(
    "change",
    [
        {"pooling": "max"},
        {"pooling": None},
        {"choices": 0},
        {"choices": "ten"},
        {"kind": "iale"},
        {"kind": ["alil"]},
        {"kind": None},
        {"num_classes": 5},
        {"embedding_dim": 0},
        {"weights_sha256": "0"},
    ],
)
def test_an_altered_card_is_refused(tmp_path: Path, change: dict[str, object]) -> None:
    save_policy(policy(), tmp_path, {})
    card = json.loads((tmp_path / "card.json").read_text())
    (tmp_path / "card.json").write_text(json.dumps({**card, **change}))
    with pytest.raises(IaleError):
        load_policy(tmp_path)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(PolicyError, match=r"expects 4 classes and embeddings 6 wide.*3 classes and embeddings 5 wide"):
        policy().query(context(classes=3, dim=5), 2, rng=np.random.default_rng(0))
    with pytest.raises(QueryError, match="label some first"):
        policy().rows(make_context(labeled=0))
