"""The last layer found from outputs, and the two strategies that perturb embeddings: DropQuery and ALFA-Mix."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from iale.classifiers.base import Outputs
from iale.errors import QueryError
from iale.geometry.points import Points
from iale.seeding import Stream
from iale.strategies import alfamix, dropquery
from iale.strategies._last_layer import last_layer
from iale.strategies.alfamix import AlfaMix, _anchors, _smallest_steps
from iale.strategies.base import QueryContext
from iale.strategies.catalog import STRATEGIES
from iale.strategies.dropquery import DropQuery, _changes
from iale.testing import alfamix_kept, dropquery_changes, make_context, reorder, unlabeled_context


def _rng(seed: int = 3) -> np.random.Generator:
    return np.random.default_rng(seed)


def _linear(
    n: int = 40, dim: int = 5, classes: int = 3, labeled: int = 12, seed: int = 0
) -> tuple[QueryContext, Tensor, Tensor]:
    """A context whose logits are affine in the embeddings, and the weights [C, D] and bias [C] of the layer."""
    context = make_context(n, classes, dim, labeled, seed=seed)
    generator = Stream(seed, ("layer",)).torch()
    weights, bias = torch.randn(classes, dim, generator=generator), torch.randn(classes, generator=generator)

    def outputs(embeddings: Tensor) -> Outputs:
        return Outputs(embeddings @ weights.T + bias, embeddings)

    assert context.labeled is not None
    changed = replace(
        context, candidates=outputs(context.candidates.embeddings), labeled=outputs(context.labeled.embeddings)
    )
    return changed, weights, bias


@pytest.mark.parametrize("dim", [1, 5, 40])
def test_the_layer_is_found(dim: int) -> None:
    context, weights, _ = _linear(dim=dim)
    expected = weights.T.double()
    assert torch.allclose(last_layer(context, "x"), expected - expected.mean(dim=1, keepdim=True), atol=1e-4)


@pytest.mark.parametrize("dim", [40, 51, 52, 53, 200])
def test_fewer_samples_than_directions_give_the_smallest_layer(dim: int) -> None:
    """That of NumPy's least squares; 40 candidates and 12 labeled samples, one of them a copy."""
    context, _, _ = _linear(dim=dim)
    context.candidates.embeddings[1], context.candidates.logits[1] = (
        context.candidates.embeddings[0],
        context.candidates.logits[0],
    )
    assert context.labeled is not None
    every = [
        np.concatenate([one.numpy(), other.numpy()]).astype(np.float64)
        for one, other in (
            (context.candidates.embeddings, context.labeled.embeddings),
            (context.candidates.logits, context.labeled.logits),
        )
    ]
    embeddings, logits = every[0] - every[0].mean(axis=0), every[1] - every[1].mean(axis=1, keepdims=True)
    expected = np.linalg.lstsq(embeddings, logits - logits.mean(axis=0), rcond=1e-5)[0]
    assert np.allclose(last_layer(context, "x").numpy(), expected, rtol=0, atol=1e-5 * np.abs(expected).max())


def test_a_number_common_to_all_logits_changes_nothing() -> None:
    context, _, _ = _linear()
    shifted = Outputs(torch.log_softmax(context.candidates.logits, dim=1), context.candidates.embeddings)
    assert torch.allclose(
        last_layer(replace(context, candidates=shifted), "x"), last_layer(context, "x"), rtol=0, atol=1e-4
    )


def test_of_too_few_samples_the_smallest_layer_explains_them_all() -> None:
    context, _, _ = _linear(n=10, dim=30, labeled=4)
    found = last_layer(context, "x")
    assert context.labeled is not None
    rows = torch.cat([context.candidates.embeddings, context.labeled.embeddings]).double()
    logits = torch.cat([context.candidates.logits, context.labeled.logits]).double()
    logits -= logits.mean(dim=1, keepdim=True)
    rows, logits = rows - rows.mean(dim=0), logits - logits.mean(dim=0)
    assert torch.allclose(rows @ found, logits, atol=1e-4)
    assert torch.allclose(found, torch.linalg.pinv(rows) @ logits, atol=1e-4)


