from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from iale.classifiers.base import Outputs
from iale.seeding import Stream
from iale.strategies import _gradient, _rows, badge
from iale.strategies._gradient import gradient_embeddings, residuals
from iale.strategies.badge import Badge
from iale.strategies.base import QueryContext, QueryStrategy
from iale.strategies.coreset import CoreSet
from iale.strategies.uncertainty import Confidence, Entropy, Margin
from iale.testing import make_context, reference


def _rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def _ask(logits: Tensor, embeddings: Tensor, k: int, seed: int = 0) -> list[int]:
    context = QueryContext(Outputs(logits, embeddings), num_classes=logits.shape[1])
    return Badge().query(context, k, rng=_rng(seed)).tolist()


@settings(max_examples=60, deadline=None)
@given(
    n=st.integers(2, 30),
    classes=st.integers(3, 6),
    dim=st.integers(1, 7),
    duplicates=st.booleans(),
    seed=st.integers(0, 10**6),
    data=st.data(),
)
def test_equals_the_reference_for_the_same_draws(
    n: int, classes: int, dim: int, duplicates: bool, seed: int, data: st.DataObject
) -> None:
    k = data.draw(st.integers(1, n))
    outputs = make_context(n, classes, dim, seed=seed).candidates
    if duplicates:
        outputs = outputs.at(torch.randint(max(1, n // 3), (n,), generator=Stream(seed).torch()))
    expected = reference.badge(outputs.logits, outputs.embeddings, k, _rng(seed))
    assert _ask(outputs.logits, outputs.embeddings, k, seed) == expected


@pytest.mark.parametrize("scale", [1e-6, 1.0, 30.0])
def test_equals_the_reference_for_flat_and_for_saturated_predictions(scale: float) -> None:
    for seed in range(10):
        outputs = make_context(25, 5, 4, seed=seed).candidates
        logits = scale * outputs.logits
        expected = reference.badge(logits, outputs.embeddings, 12, _rng(seed))
        assert _ask(logits, outputs.embeddings, 12, seed) == expected


def test_close_gradients_do_not_cancel() -> None:
    """Candidates that differ in the sixth digit: distances from squares alone would be noise in float32."""
    outputs = make_context(1, 4, 5).candidates
    generator = Stream(4).torch()
    logits = outputs.logits + 1e-5 * torch.randn(30, 4, generator=generator)
    embeddings = outputs.embeddings + 1e-5 * torch.randn(30, 5, generator=generator)
    for seed in range(10):
        assert _ask(logits, embeddings, 15, seed) == reference.badge(logits, embeddings, 15, _rng(seed))


def test_many_small_chunks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    outputs = make_context(200, 4, 5).candidates.at(torch.arange(400) % 200)
    expected = _ask(outputs.logits, outputs.embeddings, 150)
    monkeypatch.setattr(badge, "_ROWS", 7)
    assert _ask(outputs.logits, outputs.embeddings, 150) == expected


@pytest.mark.parametrize("kept", [0, 20, 60, 119])
@pytest.mark.parametrize("scale", [1e-6, 1.0, 30.0, 800.0])
def test_equals_the_reference_however_many_rows_are_kept(
    scale: float, kept: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Chunks of 20 rows, blocks of 3, and duplicates on both sides of the border."""
    outputs = make_context(60, 5, 4).candidates.at(torch.arange(120) % 60)
    logits = scale * outputs.logits
    monkeypatch.setattr(badge, "_ROWS", 20)
    monkeypatch.setattr(badge, "_KEPT", 8 * 5 * kept)
    monkeypatch.setattr(_gradient, "_CACHED", 16)
    expected = reference.badge(logits, outputs.embeddings, 15, _rng(3))
    assert _ask(logits, outputs.embeddings, 15, 3) == expected
    factored = badge._Gradients(logits, outputs.embeddings)
    assert len(factored._kept) == kept // 20 * 20
    for center in (0, 59, 60, 119):
        distances = factored.distances(center)
        assert distances[center % 60] == distances[center % 60 + 60] == 0
    if scale == 1:
        whole = gradient_embeddings(Outputs(logits.double(), outputs.embeddings.double()))
        expected_distances = (whole - whole[7]).square().sum(dim=1)
        torch.testing.assert_close(factored.distances(7), expected_distances, rtol=1e-12, atol=0)


def test_no_block_grows_with_classes_or_embeddings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything that a query makes at a time stays below the budget of a block, a hundredth of the usual one."""
    block = 1 << 18
    monkeypatch.setattr(_rows, "_BYTES", block)
    monkeypatch.setattr(_gradient, "_CACHED", block // 8)
    many, wide = make_context(400, 600, 3, labeled=20), make_context(400, 3, 600, labeled=20)
    assert _largest_made(Badge(), many) == 400 * 600 * 8  # the residuals that are kept, once
    monkeypatch.setattr(badge, "_KEPT", block)
    assert max(_largest_made(Badge(), context) for context in (many, wide)) <= block
    assert _largest_made(CoreSet(), wide) <= block
    assert max(_largest_made(scoring, many) for scoring in (Entropy(), Margin(), Confidence())) <= block


def _largest_made(strategy: QueryStrategy, context: QueryContext) -> int:
    """Bytes of the largest tensor that a query makes, its inputs aside."""
    given = {t.untyped_storage().data_ptr() for t in (context.candidates.logits, context.candidates.embeddings)}
    largest = 0

    class Watch(TorchDispatchMode):  # type: ignore[no-untyped-call]
        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            nonlocal largest
            result = func(*args, **(kwargs or {}))
            made = [t.untyped_storage() for t in tree_leaves(result) if isinstance(t, Tensor)]
            largest = max([largest, *(store.nbytes() for store in made if store.data_ptr() not in given)])
            return result

    with Watch():  # type: ignore[no-untyped-call]
        strategy.query(context, 5, rng=_rng())
    return largest


def test_distances_equal_those_of_whole_gradient_embeddings() -> None:
    outputs = make_context(50, 6, 7).candidates
    whole = gradient_embeddings(Outputs(outputs.logits.double(), outputs.embeddings.double()))
    factored = badge._Gradients(outputs.logits, outputs.embeddings)
    for center in range(50):
        expected = (whole - whole[center]).square().sum(dim=1)
        torch.testing.assert_close(factored.distances(center), expected, rtol=1e-12, atol=0)


def test_the_pseudo_label_term_is_part_of_the_gradient() -> None:
    """Without it, the embedding would be −p ⊗ h, and the confident candidate would have the largest norm."""
    logits = torch.tensor([[9.0, 0.0, 0.0], [0.1, 0.0, 0.0], [3.0, 0.0, 0.0]])
    embeddings = torch.ones(3, 4)
    assert torch.softmax(logits, 1).norm(dim=1).argmax() == 0
    assert _ask(logits, embeddings, 1) == [1]


def test_no_center_is_placed_at_the_origin() -> None:
    """Candidates 1 and 2 are equally far from candidate 0, the largest, but not from the origin.

    With a center at the origin, candidate 1 at distance 0.01 from it would practically never be the second.
    """
    logits = torch.zeros(3, 3)
    norm = float(residuals(logits)[0].norm())
    embeddings = torch.tensor([[1.0, 0.0], [0.01, 0.0], [1 - 0.99 * 0.6, 0.99 * 0.8]]) / norm
    assert embeddings.norm(dim=1).argmax() == 0
    second = Counter(_ask(logits, embeddings, 2, seed)[1] for seed in range(400))
    assert abs(second[1] - 200) < 60  # 6 standard deviations


def test_no_candidate_is_returned_twice() -> None:
    outputs = make_context(12, 3, 4).candidates.at(torch.arange(12) % 2)
    for seed in range(50):
        assert sorted(_ask(outputs.logits, outputs.embeddings, 12, seed)) == list(range(12))


def test_the_largest_gradient_comes_first() -> None:
    for seed in range(10):
        outputs = make_context(40, seed=seed).candidates
        norms = gradient_embeddings(outputs).norm(dim=1)
        assert _ask(outputs.logits, outputs.embeddings, 3, seed)[0] == int(norms.argmax())


def test_later_ones_follow_the_squared_distance() -> None:
    logits = torch.zeros(4, 3)
    embeddings = torch.tensor([[-10.0], [-9.0], [-8.0], [-7.0]])
    second = Counter(_ask(logits, embeddings, 2, seed)[1] for seed in range(1400))
    for position, weight in ((1, 1), (2, 4), (3, 9)):
        expected = 1400 * weight / 14
        assert abs(second[position] - expected) < 6 * expected**0.5


@pytest.mark.parametrize("logit", [0.0, 2000.0])
def test_gradients_that_are_all_zero_are_drawn_uniformly(logit: float) -> None:
    logits = torch.tensor([[logit, 0.0, 0.0]]).expand(5, 3)
    embeddings = torch.zeros(5, 2) if logit == 0 else torch.randn(5, 2, generator=Stream(1).torch())
    counts = Counter(tuple(_ask(logits, embeddings, 2, seed)) for seed in range(1000))
    assert len(counts) == 20
    assert min(counts.values()) > 10  # 50 expected
    assert _ask(logits, embeddings, 5) == reference.badge(logits, embeddings, 5, _rng())


def test_a_draw_just_below_one_stays_in_range() -> None:
    class Last(np.random.Generator):
        def random(self, *args: object, **kwargs: object) -> float:  # type: ignore[override]
            return 1 - 2**-53

    context = make_context(50)
    answer = Badge().query(context, 50, rng=Last(np.random.PCG64(0)))
    assert sorted(answer.tolist()) == list(range(50))
