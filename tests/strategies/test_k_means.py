from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.cluster import KMeans

from iale.errors import QueryError
from iale.geometry._mapped import points_of
from iale.geometry.points import Points
from iale.seeding import Stream
from iale.strategies import _k_means
from iale.strategies._k_means import every_point, k_means, spread
from iale.testing import make_context
from tests.strategies.clustered import blobs


def _rng(seed: int = 3) -> np.random.Generator:
    return np.random.default_rng(seed)


def _points(values: torch.Tensor) -> Points:
    return Points(values, torch.arange(len(values)))


@pytest.mark.parametrize("scale", [1e-20, 1.0, 1e25])
def test_clusters_that_lie_apart_are_found_at_any_scale(scale: float) -> None:
    rows, which = blobs((30, 5, 60, 11), seed=1)
    found, _ = k_means(_points(scale * rows), 4, _rng())
    assert _same_groups(found, which)


def test_clusters_are_as_tight_as_those_of_scikit_learn() -> None:
    """On data without clusters: the mean over seeds of the squared distances to the centers."""
    rows = torch.randn(800, 8, generator=Stream(1).torch())
    ours = [_inertia(rows, k_means(_points(rows), 12, _rng(seed))[0]) for seed in range(10)]
    theirs = [KMeans(12, random_state=seed, n_init=1).fit(rows.numpy()).inertia_ for seed in range(10)]
    assert np.mean(ours) == pytest.approx(np.mean(theirs), rel=0.01)


def _same_groups(one: torch.Tensor, other: torch.Tensor) -> bool:
    pairs = set(zip(one.tolist(), other.tolist(), strict=True))
    return len(pairs) == len(set(one.tolist())) == len(set(other.tolist()))


def _inertia(rows: torch.Tensor, clusters: torch.Tensor) -> float:
    parts = [rows[clusters == each] for each in set(clusters.tolist())]
    return sum(float((part - part.mean(dim=0)).square().sum()) for part in parts)


@settings(max_examples=60, deadline=None)
@given(n=st.integers(1, 60), k=st.integers(1, 70), different=st.integers(1, 60), seed=st.integers(0, 10**6))
def test_duplicates_share_a_cluster_and_no_cluster_is_invented(n: int, k: int, different: int, seed: int) -> None:
    generator = Stream(seed).torch()
    rows = torch.randn(different, 3, generator=generator)[torch.randint(different, (n,), generator=generator)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        clusters, squares = k_means(_points(rows), k, _rng(seed))
    _, group = torch.unique(rows, dim=0, return_inverse=True)
    count = len(set(group.tolist()))
    assert all(len(set(clusters[group == each].tolist())) == 1 for each in range(count))
    assert 0 <= int(clusters.min()) <= int(clusters.max()) < min(k, count)
    if k >= count:
        assert _same_groups(clusters, group)
        assert float(squares.max()) < 1e-6


def test_of_many_points_some_are_fitted_and_all_assigned(monkeypatch: pytest.MonkeyPatch) -> None:
    rows, which = blobs((300, 500, 200))
    monkeypatch.setattr(_k_means, "_FITTED", 60)
    found, _ = k_means(_points(rows.half()), 3, _rng())
    assert _same_groups(found, which)


def test_spread_takes_the_nearest_to_each_center() -> None:
    rows = torch.tensor([[0.0], [1.0], [2.0], [3.0], [4.0], [100.0], [101.0], [102.0]])
    for seed in range(5):
        assert set(spread(_points(rows), 2, _rng(seed)).tolist()) == {2, 6}


def test_spread_stays_within_and_then_draws() -> None:
    rows = torch.cat([torch.zeros(10, 2), torch.randn(20, 2, generator=Stream(1).torch())])
    within = torch.arange(30) < 12  # the duplicates and two others: 3 clusters
    found = spread(_points(rows), 14, _rng(), within=within)
    assert set(found[:12].tolist()) == set(range(12))
    assert len(set(found.tolist())) == 14
    few = spread(_points(rows), 5, _rng(), within=within)
    assert {10, 11} < set(few[:3].tolist())
    assert set(few.tolist()) <= set(range(12))


def test_spread_of_directions_ignores_lengths_and_takes_zeros() -> None:
    rows = torch.tensor([[1.0, 0.0], [50.0, 0.0], [0.0, 0.0], [0.0, 0.0], [0.0, 2.0], [0.0, 900.0]])
    for seed in range(5):
        found = set(spread(_points(rows), 3, _rng(seed), unit=True).tolist())
        assert [len(found & pair) for pair in ({0, 1}, {2, 3}, {4, 5})] == [1, 1, 1]


def test_every_point_needs_no_shared_values() -> None:
    context = make_context(n=8, labeled=3)
    assert context.geometry is not None
    assert context.labeled_geometry is not None
    expected = torch.cat([context.labeled_geometry.read(), context.geometry.read()])
    assert torch.equal(every_point(context).read(), expected)
    known = context.labeled_geometry
    copied = Points(known.read(), torch.arange(3))
    object.__setattr__(context, "labeled_geometry", copied)
    assert torch.equal(every_point(context).read(), expected)


def test_every_point_of_a_file_gives_its_pages_back(tmp_path: Path) -> None:
    np.save(tmp_path / "points.npy", np.arange(22, dtype=np.float32).reshape(11, 2))
    whole, every = points_of(np.load(tmp_path / "points.npy", mmap_mode="r")), torch.arange(11)
    context = make_context(n=8, labeled=3)
    object.__setattr__(context, "geometry", whole.at(every[:8]))
    object.__setattr__(context, "labeled_geometry", whole.at(every[8:]))
    found = every_point(context)
    assert found.read()[:, 0].tolist() == [16, 18, 20, 0, 2, 4, 6, 8, 10, 12, 14]
    assert whole._file is not None
    assert found._file is whole._file  # of which `read` releases the pages
    assert found.at(every[:2])._file is whole._file


def test_a_point_that_is_not_finite_is_refused() -> None:
    rows = torch.zeros(9, 2)
    rows[4, 1] = torch.nan
    with pytest.raises(QueryError, match="not finite"):
        spread(_points(rows), 3, _rng())