def test_embeddings_that_never_vary_have_a_layer_of_zeros() -> None:
    context, _, _ = _linear()
    still = Outputs(torch.ones(40, 3), torch.full((40, 5), 7.0))
    assert not last_layer(replace(context, candidates=still, labeled=None), "x").any()


def test_logits_that_are_not_linear_are_refused() -> None:
    context, _, _ = _linear(n=400)
    square = context.candidates.embeddings.square()  # a fit is 0 on an even function
    bent = replace(context, candidates=Outputs(square[:, :3], context.candidates.embeddings), labeled=None)
    for name in ("dropquery", "alfamix"):
        asked = replace(bent, labeled=context.labeled)
        with pytest.raises(QueryError, match=rf"{name} changes embeddings .* explains only \d+% .* embedding_layer"):
            STRATEGIES[name]().query(asked, 3, rng=_rng())


@pytest.mark.parametrize("seed", range(5))
def test_changes_under_dropout_equal_the_reference(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    context, weights, bias = _linear(n=60, dim=7, classes=4, seed=seed)
    expected = dropquery_changes(context.candidates.embeddings, weights, bias, _rng())
    layer = last_layer(context, "x")
    assert _changes(context.candidates, layer, _rng()).tolist() == expected
    monkeypatch.setattr(dropquery, "rows_at_once", lambda _: 7)
    assert _changes(context.candidates, layer, _rng()).tolist() == expected
    assert len(set(expected)) == 4


def test_dropquery_chooses_what_changes_and_then_draws() -> None:
    """Nothing can be dropped from three candidates: their embeddings are zeros."""
    context, weights, bias = _linear(n=60)
    embeddings = context.candidates.embeddings.clone()
    embeddings[:3] = 0.0
    context = replace(context, candidates=Outputs(embeddings @ weights.T + bias, embeddings))
    for seed in range(5):
        changes = dropquery_changes(embeddings, weights, bias, _rng(seed))
        found = DropQuery().query(context, 8, rng=_rng(seed)).tolist()
        assert all(changes[position] for position in found)
        assert {0, 1, 2} < set(DropQuery().query(context, 60, rng=_rng(seed)).tolist())


def test_ties_are_no_changes() -> None:
    """With all of an embedding dropped, the classes of a layer without bias tie, and rounding decides nothing."""
    context, weights, _ = _linear(n=200, dim=2, classes=6)
    rows = context.candidates.embeddings
    flat = Outputs(rows @ weights.T, rows)
    masks = _rng().random((200, 3, 2)) >= 0.75
    changes = _changes(flat, weights.T.double() * (1 + 1e-9), _rng())
    most = torch.from_numpy(masks.any(axis=2).sum(axis=1))
    assert bool((changes <= most).all())


def test_two_changes_are_needed_where_many_have_two(monkeypatch: pytest.MonkeyPatch) -> None:
    context, weights, bias = _linear(n=80)
    changes = dropquery_changes(context.candidates.embeddings, weights, bias, _rng())
    once, twice = ({i for i, each in enumerate(changes) if each >= least} for least in (1, 2))
    assert 10 < len(twice) < len(once) < 80
    assert set(DropQuery().query(context, len(once), rng=_rng()).tolist()) == once
    monkeypatch.setattr(dropquery, "_MANY", len(twice))
    assert set(DropQuery().query(context, len(twice), rng=_rng()).tolist()) == twice


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("k", [1, 9, 40])
def test_candidates_of_alfamix_equal_the_reference(seed: int, k: int, monkeypatch: pytest.MonkeyPatch) -> None:
    context, weights, bias = _linear(n=40, dim=4, classes=4, seed=seed)
    number, expected = alfamix_kept(context.candidates.embeddings, weights, bias, _anchors(context), k)
    monkeypatch.setattr(alfamix, "rows_at_once", lambda _: 7)
    steps = _smallest_steps(context, last_layer(context, "x"))
    assert (steps < number * 0.03125 / 2).tolist() == expected
    assert sum(expected) > k or number == 32
    found = set(AlfaMix().query(context, min(k, sum(expected)), rng=_rng()).tolist())
    assert found <= {i for i, each in enumerate(expected) if each}


def test_a_step_of_alfamix_by_hand() -> None:
    """Two classes, logits (z, 0), D = 1: at z = 2 the class changes at 0. The anchors are at −1 and 8, 3 and 6 away.

    A step of ε · 6 reaches 0 for ε = 1/3. At z = −1 the anchors are 0 and 9 away, and 1 is to go: ε = 1/9.
    """
    rows = torch.tensor([[2.0], [-1.0]])

    def outputs(values: Tensor) -> Outputs:
        return Outputs(torch.cat([values, torch.zeros_like(values)], dim=1), values)

    context = replace(
        make_context(2, 2, 1, labeled=3),
        candidates=outputs(rows),
        labeled=outputs(torch.tensor([[-1.0], [7.0], [9.0]])),
        labels=torch.tensor([1, 0, 0]),
    )
    assert torch.allclose(_smallest_steps(context, last_layer(context, "x")), torch.tensor([1 / 3, 1 / 9]).double())


def test_classes_without_labels_have_no_anchor_and_equal_numbers_no_nan() -> None:
    context, _, _ = _linear(classes=6)
    assert context.labeled is not None
    known, labels = context.labeled.embeddings.double(), torch.tensor([1, 4] * 6)
    context = replace(context, labels=labels)
    assert _anchors(context).shape == (2, 5)
    for label in (1, 4):
        mean = known[labels == label].mean(dim=0)
        assert torch.allclose(_anchors(context)[[1, 4].index(label)], mean)
    zeros = context.candidates.embeddings.clone()
    zeros[:, 2] = 0.0
    same = replace(context, candidates=Outputs(zeros @ torch.ones(5, 6), zeros))
    assert not torch.isnan(_smallest_steps(same, torch.ones(5, 6).double())).any()


def test_a_saturated_candidate_is_not_kept() -> None:
    """Where the gradient underflows to 0, there is no direction to step in."""
    rows = torch.tensor([[1000.0], [1.0]])
    context = replace(
        make_context(2, 2, 1, labeled=1),
        candidates=Outputs(torch.cat([rows, torch.zeros(2, 1)], dim=1), rows),
        labeled=Outputs(torch.zeros(1, 2), torch.zeros(1, 1)),
        labels=torch.tensor([0]),
    )
    assert torch.isinf(_smallest_steps(context, torch.tensor([[0.5, -0.5]]).double())).tolist() == [True, False]


@pytest.mark.parametrize("name", ["dropquery", "alfamix"])
def test_before_the_first_label_the_geometry_is_clustered(name: str) -> None:
    context = unlabeled_context(n=40)
    assert context.geometry is not None
    far = context.geometry.read()
    far[::2] += 100.0
    context = replace(context, geometry=Points(far, torch.arange(40)))
    for seed in range(5):
        first, second = STRATEGIES[name]().query(context, 2, rng=_rng(seed)).tolist()
        assert first % 2 != second % 2


def test_alfamix_without_a_label_takes_the_geometry_and_dropquery_the_classifier() -> None:
    """A classifier that was fitted elsewhere: embeddings, and nobody has labeled."""
    context, _, _ = _linear(labeled=0)
    for strategy in (AlfaMix(), DropQuery()):
        assert len(set(strategy.query(context, 40, rng=_rng()).tolist())) == 40


def test_the_smallest_steps_go_with_the_candidates() -> None:
    context, _, _ = _linear(n=30, dim=4, seed=1)
    order = torch.randperm(30, generator=Stream(1).torch())
    moved = reorder(context, order)
    steps = _smallest_steps(context, last_layer(context, "x"))
    assert torch.allclose(_smallest_steps(moved, last_layer(moved, "x")), steps[order])
