from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from iale.classifiers.base import Outputs
from iale.errors import QueryError
from iale.seeding import Stream
from iale.strategies import coreset
from iale.strategies.base import QueryContext
from iale.strategies.coreset import CoreSet
from iale.strategies.coreset import _k_center as k_center
from iale.testing import make_context, reference


def _rng() -> np.random.Generator:
    return np.random.default_rng(3)


def _points(n: int, dim: int, seed: int, duplicates: bool = False) -> Tensor:
    generator = Stream(seed, ("coreset",)).torch()
    points = torch.randn(n, dim, generator=generator)
    return points[torch.randint(max(1, n // 3), (n,), generator=generator)] if duplicates else points


@settings(max_examples=60, deadline=None)
@given(
    n=st.integers(1, 40),
    dim=st.integers(1, 9),
    labeled=st.integers(0, 40),
    duplicates=st.booleans(),
    seed=st.integers(0, 10**6),
    data=st.data(),
)
def test_equals_the_reference(n: int, dim: int, labeled: int, duplicates: bool, seed: int, data: st.DataObject) -> None:
    k = data.draw(st.integers(1, n))
    points, centers = _points(n, dim, seed, duplicates), _points(labeled, dim, seed + 1, duplicates)
    assert k_center(points, centers, k, _rng()).tolist() == reference.coreset(points, centers, k, _rng())


@settings(max_examples=60, deadline=None)
@given(n=st.integers(1, 30), labeled=st.integers(0, 5), seed=st.integers(0, 10**6), data=st.data())
def test_equals_the_reference_where_nearly_all_distances_are_tied(
    n: int, labeled: int, seed: int, data: st.DataObject
) -> None:
    k = data.draw(st.integers(1, n))
    points = torch.randint(3, (n + labeled, 2), generator=Stream(seed).torch()).float()
    answer = k_center(points[labeled:], points[:labeled], k, _rng()).tolist()
    assert answer == reference.coreset(points[labeled:], points[:labeled], k, _rng())


def test_many_small_chunks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    points, centers = _points(300, 5, 1), _points(70, 5, 2)
    expected = k_center(points, centers, 60, _rng())
    for name, size in (("_ROWS", 7), ("_CENTERS", 3), ("_BATCH", 2), ("_FIRST", 1)):
        monkeypatch.setattr(coreset, name, size)
    assert torch.equal(k_center(points, centers, 60, _rng()), expected)


@pytest.mark.parametrize(("dim", "labeled"), [(2, 0), (2, 400), (32, 50), (32, 400)])
def test_equals_a_plain_loop_on_a_larger_pool(dim: int, labeled: int) -> None:
    points, centers = _points(3000, dim, 5), _points(labeled, dim, 6)
    answer = k_center(points, centers, 80, _rng())
    exact = points.double()
    chosen = [] if labeled else [int(_rng().integers(3000))]
    nearest = torch.full((3000,), torch.inf, dtype=torch.float64)
    for center in torch.cat([centers.double(), exact[chosen]]):
        nearest = torch.minimum(nearest, (exact - center).square().sum(dim=1))
    while len(chosen) < 80:
        chosen.append(int(nearest.argmax()))
        nearest = torch.minimum(nearest, (exact - exact[chosen[-1]]).square().sum(dim=1))
    assert answer.tolist() == chosen


def test_a_line_computed_by_hand() -> None:
    points = torch.tensor([[0.0], [1.0], [4.0], [6.0], [10.0]])
    assert k_center(points, torch.tensor([[0.0]]), 5, _rng()).tolist() == [4, 2, 3, 1, 0]


def test_of_equal_distances_the_lowest_position_is_chosen() -> None:
    points = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]])
    for seed in range(5):
        assert k_center(points, torch.zeros(1, 2), 1, np.random.default_rng(seed)).tolist() == [0]


def test_duplicates_come_last_and_each_position_once() -> None:
    points = torch.tensor([[5.0, 5.0], [1.0, 2.0], [5.0, 5.0], [5.0, 5.0], [1.0, 2.0]])
    assert k_center(points, torch.zeros(1, 2), 5, _rng()).tolist() == [0, 1, 2, 3, 4]


def test_the_first_center_without_labeled_samples_is_a_seeded_draw() -> None:
    points = _points(6, 3, 0)
    none = torch.empty(0, 3)
    first = [int(k_center(points, none, 2, np.random.default_rng(seed))[0]) for seed in range(200)]
    assert first == [int(k_center(points, none, 2, np.random.default_rng(seed))[0]) for seed in range(200)]
    assert set(first) == set(range(6))


def test_positions_are_not_mixed_with_data_set_indices() -> None:
    """Labeled samples are scattered over a data set, so positions of candidates differ from indices."""
    data = _points(30, 4, 8)
    labeled = torch.tensor([29, 3, 17, 8, 21])
    unlabeled = torch.tensor([i for i in range(30) if i not in labeled.tolist()])
    answer = k_center(data[unlabeled], data[labeled], 25, _rng())
    assert sorted(answer.tolist()) == list(range(25))
    distance = torch.cdist(data[unlabeled], data[labeled]).amin(dim=1)
    assert int(answer[0]) == int(distance.argmax())


def test_a_common_offset_does_not_drown_small_distances() -> None:
    points, centers = 1e-2 * _points(50, 4, 9), 1e-2 * _points(5, 4, 10)
    shifted = (points + 1e3, centers + 1e3)  # float32 leaves about 2^-14 of each coordinate
    assert k_center(*shifted, 20, _rng()).tolist() == reference.coreset(*shifted, 20, _rng())


@pytest.mark.parametrize("scale", [1e-30, 1e-3, 1e15, 1e25])
@pytest.mark.parametrize("offset", [0.0, 30.0])
def test_bounds_hold_at_any_scale(scale: float, offset: float) -> None:
    """In float32, squares become 0 or infinite: the first bounds are useless, but the answer is right."""
    for seed in range(3):
        points, centers = scale * (_points(60, 40, seed) + offset), scale * (_points(20, 40, seed + 50) + offset)
        assert k_center(points, centers, 30, _rng()).tolist() == reference.coreset(points, centers, 30, _rng())


def test_the_precision_of_matrix_products_changes_nothing() -> None:
    points, centers = _points(500, 16, 1) + 3, _points(40, 16, 2) + 3
    expected = k_center(points, centers, 50, _rng())
    before = torch.get_float32_matmul_precision()
    try:
        torch.set_float32_matmul_precision("medium")
        assert torch.equal(k_center(points, centers, 50, _rng()), expected)
    finally:
        torch.set_float32_matmul_precision(before)


def test_a_labeled_embedding_that_is_not_finite_is_refused() -> None:
    context = make_context(8, dim=3, labeled=40)
    assert context.labeled is not None
    broken = context.labeled.embeddings.clone()
    broken[37, 1] = torch.inf
    bad = QueryContext(context.candidates, 4, labeled=Outputs(context.labeled.logits, broken))
    with pytest.raises(QueryError, match="not finite"):
        CoreSet().query(bad, 2, rng=_rng())
